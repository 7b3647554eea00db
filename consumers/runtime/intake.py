"""From messages to partition batches: decode, reject, split by partition."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from consumers.broker.fetched import TopicSlice
from consumers.broker.message_coordinates import Offsets
from consumers.dead_letters.letter import RejectedMessage
from consumers.inputs.columns import Decoding
from consumers.runtime.partition_batch import PartitionBatch, TopicEvents
from events.codec.struct_decoder import Rejection
from events.settings import KafkaSettings
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
        self, kafka: KafkaSettings, inputs: Sequence[Input], future_ms: int, left_to: Mapping[str, str] | None = None
    ) -> None:
        self._inputs = {kafka.topic(each.topic): each for each in inputs}
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
            source = self._inputs[fresh.topic]
            decoding = _without_key(fresh, source.decode(fresh.values, wall_ms + self._future_ms))
            bad = np.array([rejection.index for rejection in decoding.rejections], np.int64)
            for partition in np.unique(fresh.partitions).tolist():
                batch = batches.setdefault(partition, PartitionBatch(partition))
                mine = np.flatnonzero(fresh.partitions[decoding.positions] == partition)
                batch.events[source.topic] = TopicEvents(decoding.columns.take(mine), fresh, decoding.positions[mine])
                batch.offsets[fresh.topic] = int(fresh.offsets[fresh.partitions == partition].max()) + 1
                dead = [decoding.rejections[i] for i in np.flatnonzero(fresh.partitions[bad] == partition).tolist()]
                if other := self._left_to.get(source.topic):
                    batch.count(source.topic, f"left_to_{other}", len(dead))
                    continue
                batch.count(source.topic, "dead_lettered", len(dead))
                rejected.setdefault(partition, []).extend(
                    RejectedMessage(fresh, rejection.index, rejection.reason) for rejection in dead
                )
        for (topic, partition), end in (ends or {}).items():
            if partition in owned and end > owned[partition].offsets.get(topic, 0):
                offsets = batches.setdefault(partition, PartitionBatch(partition)).offsets
                offsets[topic] = max(end, offsets.get(topic, 0))
        return list(batches.values()), rejected


def _without_key(messages: TopicSlice, decoding: Decoding) -> Decoding:
    """Reject the events whose message has no key."""
    keyless = messages.keys.lengths <= 0
    if not keyless.any():
        return decoding
    mine = [Rejection(int(i), _NO_KEY) for i in decoding.positions[keyless[decoding.positions]]]
    kept = np.flatnonzero(~keyless[decoding.positions])
    return Decoding(decoding.columns.take(kept), decoding.positions[kept], sorted(decoding.rejections + mine))


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
