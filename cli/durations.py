"""Lengths of time as people type them: 90s, 15m, 36h, 7d, 2w."""

import re
from typing import Final

import typer

__all__ = ["days_of"]

_DAYS: Final = {"s": 1 / 86_400, "m": 1 / 1_440, "h": 1 / 24, "d": 1.0, "w": 7.0}


def days_of(text: str) -> float:
    """Return the days of a length of time. Raises typer.BadParameter.

    >>> days_of("36h"), days_of("2w")
    (1.5, 14.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip())
    if found is None or not 0 < float(found[1]) < 1e6:
        raise typer.BadParameter(f"{text!r} is not a length of time; write it as 90s, 15m, 36h, 7d or 2w")
    return float(found[1]) * _DAYS[found[2]]
