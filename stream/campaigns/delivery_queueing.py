"""Queue segment changes for delivery: they are in their triggers' queues before their offsets are committed."""

import time
from collections.abc import Sequence

import redis

from consumers.broker.internal_messages import StoredMessage
from consumers.history.published_changes import read_published_changes
from events.topics.partitioning import partitions_of
from state.campaigns.deliveries import DeliveryStore
from state.campaigns.triggers import TriggerStore
from state.customers.current_segment_keys import SegmentViews
from state.operations.skipped_messages import SkippedMessages
from state.partitions.partition_store import PartitionStore
from state.store import keys
from stream.campaigns.trigger_matching import deliveries_for
from stream.customers.rfm_values import rfm_values

__all__ = ["ChangeIntake"]


class ChangeIntake:
    """Queues the deliveries of a batch of messages; the same batch again adds none."""

    def __init__(self, client: redis.Redis, triggers: TriggerStore, deliveries: DeliveryStore, partitions: int) -> None:
        self._triggers, self._deliveries, self._partitions = triggers, deliveries, partitions
        self._views = SegmentViews(client)
        self._store, self._skipped = PartitionStore(client, keys.SEGMENTS_GROUP), SkippedMessages(client)

    def add(self, messages: Sequence[tuple[StoredMessage, int]]) -> int:
        """Queue the deliveries of messages (each with its time in ms), and return how many were new."""
        times = {(message.partition, message.offset): at_ms for message, at_ms in messages}
        published = read_published_changes([each for each, _ in messages], self._partitions, self._skipped.add)
        triggers = self._triggers.all()
        if not triggers:
            return 0
        changes = [(change, times[message.partition, message.offset]) for message, change in published]
        deliveries = deliveries_for(triggers.values(), changes, self._net_spend)
        now_ms = time.time_ns() // 1_000_000
        return sum(self._deliveries.add(name, each, now_ms) for name, each in deliveries.items())

    def _net_spend(self, customer_ids: Sequence[str]) -> dict[str, float]:
        """Return the customers' net spend in the shop's currency; of merged ones, that of the person."""
        survivors = self._views.survivors(customer_ids)
        people = list(dict.fromkeys(survivors.get(each, each) for each in customer_ids))
        by_partition: dict[int, list[str]] = {}
        for person, partition in zip(people, partitions_of(people, self._partitions).tolist(), strict=True):
            by_partition.setdefault(partition, []).append(person)
        values: dict[str, float] = {}
        for partition, ids in by_partition.items():
            rows = self._store.load(partition, ids).rows
            values.update(zip(ids, rfm_values(rows, 0)["monetary"].tolist(), strict=True))
        return {each: values[survivors.get(each, each)] for each in customer_ids}
