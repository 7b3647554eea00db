"""Queue segment changes for delivery: they are in their triggers' queues before their offsets are committed."""

import logging
import time
from collections.abc import Sequence

import msgspec
import redis

from events.segment_changes import Change, decode_change
from events.topics.partitioning import partitions_of
from state.campaigns.deliveries import DeliveryStore
from state.campaigns.triggers import TriggerStore
from state.partitions.partition_store import PartitionStore
from state.store import keys
from stream.campaigns.trigger_matching import deliveries_for
from stream.customers.rfm_values import rfm_values

__all__ = ["ChangeIntake"]

log = logging.getLogger(__name__)


class ChangeIntake:
    """Queues the deliveries of a batch of messages; the same batch again adds none."""

    def __init__(self, client: redis.Redis, triggers: TriggerStore, deliveries: DeliveryStore, partitions: int) -> None:
        self._triggers, self._deliveries, self._partitions = triggers, deliveries, partitions
        self._store = PartitionStore(client, keys.SEGMENTS_GROUP)

    def add(self, messages: Sequence[tuple[bytes | None, int]]) -> int:
        """Queue the deliveries of messages (value, and time in ms), and return how many were new."""
        triggers = self._triggers.all()
        if not triggers:
            return 0
        changes = [(change, at_ms) for value, at_ms in messages if (change := _decoded(value)) is not None]
        deliveries = deliveries_for(triggers.values(), changes, self._net_spend)
        now_ms = time.time_ns() // 1_000_000
        return sum(self._deliveries.add(name, each, now_ms) for name, each in deliveries.items())

    def _net_spend(self, customer_ids: Sequence[str]) -> dict[str, float]:
        """Return the customers' net spend in the shop's currency."""
        by_partition: dict[int, list[str]] = {}
        for customer_id, partition in zip(
            customer_ids, partitions_of(customer_ids, self._partitions).tolist(), strict=True
        ):
            by_partition.setdefault(partition, []).append(customer_id)
        values: dict[str, float] = {}
        for partition, ids in by_partition.items():
            rows = self._store.load(partition, ids).rows
            values.update(zip(ids, rfm_values(rows, 0)["monetary"].tolist(), strict=True))
        return values


def _decoded(value: bytes | None) -> Change | None:
    if value is None:
        return None
    try:
        return decode_change(value)
    except msgspec.ValidationError as error:
        log.warning("a message on segment-changes cannot be read (%s): %r", error, value[:200])
        return None
