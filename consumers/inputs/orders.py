"""The `orders` topic: placed, cancelled and refunded orders in columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from consumers.inputs.bounds import EventBounds
from consumers.inputs.columns import Columns, Decoding
from consumers.inputs.currency_conversion import Money
from events.arrays import Ints
from events.codec.amount_columns import currency_text
from events.codec.column_decoder import ColumnDecoder, DecodedColumns
from events.codec.field_coercion import coerce_refused
from events.codec.id_hashes import topic_seed
from events.schema.inputs import ORDER_ID_MISSING, Order

__all__ = ["CANCELLED", "PLACED", "REFUNDED", "OrderColumns", "OrderInput"]

PLACED, CANCELLED, REFUNDED = range(3)
_KINDS = {"placed": PLACED, "cancelled": CANCELLED, "refunded": REFUNDED}


@dataclass(frozen=True)
class OrderColumns(Columns):
    """`kinds` is PLACED, CANCELLED or REFUNDED; `amounts` are thousandths of the shop's currency.

    `order_hashes` are 0 where no order is named: a refund that is a credit note.
    """

    kinds: npt.NDArray[np.int8]
    amounts: Ints
    order_hashes: npt.NDArray[np.uint64]


class OrderInput:
    """Decodes orders; one for each worker, since it may learn the shop's currency."""

    topic = "orders"
    hashed: ClassVar[Mapping[str, int]] = {"event_id": topic_seed(topic), "order_id": 0}
    fields: tuple[str, ...] = ("customer_id", "occurred_at", "type", "amount", "currency")

    def __init__(self, money: Money, max_bytes: int, bounds: EventBounds = EventBounds()) -> None:  # noqa: B008
        self._money, self._bounds = money, bounds
        self._decoder = ColumnDecoder(Order, self.fields, max_bytes, hashed=self.hashed)
        self._kinds = np.array([_KINDS[name] for name in self._decoder.choices["type"]], np.int8)

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice; `latest_ms` is the latest time that an event may have."""
        read = self._decoder.decode(values)
        if read.rejections and (coerced := coerce_refused(self.topic, values, read.rejections)):
            read = self._decoder.decode(coerced[0])
        amounts, unconvertible = self._money.thousandths(read["amount"], read["currency"])
        columns = self.columns(read, amounts)
        rejections = self._bounds.check(columns, latest_ms)
        self._bounds.check_names(rejections, columns.order_hashes, "order_id")
        unnamed = (columns.order_hashes == 0) & (columns.kinds != REFUNDED)
        rejections.where(unnamed, lambda _: ORDER_ID_MISSING)
        rejections.where(unconvertible, lambda i: self._money.reason(currency_text(read["currency"][i])))
        return rejections.split(columns, read.positions, read.rejections)

    def columns(self, read: DecodedColumns, amounts: Ints) -> OrderColumns:
        """Return what was read of n events as columns; `amounts` (n,) are thousandths."""
        return OrderColumns(
            read["customer_id"],
            read["event_id"],
            read["occurred_at"],
            self._kinds[read["type"]],
            amounts,
            read["order_id"],
        )
