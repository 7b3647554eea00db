"""The values of cells by a reading: amounts, instants, ids, currencies, words. A cell that does not fit is refused."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from cli.formats.file_invalid import FileInvalid
from cli.shop_exports.cell_text.amounts import CURRENCY_SIGNS, amount_form, read_amount
from cli.shop_exports.cell_text.instants import written_date
from cli.shop_exports.guesses.column_facts import is_absent, number_text
from cli.shop_exports.guesses.reading import Reading
from cli.shop_exports.row_events.refusals import CellRefused

__all__ = ["CellValues"]

_ROUNDED_BY_A_SPREADSHEET: Final = re.compile(r"\d[.,]\d+E\+\d+", re.IGNORECASE)
_NO_ID: Final = frozenset({"", "\\N", "#N/A", "NA", "-", "--", "–"})
_ESCAPED: Final = re.compile(r'="(.*)"|\'(\d+)')
"""How programs keep a spreadsheet from taking an id for a number."""
_MAX_CACHED: Final = 100_000


class CellValues:
    """Reads the cells of a row by field, given as a dict by column. Values that were read before are remembered."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._columns = dict(reading.columns)
        self._cache: dict[tuple[str, str], datetime] = {}

    def raw(self, row: dict[str, Any], field: str) -> Any:
        """Return the cell of a field, None where the export has no such column or the cell is empty."""
        column = self._columns.get(field)
        if column is None:
            return None
        cell = row.get(column)
        return None if is_absent(cell) else cell

    def has(self, field: str) -> bool:
        """Return whether the export has a column of a field."""
        return field in self._columns

    def column(self, field: str) -> str:
        """Return the name of the column for messages."""
        return self._reading.columns.get(field, field)

    def text(self, row: dict[str, Any], field: str) -> str | None:
        """Return a cell as text without blanks around."""
        cell = self.raw(row, field)
        return None if cell is None else number_text(cell).strip()

    def identifier(self, row: dict[str, Any], field: str) -> str | None:
        """Return an id as text. Numbers that a program wrote with a fraction of zero lose it.

        Raises:
            CellRefused: a spreadsheet has rounded it, or it is too long.
        """
        cell = row.get(self._columns.get(field, ""))
        if cell is None or cell != cell:
            return None
        text = _unescaped(number_text(cell).strip())
        if text in _NO_ID:
            return None
        if _ROUNDED_BY_A_SPREADSHEET.fullmatch(text):
            raise CellRefused(
                self.column(field), text, "is a number that a spreadsheet has rounded; export the ids as text"
            )
        if field in self._reading.fractions:
            text = text.removesuffix(".0")
        if len(text) > 128:
            raise CellRefused(self.column(field), text[:60], "should have at most 128 characters")
        return text

    def amount(self, row: dict[str, Any], field: str) -> Decimal | None:
        """Return an amount, negative where it is written so. Raises CellRefused."""
        found: Decimal | None = self._read(row, field, lambda cell: read_amount(cell, self._reading.mark))
        return found

    def currency(self, row: dict[str, Any]) -> str | None:
        """Return the currency of a row: of its cell, of the sign beside the amount, or of all. Raises CellRefused."""
        cell = self.text(row, "currency")
        if cell is not None:
            code = CURRENCY_SIGNS.get(cell, cell.upper())
            if not re.fullmatch("[A-Z]{3}", code):
                raise CellRefused(self.column("currency"), cell, "should be three letters such as EUR")
            return code
        if self._reading.currency_by_sign:
            unit = amount_form(str(self.raw(row, "amount") or self.raw(row, "price"))).unit
            return CURRENCY_SIGNS.get(unit, unit.upper()) or None
        return self._reading.currency

    def instant(self, row: dict[str, Any], field: str) -> datetime | None:
        """Return an instant in UTC. Raises CellRefused, also where the clock showed the time twice or never."""
        found: datetime | None = self._read(row, field, self._instant)
        return found

    def count(self, row: dict[str, Any], field: str) -> int | None:
        """Return a whole number from 0 on. Raises CellRefused."""
        text = self.text(row, field)
        if text is None:
            return None
        if not text.removesuffix(".0").isdecimal():
            raise CellRefused(self.column(field), text, "should be a whole number")
        return int(text.removesuffix(".0"))

    def seconds(self, row: dict[str, Any], field: str) -> float | None:
        """Return a duration in seconds, also of one that is written 00:03:20. Raises CellRefused."""
        text = self.text(row, field)
        if text is None:
            return None
        found = re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d{2})|(\d+(?:\.\d+)?)", text)
        if not found:
            raise CellRefused(self.column(field), text, "should be seconds, or such as 00:03:20")
        if found[4]:
            return float(found[4])
        return int(found[1] or 0) * 3600.0 + int(found[2]) * 60 + int(found[3])

    def as_of(self) -> datetime | None:
        """Return the time at which profiles without one of their own hold. Raises FileInvalid for what is no time."""
        given = self._reading.mapping.as_of
        if given is None:
            return None
        try:
            return self._instant(given)
        except ValueError as error:
            raise FileInvalid("--as-of", "", f"{given!r} {error}") from None

    def _read(self, row: dict[str, Any], field: str, read: Callable[[Any], Any]) -> Any:
        cell = self.raw(row, field)
        if cell is None:
            return None
        try:
            return read(cell)
        except (ValueError, OverflowError, ArithmeticError) as error:
            raise CellRefused(self.column(field), str(cell)[:60], str(error)) from None

    def _instant(self, cell: Any) -> datetime:
        if isinstance(cell, datetime):
            return self._in_utc(cell)
        if isinstance(cell, date):
            return self._in_utc(datetime(cell.year, cell.month, cell.day))
        text = number_text(cell)
        found = self._cache.get(("", text))
        if found is None:
            found = self._in_utc(self._local(text))
            if len(self._cache) >= _MAX_CACHED:
                self._cache.clear()
            self._cache["", text] = found
        return found

    def _local(self, text: str) -> datetime:
        reading = self._reading
        if reading.strptime is not None:
            try:
                return datetime.strptime(text.strip(), reading.strptime)
            except ValueError:
                pass
        shape, readings = written_date(text)
        if "" in readings:
            return readings[""]
        order = reading.date_orders.get(shape)
        if order in readings:
            return readings[order]
        asked = reading.mapping.date_format or order
        raise ValueError(
            f"does not fit the date format {asked}" if asked else "is a date that can be read in several ways"
        )

    def _in_utc(self, at: datetime) -> datetime:
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        zone = self._reading.zone
        if zone is None:
            raise ValueError("has no time zone; say --zone")
        first = at.replace(tzinfo=zone)
        if not isinstance(zone, ZoneInfo):
            return first.astimezone(UTC)
        second = at.replace(tzinfo=zone, fold=1)
        if first.utcoffset() == second.utcoffset():
            return first.astimezone(UTC)
        if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at:
            raise ValueError(f"is a time that the clock in {zone.key} skipped that day")
        chosen = {"first": first, "second": second}.get(self._reading.mapping.repeated_hour or "")
        if chosen is None:
            raise ValueError(
                f"is a time that the clock in {zone.key} showed twice: it is {_utc(first)} (--repeated-hour first) "
                f"or {_utc(second)} (--repeated-hour second)"
            )
        return chosen.astimezone(UTC)


def _unescaped(text: str) -> str:
    found = _ESCAPED.fullmatch(text)
    return (found[1] or found[2] or "") if found else text


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
