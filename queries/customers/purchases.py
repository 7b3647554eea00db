"""A customer's orders one by one, from the log that the experiment consumer keeps of them."""

from typing import Any, Final, NamedTuple

import redis

from events.codec.amount_columns import SCALE
from events.topics.partitioning import partition_of
from state.experiments.purchase_logs import PurchaseLogs
from state.store import keys

__all__ = ["Purchase", "purchases_of"]

_KINDS: Final = ("placed", "cancelled", "refunded", "conversion")
"""By the number that the log has for them."""


class Purchase(NamedTuple):
    """What was bought, taken back, or converted: ms since 1970, the kind, and the amount in the shop's currency."""

    at_ms: int
    kind: str
    amount: float


def purchases_of(client: redis.Redis, customer_id: str, partitions: int) -> list[Purchase]:
    """Return what the log remembers of a customer, the latest first; nothing where no experiment consumer runs."""
    store: Any = client
    home = partition_of(customer_id, partitions)
    value = store.hget(keys.purchases(home), customer_id)
    entries = PurchaseLogs.unpack([customer_id], [value]).entries
    found = [
        Purchase(stamp >> 2, _KINDS[stamp & 3], amount / SCALE)
        for stamp, amount in zip(entries["stamp"].tolist(), entries["amount"].tolist(), strict=True)
    ]
    return sorted(found, reverse=True)
