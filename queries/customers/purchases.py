"""A customer's purchases one by one, from the log that the experiment consumer keeps."""

from typing import Any, Final, NamedTuple

import redis

from events.codec.amount_columns import SCALE
from events.topics.partitioning import partition_of
from state.experiments.purchase_logs import PurchaseLogs
from state.store import keys

__all__ = ["Purchase", "purchases_of"]

_KINDS: Final = ("placed", "cancelled", "refunded", "conversion")
"""Indexed by the number that the log has for them."""


class Purchase(NamedTuple):
    """An order, cancellation, refund or conversion: ms since 1970, its kind, the amount in the shop's currency."""

    at_ms: int
    kind: str
    amount: float


def purchases_of(client: redis.Redis, customer_id: str, partitions: int) -> list[Purchase]:
    """Return a customer's purchases in the log, the latest first; none where no experiment consumer runs."""
    store: Any = client
    home = partition_of(customer_id, partitions)
    value = store.hget(keys.purchases(home), customer_id)
    entries = PurchaseLogs.unpack([customer_id], [value]).entries
    found = [
        Purchase(stamp >> 2, _KINDS[stamp & 3], amount / SCALE)
        for stamp, amount in zip(entries["stamp"].tolist(), entries["amount"].tolist(), strict=True)
    ]
    return sorted(found, reverse=True)
