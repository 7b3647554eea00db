"""What speaks against reading a partition on, in words: each says what was found and what there is to choose.

An offset that is missing is not zero, and a Redis without state is not a new one where events were processed before:
reading from the beginning would count events again, or miss those that Kafka no longer has.
"""

from collections.abc import Mapping
from typing import Final

from consumers.broker.message_coordinates import Offsets, TopicAndPartition
from consumers.continuity.log_facts import LogFacts, LogIdentity
from events.base_error import ShoalError
from events.settings import KafkaSettings
from events.topics.specs import EXPERIMENT_TOPICS, SEGMENT_TOPICS, partitions_of_topic
from state.partitions.partition_consistency_state import StoredState
from state.store import keys

__all__ = [
    "TOPICS_OF_GROUP",
    "Discontinuity",
    "inconsistency",
    "loss",
    "places_of",
    "replaced_logs",
    "replacement",
    "truncation",
    "truncations",
]

TOPICS_OF_GROUP: Final = {keys.SEGMENTS_GROUP: SEGMENT_TOPICS, keys.EXPERIMENTS_GROUP: EXPERIMENT_TOPICS}
_CHANGES: Final = "segment-changes"
_FROM_A_BACKUP: Final = "Put Redis back from a backup"
_EMPTY: Final = "or use an empty Redis, which is filled from Kafka if the topics still have everything"


class Discontinuity(ShoalError):
    """Redis and Kafka do not hold together; what is to be done about that, only a person can decide."""


def places_of(kafka: KafkaSettings, group: str, partition: int) -> dict[str, TopicAndPartition]:
    """Return where a group reads a partition: by topic, without prefix, for the topics that have the partition."""
    return {
        topic: (kafka.topic(topic), partition)
        for topic in TOPICS_OF_GROUP[group]
        if partition < partitions_of_topic(kafka, topic)
    }


def inconsistency(kafka: KafkaSettings, state: StoredState) -> str | None:
    """Return which part of a partition's state is missing while others are there, None where nothing is."""
    p, group = state.partition, state.group
    where = f"partition {p} of {group}"
    lost = [topic for topic in places_of(kafka, group, p) if topic in state.events]
    lost = [topic for topic in lost if kafka.topic(topic) not in state.offsets]
    if lost and (state.offsets or state.records or state.revision):
        topic = lost[0]
        return (
            f"{where}: Redis has no offset of {kafka.topic(topic)} in {keys.offsets(p, group)}, though "
            f"{state.events[topic]:,} of its events were counted; reading it from its beginning would count them "
            f"again. {_FROM_A_BACKUP}, or run `shoal accept-gap {topic} {p}` to go on from the last offset that was "
            "committed to Kafka"
        )
    if not state.revision and (state.offsets or state.records):
        return (
            f"{where}: Redis has no counts in {keys.outcome_counts(p, group)}, though it has offsets or records; "
            f"part of the partition is lost. {_FROM_A_BACKUP}, {_EMPTY}"
        )
    if state.customers not in (None, state.records):
        return (
            f"{where}: {keys.customers(p)} in Redis holds {state.records:,} customers where {state.customers:,} were "
            f"saved; the others are lost. {_FROM_A_BACKUP}, {_EMPTY}"
        )
    return None


def replaced_logs(kafka: KafkaSettings, state: StoredState, found: Mapping[str, LogIdentity]) -> list[str]:
    """Return which topics (names without prefix) are not those that a partition's offsets belong to.

    Where nothing was read of a topic, it may be another one. `found` are the identities of the topics by full name.
    """
    return [
        topic
        for topic, (name, _) in places_of(kafka, state.group, state.partition).items()
        if state.offsets.get(name, 0) > 0
        and name in state.logs
        and name in found
        and LogIdentity.parse(state.logs[name]).differs_from(found[name])
    ]


def replacement(kafka: KafkaSettings, topic: str, stored: LogIdentity, found: LogIdentity) -> str:
    """Return in words that a topic (name without prefix) is another one than was read."""
    moved = bool(stored.cluster and found.cluster) and stored.cluster != found.cluster
    ids = (stored.cluster, found.cluster) if moved else (stored.topic, found.topic)
    what = "this is another Kafka cluster, or its disk was wiped" if moved else "it was deleted and created again"
    return (
        f"{kafka.topic(topic)} on {kafka.kafka} is not the topic that was read before: {what} (its id is {ids[1]}, the "
        f"offsets in Redis belong to {ids[0]}), so they say nothing of it. Set SHOAL_KAFKA to the cluster that has it; "
        f"or run `shoal accept-gap {topic}` to keep what Redis holds and read the new topic from its beginning; or use "
        "an empty Redis"
    )


def truncations(kafka: KafkaSettings, state: StoredState, beginnings: Offsets) -> list[str]:
    """Return in words where Kafka no longer has what a partition is to be read from."""
    said = []
    for topic, place in places_of(kafka, state.group, state.partition).items():
        stored, begins = state.offsets.get(place[0]), beginnings.get(place, 0)
        if stored is not None and stored < begins:
            found = f"the state in Redis stands at {stored:,}, and the topic begins at {begins:,}"
            said.append(truncation(kafka, topic, state.partition, found))
    return said


def truncation(kafka: KafkaSettings, topic: str, partition: int, found: str) -> str:
    """Return in words that a topic (name without prefix) does not have the stored offset, and what to choose."""
    return (
        f"{kafka.topic(topic)} partition {partition}: Kafka does not have the offset that comes next ({found}). Put "
        "Redis back from a backup that the topic still reaches; or run "
        f"`shoal accept-gap {topic} {partition}` to go on without what is missing"
    )


def loss(kafka: KafkaSettings, facts: LogFacts, state: StoredState) -> str | None:
    """Return what was read once, and can be read again no more, of topics that Redis has no offset of.

    None where all of it is there, or nothing was ever read: then one begins with what there is. Raises
    KafkaUnreachable.
    """
    places = places_of(kafka, state.group, state.partition)
    unread = {topic: place for topic, place in places.items() if place[0] not in state.offsets}
    if not unread:
        return None
    committed = facts.committed(kafka.topic(state.group), unread.values())
    before = {topic for topic, place in unread.items() if committed.get(place, 0) > 0}
    if state.empty and (before or _has_changes(kafka, facts, state)):
        before = set(unread)
    beginnings = facts.beginnings(unread[topic] for topic in before)
    trimmed = {topic: beginnings.get(unread[topic], 0) for topic in unread if beginnings.get(unread[topic], 0) > 0}
    return _loss(kafka, state, trimmed) if trimmed else None


def _has_changes(kafka: KafkaSettings, facts: LogFacts, state: StoredState) -> bool:
    """Return whether segment changes of the partition were published, by the one group that does so."""
    changes = (kafka.topic(_CHANGES), state.partition)
    return state.group == keys.SEGMENTS_GROUP and facts.ends([changes]).get(changes, 0) > 0


def _loss(kafka: KafkaSettings, state: StoredState, trimmed: Mapping[str, int]) -> str:
    what = ", ".join(f"the first {count:,} of {kafka.topic(topic)}" for topic, count in trimmed.items())
    commands = " and ".join(f"`shoal accept-gap {topic} {state.partition}`" for topic in trimmed)
    return (
        f"partition {state.partition} of {state.group}: Redis does not have it, though it was processed before, and "
        f"Kafka has deleted what it would be filled from again ({what}). {_FROM_A_BACKUP}; or run {commands} to go on "
        "without that"
    )
