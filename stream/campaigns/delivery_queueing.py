"""Queue segment changes for delivery, together with the offsets up to which they were read."""

import time
from collections.abc import Mapping, Sequence

import redis

from consumers.broker.internal_messages import StoredMessage
from consumers.entries.entry_log import EntryLog
from consumers.history.change_validation import read_published_changes
from events.segment_changes import Change
from events.topics.partitioning import partitions_of
from state.campaigns.deliveries import DeliveryStore
from state.campaigns.triggers import TriggerStore
from state.customers.current_segment_keys import SegmentViews
from state.operations.skipped_messages import SkippedMessages
from state.partitions.partition_store import PartitionStore
from state.store import keys
from stream.campaigns.erased_recipients import ErasedRecipients
from stream.campaigns.trigger_matching import deliveries_for
from stream.customers.rfm_values import rfm_values

__all__ = ["ChangeIntake"]


class ChangeIntake:
    """Queues the deliveries of a batch of messages; the same batch again adds none."""

    def __init__(
        self,
        client: redis.Redis,
        triggers: TriggerStore,
        deliveries: DeliveryStore,
        partitions: int,
        entries: EntryLog | None = None,
        erased: ErasedRecipients | None = None,
    ) -> None:
        """Check `entries` and `erased`, in a service: a Redis that has come back older may have lost either."""
        self._erased = erased
        self._triggers, self._deliveries, self._partitions = triggers, deliveries, partitions
        self._views, self._entries = SegmentViews(client), entries
        self._store, self._skipped = PartitionStore(client, keys.SEGMENTS_GROUP), SkippedMessages(client)

    def add(
        self, messages: Sequence[tuple[StoredMessage, int]], before: Mapping[int, int | None], after: Mapping[int, int]
    ) -> int | None:
        """Queue the deliveries of messages (each with its time in ms) of one topic, and return how many were new.

        The offsets `after` them are stored with them; None, and nothing is queued, where those stored are not `before`.
        Changes of erased customers are left out. Raises EntriesBehind where Redis has lost triggers, KafkaUnreachable.
        """
        times = {(message.partition, message.offset): at_ms for message, at_ms in messages}
        published = read_published_changes([each for each, _ in messages], self._partitions, self._skipped.add)
        triggers = self._triggers.all()
        if self._entries is not None:
            self._entries.require_current()
        changes = [(change, times[message.partition, message.offset]) for message, change in published]
        changes = self._without_erased(changes)
        deliveries = deliveries_for(triggers.values(), changes, self._net_spend) if triggers else {}
        topic, now_ms = messages[0][0].topic, time.time_ns() // 1_000_000
        return self._deliveries.add_read(deliveries, topic, before, after, now_ms)

    def _without_erased(self, changes: list[tuple[Change, int]]) -> list[tuple[Change, int]]:
        if self._erased is None:
            return changes
        self._erased.follow()
        named = {name for change, _ in changes for name in (change.customer_id, change.merged_into) if name}
        erased = self._erased.among(named)
        return [each for each in changes if erased.isdisjoint((each[0].customer_id, each[0].merged_into))]

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
