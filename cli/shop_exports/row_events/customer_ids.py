"""Whose a row is: the customer's id, or the e-mail address of a guest."""

import re
from typing import Any, Final

from cli.shop_exports.row_events.cell_values import CellValues
from cli.shop_exports.row_events.refusals import CellRefused
from consumers.inputs.placeholder_ids import PlaceholderIds

__all__ = ["CustomerIds"]

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")
_MISSING: Final = "a row needs a customer: an id, or an e-mail address"


class CustomerIds:
    """An id that stands for none (`0`, `guest`, …) gives way to the address, that to a visitor's id.

    Addresses are in lower case.
    """

    def __init__(self, values: CellValues, placeholders: PlaceholderIds) -> None:
        self._values, self._placeholders = values, placeholders

    def of(self, row: dict[str, Any]) -> str | None:
        """Return the customer of a row, None where it names none. Raises CellRefused where the id cannot be used."""
        given = self._values.identifier(row, "customer_id")
        if given is not None and given not in self._placeholders:
            return given.lower() if _ADDRESS.fullmatch(given) else given
        address = self._values.identifier(row, "email")
        if address is not None and address not in self._placeholders:
            if not _ADDRESS.fullmatch(address):
                raise CellRefused(self._values.column("email"), address, "should be an e-mail address")
            return address.lower()
        visitor = self._values.identifier(row, "visitor_id")
        if visitor is not None and visitor not in self._placeholders:
            return visitor
        if given is not None:
            raise CellRefused(self._values.column("customer_id"), given, f"stands for a missing id; {_MISSING}")
        return None

    def missing(self) -> CellRefused:
        """Return what is said of a row without a customer."""
        named = next((each for each in ("customer_id", "email", "visitor_id") if self._values.has(each)), "customer_id")
        return CellRefused(self._values.column(named), "", _MISSING)
