"""Since when a decision stands, and which findings were reached before and no longer hold."""

import itertools
from datetime import datetime
from typing import Final

from experiments.reporting.document import Reached, Report

__all__ = ["FINDINGS", "standing_sentences"]

FINDINGS: Final = ("ship", "stop_harmful", "stop_no_effect")
"""Decisions that somebody acts on."""
_SHOWN: Final = 3


def standing_sentences(report: Report) -> list[str]:
    """Return since when the present decision stands, and what was found before and no longer holds.

    Only of what was stored: `reached` is empty where nobody has recorded it yet.
    """
    reached = report.reached
    if not reached:
        return []
    last, sentences = reached[-1], []
    verdict = report.verdict
    if verdict.decision != "keep_running" and (last.decision, last.variant) == (verdict.decision, verdict.variant):
        sentences.append(f"So since {_day(last.at)}, with {last.exposed:,} customers.")
    gone = [pair for pair in itertools.pairwise(reached) if pair[0].decision in FINDINGS]
    for each, following in gone[-_SHOWN:]:
        sentences.append(
            f"{_words(each)} was reached on {_day(each.at)}, with {each.exposed:,} customers, and no longer held "
            f"on {_day(following.at)}, with {following.exposed:,}."
        )
    return sentences


def _words(reached: Reached) -> str:
    said = reached.decision.replace("_", " ")
    return f"“{said} {reached.variant}”" if reached.variant else f"“{said}”"


def _day(at: datetime) -> str:
    return f"{at:%d %b %Y, %H:%M}"
