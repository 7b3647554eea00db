"""How a text file of cells is laid out: its delimiter, and the row with the columns' names."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

__all__ = ["Layout", "detect_layout", "header_row", "looks_like_data"]

_DELIMITERS: Final = (",", ";", "\t", "|")
_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_CONSISTENT: Final = 0.9
_SAMPLE_ROWS: Final = 500
_VALUE: Final = re.compile(r"[-+(]?[\d.,'’ ]*\d[\d.,'’ ]*\)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|[^@\s]+@[^@\s]+\.\w+")


class Layout(NamedTuple):
    """The delimiter, its name for people, and the number of lines before the rows (a line `sep=;`)."""

    delimiter: str
    label: str
    skipped_lines: int = 0


def detect_layout(lines: Sequence[str]) -> Layout:
    r"""Return how the first lines of a file, with their ends, are divided.

    The delimiter is the one by which the rows have the same number of cells as the header, and that is the largest.

    >>> detect_layout(["a;b\n", "1,5;2,5\n"]).delimiter
    ';'
    """
    named = re.fullmatch(r"\ufeff?\"?sep=(.)\"?", lines[0].rstrip("\r\n"), re.IGNORECASE) if lines else None
    if named:
        return Layout(named[1], _NAMES.get(named[1], repr(named[1])), 1)
    best = max(_DELIMITERS, key=lambda each: _score(lines, each))
    return Layout(best, _NAMES[best])


def _score(lines: Sequence[str], delimiter: str) -> tuple[bool, float, int]:
    """Return whether the rows agree, how well, and by how many cells; a delimiter that does not occur is the worst."""
    rows = _parsed(lines, delimiter)
    if not rows:
        return False, 0.0, 0
    header = len(rows[header_row(rows)])
    if header < 2:
        return False, 0.0, 0
    share = sum(len(row) == header for row in rows) / len(rows)
    return share >= _CONSISTENT, header if share >= _CONSISTENT else share, header


def _parsed(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if any(row):
                rows.append(row)
            if len(rows) >= _SAMPLE_ROWS:
                break
    except csv.Error:
        pass
    return rows


def header_row(rows: Sequence[Sequence[Any]]) -> int:
    """Return the place of the columns' names: the first row that is as wide as most are; titles stand above it."""
    widths = Counter(_width(row) for row in rows if _width(row) > 0)
    if not widths:
        return 0
    usual = max(widths, key=lambda width: (widths[width], width))
    # A header names every column; rows may leave their last cells empty.
    return next((place for place, row in enumerate(rows) if _width(row) >= usual), 0)


def _width(row: Sequence[Any]) -> int:
    """Return the number of cells up to the last that is not empty."""
    return next((place for place in range(len(row), 0, -1) if row[place - 1] not in (None, "")), 0)


def looks_like_data(names: Sequence[str]) -> bool:
    """Return whether a row is no header: a cell is a number, a date or an address.

    >>> looks_like_data(["Order", "Total"]), looks_like_data(["1001", "12.50"])
    (False, True)
    """
    return any(_VALUE.fullmatch(name.strip()) for name in names)
