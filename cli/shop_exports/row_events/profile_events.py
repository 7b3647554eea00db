"""A row of an export of customers as a profile."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import xxhash

from cli.shop_exports.cell_text.header_words import ATTRIBUTE
from cli.shop_exports.guesses.column_facts import number_text
from cli.shop_exports.guesses.reading import Reading
from cli.shop_exports.row_events.cell_values import CellValues
from cli.shop_exports.row_events.customer_ids import CustomerIds
from cli.shop_exports.row_events.order_events import event_name
from cli.shop_exports.row_events.refusals import CellRefused
from events.schema.inputs import Consent, CustomerProfile

__all__ = ["ProfileEvents", "ProfileRow"]

_TEXTS: Final = ("gender", "country", "city", "acquisition_source")
_NUMBERS: Final = ("latitude", "longitude", "income")
_YES: Final = frozenset({"yes", "true", "1", "y", "x", "subscribed", "ja", "oui", "si", "sí", "sim", "tak", "accepted"})
_NO: Final = frozenset(
    {"no", "false", "0", "n", "not subscribed", "unsubscribed", "nein", "non", "nee", "nao", "não", "nie"}
)
_MAX_LABEL: Final = 256


@dataclass(frozen=True)
class ProfileRow:
    """A row, and what it says of a customer."""

    row: int
    customer_id: str | None
    at: datetime | None
    event_id: str | None
    fields: dict[str, Any]


class ProfileEvents:
    """Reads rows of customers. An empty cell says nothing: what was known before stays."""

    def __init__(self, reading: Reading, values: CellValues, customers: CustomerIds) -> None:
        self._values, self._customers = values, customers
        self._attributes = [field for field in reading.columns if field.startswith(ATTRIBUTE)]
        self._as_of = values.as_of()

    def read(self, row: int, cells: dict[str, Any]) -> ProfileRow:
        """Return a row's values. Raises CellRefused for the first cell that cannot be read."""
        values = self._values
        fields: dict[str, Any] = {name: (values.text(cells, name) or "")[:_MAX_LABEL] or None for name in _TEXTS}
        fields |= {name: self._number(cells, name) for name in _NUMBERS}
        fields["age"] = self._age(cells)
        fields["signed_up_at"] = values.instant(cells, "signed_up_at")
        fields["consent"] = self._consent(cells)
        fields["attributes"] = self._own(cells)
        return ProfileRow(
            row,
            self._customers.of(cells),
            values.instant(cells, "occurred_at") or self._as_of,
            values.identifier(cells, "event_id"),
            {name: value for name, value in fields.items() if value is not None},
        )

    def events(self, rows: Sequence[ProfileRow]) -> Iterator[CustomerProfile]:
        """Yield the profile of each row, with an event id of its content. Raises CellRefused or ValidationError."""
        for row in rows:
            if row.customer_id is None:
                raise self._customers.missing()
            if row.at is None:
                raise CellRefused(self._values.column("occurred_at"), "", "no time says when this was so; say --as-of")
            content = xxhash.xxh3_64_hexdigest(repr((row.at, sorted(row.fields.items(), key=str))).encode())
            yield CustomerProfile.model_validate(
                {
                    "event_id": row.event_id or event_name("profile", row.customer_id, content),
                    "customer_id": row.customer_id,
                    "occurred_at": row.at,
                    **row.fields,
                }
            )

    def _number(self, cells: dict[str, Any], name: str) -> float | None:
        """Return a number; degrees have a decimal point wherever they come from."""
        if name == "income":
            income = self._values.amount(cells, name)
            return None if income is None else float(income)
        text = self._values.text(cells, name)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise CellRefused(self._values.column(name), text, "should be a number of degrees such as 52.52")
        return number

    def _age(self, cells: dict[str, Any]) -> int | None:
        text = self._values.text(cells, "age")
        if text is None:
            return None
        if not text.removesuffix(".0").isdigit():
            raise CellRefused(self._values.column("age"), text, "should be a whole number of years")
        return int(text.removesuffix(".0"))

    def _consent(self, cells: dict[str, Any]) -> Consent | None:
        text = self._values.text(cells, "marketing_consent")
        word = (text or "").lower().replace("_", " ")
        if word in _YES or word in _NO:
            return Consent(marketing=word in _YES)
        if text:
            raise CellRefused(self._values.column("marketing_consent"), text, "should be yes or no")
        return None

    def _own(self, cells: dict[str, Any]) -> dict[str, Any] | None:
        """Return the shop's own attributes; a cell that is a plain number is one."""
        found = {}
        for field in self._attributes:
            cell = self._values.raw(cells, field)
            if cell is not None:
                found[field.removeprefix(ATTRIBUTE)] = _plain(cell)
        return found or None


def _plain(cell: Any) -> Any:
    if isinstance(cell, bool | int | float):
        return cell
    text = number_text(cell).strip()
    whole, point, rest = text.removeprefix("-").partition(".")
    is_code = len(whole) > 1 and whole.startswith("0")  # 0042 may be a code
    if whole.isdecimal() and (rest.isdecimal() or not point) and not is_code and len(text) < 16:
        return float(text) if point else int(text)
    return text
