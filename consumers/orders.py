"""The `orders` topic: placed, cancelled and refunded orders in columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from consumers.columns import Columns, Decoding, Refusals, column, event_hashes, names_column
from consumers.money import Money
from events.codec import BatchDecoder
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

    def __init__(self, money: Money, max_bytes: int) -> None:
        self._money = money
        self._decoder = BatchDecoder(Order, max_bytes, instants=("occurred_at",))

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice; `latest_ms` is the latest time that an event may have."""
        decoded = self._decoder.decode(values)
        events = decoded.events
        currencies = column(events, "currency")
        amounts, unconvertible = self._money.thousandths(column(events, "amount"), currencies)
        columns = self.columns(events, decoded.instants["occurred_at"], amounts)
        refusals = Refusals(len(events))
        refusals.times(columns.times, latest_ms)
        refusals.where(unconvertible, lambda i: self._money.reason(currencies[i]))
        return refusals.split(columns, decoded.positions, decoded.rejections)

    def columns(
        self, events: Sequence[Any], times: npt.NDArray[np.int64], amounts: npt.NDArray[np.int64]
    ) -> OrderColumns:
        """Return the decoder's n events as columns; `times` are ms since 1970 UTC, `amounts` thousandths."""
        return OrderColumns(
            names_column(events, "customer_id"),
            event_hashes(column(events, "event_id"), self.topic),
            times,
            np.fromiter(map(_KINDS.__getitem__, column(events, "type")), np.int8, len(events)),
            amounts,
        )
