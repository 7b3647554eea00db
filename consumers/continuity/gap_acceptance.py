"""Goes on behind a part of a topic that is lost, where a person has decided so."""

from collections.abc import Iterator
from typing import Final

import redis

from consumers.broker.consumer_lag import end_offsets
from consumers.continuity.discontinuity_reasons import TOPICS_OF_GROUP, loss, places_of, replaced_logs
from consumers.continuity.log_facts import LogFacts
from events.base_error import ShoalError
from events.settings import KafkaSettings
from events.topics.specs import partitions_of_topic
from state.partitions.accepted_gaps import AcceptedGap, AcceptedGaps, Reason
from state.partitions.partition_consistency_state import StoredState, read_stored_states

__all__ = ["GapUnknown", "accept_gaps"]

_CHANGES: Final = "segment-changes"


class GapUnknown(ShoalError):
    """There is no gap, or nobody knows where to go on behind it."""


def accept_gaps(
    client: redis.Redis, kafka: KafkaSettings, topic: str, partition: int | None, by: str, now_ms: int
) -> list[AcceptedGap]:
    """Let every group that reads the topic (name without prefix) go on behind its gaps, and return these.

    All partitions are looked at where none is given. Raises GapUnknown, KafkaUnreachable, redis.RedisError.
    """
    partitions = _partitions(kafka, topic, partition)
    acceptance = _Acceptance(client, kafka, topic, by, now_ms)
    found = [
        gap
        for group, topics in TOPICS_OF_GROUP.items()
        if topic in topics
        for state in read_stored_states(client, partitions, group)
        for gap in acceptance.accept(state)
    ]
    if not found:
        where = f"{kafka.topic(topic)}" + ("" if partition is None else f" partition {partition}")
        raise GapUnknown(f"{where} has no gap: Kafka has what comes next; nothing was changed")
    return found


def _partitions(kafka: KafkaSettings, topic: str, partition: int | None) -> list[int]:
    known = sorted({name for topics in TOPICS_OF_GROUP.values() for name in topics})
    if topic == _CHANGES:
        raise GapUnknown("the triggers go on behind what is missing in segment-changes by themselves, and note it")
    if topic not in known:
        raise GapUnknown(f"{topic!r} is no topic that customers or tallies come from; those are {', '.join(known)}")
    count = partitions_of_topic(kafka, topic)
    if partition is None:
        return list(range(count))
    if not 0 <= partition < count:
        raise GapUnknown(f"{kafka.topic(topic)} has the partitions 0 to {count - 1}; {partition} is none of them")
    return [partition]


class _Acceptance:
    """Finds and accepts the gaps of one topic."""

    def __init__(self, client: redis.Redis, kafka: KafkaSettings, topic: str, by: str, now_ms: int) -> None:
        self._kafka, self._topic, self._by, self._now_ms = kafka, topic, by, now_ms
        self._gaps, self._facts, self._name = AcceptedGaps(client), LogFacts(kafka), kafka.topic(topic)
        self._identities = self._facts.identities([self._name])
        self._ends = end_offsets(kafka, [topic])
        self._beginnings = self._facts.beginnings(self._ends)

    def accept(self, state: StoredState) -> Iterator[AcceptedGap]:
        """Accept the gap of a partition, if there is one."""
        found = self._gap(state)
        if found is None:
            return
        reason, from_offset, to_offset = found
        gap = AcceptedGap(
            group=state.group,
            topic=self._topic,
            partition=state.partition,
            reason=reason,
            from_offset=from_offset,
            to_offset=to_offset,
            at_ms=self._now_ms,
            by=self._by,
        )
        log = self._identities.get(self._name)
        self._gaps.accept(gap, self._name, None if log is None else str(log))
        yield gap

    def _gap(self, state: StoredState) -> tuple[Reason, int, int] | None:
        """Return why there is a gap, where the partition would have gone on, and where it goes on."""
        place = places_of(self._kafka, state.group, state.partition)[self._topic]
        begins, ends, stored = self._beginnings[place], self._ends[place], state.offsets.get(self._name)
        if stored is None:
            if self._topic in state.events:
                committed = max(begins, self._committed(state))
                return "offset lost", committed, committed
            return ("state lost", 0, begins) if begins and loss(self._kafka, self._facts, state) else None
        if self._topic in replaced_logs(self._kafka, state, self._identities):
            return "replaced", stored, begins
        if stored < begins:
            return "deleted", stored, begins
        return ("log shortened", stored, ends) if stored > ends else None

    def _committed(self, state: StoredState) -> int:
        place = (self._name, state.partition)
        found = self._facts.committed(self._kafka.topic(state.group), [place]).get(place)
        if found is None:
            raise GapUnknown(
                f"nobody knows where {state.group} is in {self._name} partition {state.partition}: Redis has no "
                "offset, and the group has committed none to Kafka. Put Redis back from a backup"
            )
        return found
