"""What whole columns prove about how their cells are to be read; nothing is decided here."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from cli.shop_exports.cell_text.amounts import amount_form
from cli.shop_exports.cell_text.instants import written_date

__all__ = ["ABSENT", "AmountFacts", "InstantFacts", "TextFacts", "is_absent", "number_text"]

ABSENT: Final = frozenset({"", "\\N", "NULL", "null", "NaN", "nan", "None", "N/A", "n/a", "NA", "#N/A", "-", "--", "–"})
"""What programs write where there is nothing."""
_MAX_EXAMPLES: Final = 3


def is_absent(cell: Any) -> bool:
    """Return whether a cell holds nothing: empty, NaN, or a word for it."""
    if cell is None:
        return True
    if isinstance(cell, str):
        return cell in ABSENT or (cell[:1].isspace() and cell.strip() in ABSENT)
    return cell != cell if isinstance(cell, float | Decimal) else type(cell).__name__ == "NaTType"


def number_text(cell: Any) -> str:
    """Return a number as its plain digits: 17850.0 as 17850, without an exponent."""
    if isinstance(cell, float) and math.isfinite(cell):
        return format(Decimal(repr(cell)), "f").removesuffix(".0")
    return str(cell)


def _first_rows(cells: Iterable[Any], rows: Iterable[int]) -> Iterable[tuple[Any, int]]:
    """Return the different cells, each with the first row that has it."""
    first: dict[Any, int] = {}
    for cell, row in zip(cells, rows, strict=True):
        if cell is not None and cell not in first:
            first[cell] = row
    return first.items()


@dataclass
class AmountFacts:
    """The decimal marks that cells prove, a cell that two marks allow, and the signs of currencies beside amounts."""

    proofs: dict[str, tuple[int, str]] = field(default_factory=dict)
    ambiguous: tuple[int, str] | None = None
    units: set[str] = field(default_factory=set)

    def add(self, cells: Iterable[Any], rows: Iterable[int]) -> None:
        """Take in the cells of some rows; what is no amount is left to the reading of its row."""
        for cell, row in _first_rows(cells, rows):
            if not isinstance(cell, str) or is_absent(cell):
                continue
            try:
                form = amount_form(cell)
            except ValueError:
                continue
            self.units.add(form.unit)
            if form.proof is not None:
                self.proofs.setdefault(form.proof, (row, cell))
            elif form.ambiguous and self.ambiguous is None:
                self.ambiguous = row, cell


@dataclass
class ShapeFacts:
    """The orders of day, month and year by which all dates of one form can be read."""

    orders: set[str] | None = None
    telling: list[tuple[int, str]] = field(default_factory=list)
    excluded: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, row: int, text: str, readings: dict[str, datetime]) -> None:
        """Take in one date."""
        found = set(readings)
        for order in (self.orders or found) - found:
            self.excluded.setdefault(order, (row, text))
        for order in {"dmy", "mdy"} - found:
            self.excluded.setdefault(order, (row, text))
        self.orders = found if self.orders is None else self.orders & found
        if len(set(readings.values())) > 1 and len(self.telling) < _MAX_EXAMPLES:
            self.telling.append((row, text))


@dataclass
class InstantFacts:
    """The forms of the dates of some columns, and one without a zone."""

    shapes: dict[str, ShapeFacts] = field(default_factory=dict)
    without_zone: tuple[int, Any] | None = None

    def add(self, cells: Iterable[Any], rows: Iterable[int]) -> None:
        """Take in the cells of some rows; what is no date is left to the reading of its row."""
        for cell, row in _first_rows(cells, rows):
            if isinstance(cell, datetime | date):
                if self.without_zone is None and getattr(cell, "tzinfo", None) is None and not is_absent(cell):
                    self.without_zone = row, cell
            elif not is_absent(cell) and not isinstance(cell, bool):
                self._add_text(number_text(cell), row)

    def _add_text(self, text: str, row: int) -> None:
        try:
            shape, readings = written_date(text)
        except ValueError:
            return
        if self.without_zone is None and next(iter(readings.values())).tzinfo is None:
            self.without_zone = row, text
        if "" not in readings:
            self.shapes.setdefault(shape, ShapeFacts()).add(row, text, readings)


@dataclass
class TextFacts:
    """The words of a column, how often each occurs, and whether all are numbers such as 17850.0."""

    words: Counter[str] = field(default_factory=Counter)
    all_integral: bool = True
    any_fraction: bool = False

    def add(self, cells: Iterable[Any], *, count: bool) -> None:
        """Take in cells; words are counted only where wanted, since ids are many."""
        for cell in cells:
            if is_absent(cell):
                continue
            if count:
                self.words[str(cell).strip()] += 1
            elif isinstance(cell, str) and self.all_integral:
                plain = cell.strip()
                whole = plain.removesuffix(".0")
                self.all_integral = whole.isdigit()
                self.any_fraction |= len(whole) < len(plain)

    @property
    def written_as_fractions(self) -> bool:
        """Whether the ids are whole numbers that a program wrote with a fraction of zero."""
        return self.all_integral and self.any_fraction
