"""Lengths of time as people type them: 90s, 15m, 36h, 7d, 2w."""

import re
from typing import Final

import typer

__all__ = ["days_of", "duration_s"]

_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


def duration_s(text: str) -> float:
    """Return the seconds in a length of time. Raises typer.BadParameter.

    >>> duration_s("1.5h")
    5400.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip())
    if found is None or not 0 < float(found[1]) < 1e6:
        raise typer.BadParameter(f"{text!r} is not a duration; write it as 90s, 15m, 36h, 7d or 2w")
    return float(found[1]) * _SECONDS[found[2]]


def days_of(text: str) -> float:
    """Return the days in a length of time. Raises typer.BadParameter.

    >>> days_of("36h"), days_of("2w")
    (1.5, 14.0)
    """
    return duration_s(text) / _SECONDS["d"]
