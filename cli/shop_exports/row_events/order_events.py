"""The rows of an order as its events: placed, refunded, cancelled; or none, where it was never paid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import xxhash

from cli.shop_exports.cell_text.amounts import read_amount
from cli.shop_exports.cell_text.status_words import Meaning, plain_status
from cli.shop_exports.guesses.reading import Reading
from cli.shop_exports.row_events.cell_values import CellValues
from cli.shop_exports.row_events.customer_ids import CustomerIds
from cli.shop_exports.row_events.refusals import CellRefused
from events.schema.inputs import Item, Order

__all__ = ["NoSale", "OrderEvents", "OrderRow", "event_name"]

Kind = Literal["placed", "refunded", "cancelled"]
_MAX_NAME: Final = 100
_TYPES: Final[dict[str, Kind]] = {
    **dict.fromkeys(("placed", "order", "sale", "purchase", "payment", "charge"), "placed"),
    **dict.fromkeys(("refunded", "refund", "return", "credit", "credit note", "gutschrift", "avoir"), "refunded"),
    **dict.fromkeys(("cancelled", "canceled", "cancellation", "storno"), "cancelled"),
}
_FILLED: Final = (
    *(
        "customer_id",
        "at",
        "amount",
        "currency",
        "meaning",
        "refunded",
        "refunded_at",
        "cancelled_at",
        "channel",
        "kind",
    ),
)
"""What the first row of an order may leave to the others."""


class NoSale(NamedTuple):
    """An order that does not count, by its status."""

    status: str


@dataclass(frozen=True)
class OrderRow:
    """A row of an export of orders, read. What is None the export does not say in this row."""

    row: int
    order_id: str | None
    customer_id: str | None
    at: datetime | None
    amount: Decimal | None
    currency: str | None
    meaning: Meaning | None
    status: str
    kind: Kind | None
    refunded: Decimal | None
    refunded_at: datetime | None
    cancelled_at: datetime | None
    items: tuple[Item, ...]
    event_id: str | None
    channel: str | None


class OrderEvents:
    """Reads rows, and makes events of the rows of one order."""

    def __init__(self, reading: Reading, values: CellValues, customers: CustomerIds) -> None:
        self._reading, self._values, self._customers = reading, values, customers
        self._of_lines = "amount" not in reading.columns and "price" in reading.columns
        self._has_status = "status" in reading.columns

    def read(self, row: int, cells: dict[str, Any]) -> OrderRow:
        """Return a row's values. Raises CellRefused for the first cell that cannot be read."""
        values = self._values
        status = values.text(cells, "status") or ""
        amount = self._line_amount(cells) if self._of_lines else values.amount(cells, "amount")
        refunded = values.amount(cells, "refunded_amount")
        return OrderRow(
            row,
            values.identifier(cells, "order_id"),
            self._customers.of(cells),
            values.instant(cells, "occurred_at"),
            amount,
            values.currency(cells) if amount is not None or refunded is not None else None,
            self._reading.meanings.get(plain_status(status)),
            status,
            self._kind(cells),
            refunded,
            values.instant(cells, "refunded_at"),
            values.instant(cells, "cancelled_at"),
            self._items(cells),
            values.identifier(cells, "event_id"),
            values.text(cells, "channel"),
        )

    def events(self, rows: Sequence[OrderRow]) -> Iterator[Order | NoSale]:
        """Yield the events of an order by its rows, which are of one customer. Raises CellRefused."""
        back = self._taken_back(rows)
        kept = [row for row in rows if row not in back]
        if kept:
            yield from self._of_order(self._joined(kept))
        if back and not kept and self._reading.order_rows == "sum":
            back = [self._joined(back)]
        for place, row in enumerate(back):
            if row.meaning == "no_sale":
                yield NoSale(row.status)
                continue
            name = f"-{row.at:%Y%m%dT%H%M%S}-{abs(row.amount or 0)}" if row.at and kept else ""
            again = sum((each.at, each.amount) == (row.at, row.amount) for each in back[:place])
            yield self._event(row, "refunded", row.amount, name + (f"-{again + 1}" if again else ""), credit=not kept)

    def _taken_back(self, rows: Sequence[OrderRow]) -> list[OrderRow]:
        """Return the rows that are refunds: negative ones; of the lines of an order only those of another time."""
        negative = [row for row in rows if row.amount is not None and row.amount < 0 and row.kind is None]
        if self._reading.order_rows != "sum" or len(negative) == len(rows):
            return negative
        prefix = self._reading.mapping.refund_prefix
        if prefix and (rows[0].order_id or "").startswith(prefix):
            return list(rows)
        placed_at = {row.at for row in rows if row not in negative}
        return [row for row in negative if row.at is not None and row.at not in placed_at]

    def _joined(self, rows: Sequence[OrderRow]) -> OrderRow:
        """Return the rows of an order as one: what the first leaves empty is taken from the others."""
        if len(rows) == 1:
            return rows[0]
        filled: dict[str, Any] = {
            name: next((value for value in (getattr(row, name) for row in rows) if value is not None), None)
            for name in _FILLED
        }
        if self._reading.order_rows == "sum":
            filled["amount"] = sum((row.amount for row in rows if row.amount is not None), Decimal(0))
            filled["at"] = min((row.at for row in rows if row.at is not None), default=None)
        status = next((row.status for row in rows if row.status), "")
        return replace(rows[0], **filled, status=status, items=tuple(item for row in rows for item in row.items))

    def _of_order(self, row: OrderRow) -> Iterator[Order | NoSale]:
        if row.kind is not None:
            yield self._event(row, row.kind, row.refunded or row.amount if row.kind == "refunded" else row.amount)
            return
        meaning = self._meaning(row)
        if meaning == "no_sale":
            yield NoSale(row.status)
            return
        if row.amount is not None and row.amount < 0:
            yield self._event(row, "refunded", row.amount, credit=True)
            return
        yield self._event(row, "placed", row.amount)
        given = abs(row.refunded) if row.refunded else None
        if meaning == "cancelled":
            yield self._event(replace(row, at=row.cancelled_at or row.at), "cancelled", row.amount)
        elif given or meaning in ("refunded", "partially_refunded"):
            if given is None and meaning == "partially_refunded":
                reason = f"is missing, and the status is {row.status!r} (--map refunded_amount=COLUMN)"
                raise CellRefused(self._values.column("refunded_amount"), "", reason)
            at = row.refunded_at or row.cancelled_at or row.at
            yield self._event(replace(row, at=at), "refunded", row.amount if given is None else given)

    def _meaning(self, row: OrderRow) -> Meaning:
        if row.meaning is None and self._has_status:
            raise CellRefused(
                self._values.column("status"), row.status, "no word says whether this is a sale (--status WORD=MEANING)"
            )
        if row.meaning in (None, "sale", "refunded", "partially_refunded") and row.cancelled_at is not None:
            return "cancelled"
        return row.meaning or "sale"

    def _event(
        self, row: OrderRow, kind: Kind, amount: Decimal | None, name: str = "", *, credit: bool = False
    ) -> Order:
        """Return an event. Raises CellRefused where something is missing, ValidationError where it is no event."""
        self._require(row, amount)
        order_id = row.order_id or self._name_of_unnamed(row)
        if self._reading.order_rows == "each" and row.at is not None:
            name = f"-{row.at:%Y%m%dT%H%M%S}{name}"
        return Order.model_validate(
            {
                "event_id": row.event_id or event_name("order", order_id, f"{kind}{name}"),
                "customer_id": row.customer_id,
                "occurred_at": row.at,
                "type": kind,
                "order_id": None if credit else order_id,
                "amount": abs(amount or Decimal(0)),
                "currency": row.currency,
                "channel": row.channel,
            }
            | ({"items": list(row.items)} if kind == "placed" and row.items else {})
        )

    def _require(self, row: OrderRow, amount: Decimal | None) -> None:
        if row.customer_id is None:
            raise self._customers.missing()
        for field, value in (("occurred_at", row.at), ("amount", amount), ("currency", row.currency)):
            if value is None:
                raise CellRefused(self._values.column(field), "", f"{field} is missing")
        if row.order_id is None and "order_id" in self._reading.columns and row.kind != "refunded":
            raise CellRefused(self._values.column("order_id"), "", "order_id is missing")

    def _name_of_unnamed(self, row: OrderRow) -> str:
        """Return a name for an order of an export without order ids."""
        return xxhash.xxh3_64_hexdigest(f"{row.customer_id}|{row.at}|{row.amount}".encode())

    def _kind(self, cells: dict[str, Any]) -> Kind | None:
        word = self._values.text(cells, "type")
        if word is None:
            return None
        kind = _TYPES.get(plain_status(word))
        if kind is None:
            raise CellRefused(self._values.column("type"), word, "should be placed, refunded or cancelled")
        return kind

    def _line_amount(self, cells: dict[str, Any]) -> Decimal | None:
        price = self._values.amount(cells, "price")
        quantity = self._values.amount(cells, "quantity") if "quantity" in self._reading.columns else Decimal(1)
        return None if price is None or quantity is None else read_amount(price * quantity, None)

    def _items(self, cells: dict[str, Any]) -> tuple[Item, ...]:
        """Return the item of a line that names one; a line with another quantity than a whole number has none."""
        sku = self._values.text(cells, "sku")
        if sku is None or self._reading.order_rows == "each":
            return ()
        quantity = self._values.amount(cells, "quantity") if "quantity" in self._reading.columns else Decimal(1)
        if quantity is None or quantity < 0 or quantity != int(quantity):
            return ()
        price = self._values.amount(cells, "price")
        category = self._values.text(cells, "category")
        kept = price if price is not None and price >= 0 else None
        return (Item(sku=sku[:128], quantity=int(quantity), price=kept, category=category and category[:256]),)


def event_name(what: str, name: str, kind: str) -> str:
    """Return an event id that is always the same for the same thing; a long name is hashed.

    >>> event_name("order", "1001", "placed")
    'order-1001-placed'
    """
    short = name if len(name) <= _MAX_NAME - len(kind) else xxhash.xxh3_128_hexdigest(name.encode())
    return f"{what}-{short}-{kind}"
