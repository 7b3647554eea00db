"""The `orders` topic: placed, cancelled and refunded orders in columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumers.columns import Columns, Decoding, Refusals, event_hashes
from consumers.money import Money
from events.amounts import currency_text
from events.columnar import ColumnDecoder, Read
from events.inputs import Order

__all__ = ["CANCELLED", "PLACED", "REFUNDED", "OrderColumns", "OrderInput"]

PLACED, CANCELLED, REFUNDED = range(3)
_KINDS = {"placed": PLACED, "cancelled": CANCELLED, "refunded": REFUNDED}


@dataclass(frozen=True)
class OrderColumns(Columns):
    """`kinds` is PLACED, CANCELLED or REFUNDED; `amounts` are thousandths of the shop's currency."""

    kinds: npt.NDArray[np.int8]
    amounts: npt.NDArray[np.int64]


class OrderInput:
    """Decodes orders; one for each worker, since it may learn the shop's currency."""

    topic = "orders"
    fields: tuple[str, ...] = ("customer_id", "event_id", "occurred_at", "type", "amount", "currency")

    def __init__(self, money: Money, max_bytes: int) -> None:
        self._money = money
        self._decoder = ColumnDecoder(Order, self.fields, max_bytes)
        self._kinds = np.array([_KINDS[name] for name in self._decoder.choices["type"]], np.int8)

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice; `latest_ms` is the latest time that an event may have."""
        read = self._decoder.decode(values)
        amounts, unconvertible = self._money.thousandths(read["amount"], read["currency"])
        columns = self.columns(read, amounts)
        refusals = Refusals(len(read))
        refusals.times(columns.times, latest_ms)
        refusals.where(unconvertible, lambda i: self._money.reason(currency_text(read["currency"][i])))
        return refusals.split(columns, read.positions, read.rejections)

    def columns(self, read: Read, amounts: npt.NDArray[np.int64]) -> OrderColumns:
        """Return what was read of n events as columns; `amounts` (n,) are thousandths."""
        return OrderColumns(
            read["customer_id"],
            event_hashes(read["event_id"], self.topic),
            read["occurred_at"],
            self._kinds[read["type"]],
            amounts,
        )
