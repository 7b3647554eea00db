"""From messages to partition batches: decode, reject, split by partition."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from consumers.broker.fetched import TopicSlice
from consumers.broker.message_coordinates import Offsets
from consumers.dead_letters.letter import RejectedMessage
from consumers.inputs.columns import Decoding
from consumers.merges.unwrapping import unwrap_merges
from consumers.runtime.partition_batch import PartitionBatch, TopicEvents
from events.codec.struct_decoder import Rejection
from events.settings import KafkaSettings
from events.topics.specs import IDENTITIES
from state.partitions.partition_store import OwnedPartition

__all__ = ["Input", "Intake"]

_NO_KEY = "the Kafka key is empty; every event is keyed by its customer_id"


class Input(Protocol):
    """Decodes one topic."""

    topic: str

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode values; `latest_ms` is the latest time that an event may have."""
        ...


class Intake:
    """Turns what the source fetched into batches of the partitions that this worker owns."""

    def __init__(
        self,
        kafka: KafkaSettings,
        inputs: Sequence[Input],
        future_ms: int,
        left_to: Mapping[str, str] | None = None,
        *,
        merges: str = "",
    ) -> None:
        self._inputs = {kafka.topic(each.topic): each for each in inputs}
        self._merges, self._merges_topic = merges, kafka.topic(merges)
        self._readable = {each.topic: kafka.topic(each.topic) for each in inputs if each.topic != IDENTITIES}
        self._future_ms, self._left_to = future_ms, left_to or {}

    def batches(
        self,
        slices: Sequence[TopicSlice],
        owned: Mapping[int, OwnedPartition],
        wall_ms: int,
        ends: Offsets | None = None,
    ) -> tuple[list[PartitionBatch], dict[int, list[RejectedMessage]]]:
        """Return the batch of each owned partition, and by partition the messages that were rejected.

        Those of a topic that another group answers for are only counted. `ends` are partitions that were read to their
        end: the offsets go up to there.
        """
        batches: dict[int, PartitionBatch] = {}
        rejected: dict[int, list[RejectedMessage]] = {}
        for messages in slices:
            fresh = messages.take(_fresh(messages, owned)) if _any_stale(messages, owned) else messages
            if not len(fresh.offsets):
                continue
            for partition in np.unique(fresh.partitions).tolist():
                batch = batches.setdefault(partition, PartitionBatch(partition))
                rejected.setdefault(partition, [])
                batch.offsets[fresh.topic] = int(fresh.offsets[fresh.partitions == partition].max()) + 1
            if fresh.topic == self._merges_topic:
                self._unwrap(fresh, wall_ms, batches, rejected)
            else:
                self._decode(fresh, wall_ms, batches, rejected)
        for (topic, partition), end in (ends or {}).items():
            if partition in owned and end > owned[partition].offsets.get(topic, 0):
                offsets = batches.setdefault(partition, PartitionBatch(partition)).offsets
                offsets[topic] = max(end, offsets.get(topic, 0))
        return list(batches.values()), rejected

    def _decode(
        self,
        messages: TopicSlice,
        wall_ms: int,
        batches: Mapping[int, PartitionBatch],
        rejected: dict[int, list[RejectedMessage]],
        *,
        forwarded: bool = False,
    ) -> None:
        """Add a slice's valid events to the batches, and its other messages to those that are rejected.

        Of events that were `forwarded`, the fields that are set aside have been counted where they were read first.
        """
        source = self._inputs[messages.topic]
        decoding = _without_key(messages, source.decode(messages.values, wall_ms + self._future_ms))
        for index, fields in decoding.set_aside.items() if not forwarded else ():
            batches[int(messages.partitions[index])].count(f"{source.topic}_fields", "set_aside", len(fields))
        for partition in np.unique(messages.partitions).tolist():
            mine = np.flatnonzero(messages.partitions[decoding.positions] == partition)
            columns = decoding.columns.take(mine)
            events = TopicEvents(columns.of_merged_ids() if forwarded else columns, messages, decoding.positions[mine])
            if source.topic == IDENTITIES:
                batches[partition].identities = events
            else:
                batches[partition].add(source.topic, events)
        self._reject(source.topic, messages, decoding.rejections, batches, rejected)

    def _unwrap(
        self,
        messages: TopicSlice,
        wall_ms: int,
        batches: Mapping[int, PartitionBatch],
        rejected: dict[int, list[RejectedMessage]],
    ) -> None:
        """Add what the partitions tell each other of merges to the batches, and the events that were forwarded."""
        unwrapped = unwrap_merges(messages, list(self._readable))
        for partition, message in unwrapped.messages:
            batches[partition].merges.add([message])
        for events in unwrapped.events:
            for partition, count in zip(*np.unique(events.partitions, return_counts=True), strict=True):
                batches[int(partition)].count(self._merges, "forwarded", int(count))
                batches[int(partition)].count(events.topic, "merged", -int(count))  # they get another outcome here
            readable = events._replace(topic=self._readable[events.topic])
            self._decode(readable, wall_ms, batches, rejected, forwarded=True)
        self._reject(self._merges, messages, unwrapped.rejections, batches, rejected)

    def _reject(
        self,
        topic: str,
        messages: TopicSlice,
        rejections: Sequence[Rejection],
        batches: Mapping[int, PartitionBatch],
        rejected: dict[int, list[RejectedMessage]],
    ) -> None:
        """Count rejected messages, and list those that this group answers for."""
        other = self._left_to.get(topic)
        for rejection in rejections:
            partition = int(messages.partitions[rejection.index])
            batches[partition].count(topic, f"left_to_{other}" if other else "dead_lettered", 1)
            if not other:
                rejected[partition].append(RejectedMessage(messages, rejection.index, rejection.reason))


def _without_key(messages: TopicSlice, decoding: Decoding) -> Decoding:
    """Reject the events whose message has no key."""
    keyless = messages.keys.lengths <= 0
    if not keyless.any():
        return decoding
    mine = [Rejection(int(i), _NO_KEY) for i in decoding.positions[keyless[decoding.positions]]]
    kept = np.flatnonzero(~keyless[decoding.positions])
    return Decoding(
        decoding.columns.take(kept), decoding.positions[kept], sorted(decoding.rejections + mine), decoding.set_aside
    )


def _next_offsets(messages: TopicSlice, owned: Mapping[int, OwnedPartition]) -> dict[int, int]:
    """Return, by partition, the offset from which messages are new; for a partition of another worker, none is."""
    return {
        partition: owned[partition].offsets.get(messages.topic, 0) if partition in owned else np.iinfo(np.int64).max
        for partition in np.unique(messages.partitions).tolist()
    }


def _any_stale(messages: TopicSlice, owned: Mapping[int, OwnedPartition]) -> bool:
    return any(
        bool((messages.offsets[messages.partitions == partition] < start).any())
        for partition, start in _next_offsets(messages, owned).items()
    )


def _fresh(messages: TopicSlice, owned: Mapping[int, OwnedPartition]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    mask = np.zeros(len(messages.offsets), np.bool_)
    for partition, start in _next_offsets(messages, owned).items():
        mask |= (messages.partitions == partition) & (messages.offsets >= start)
    return mask
