"""How far the group is behind: where each input topic ends, and where the stored offsets stand."""

import time
from collections.abc import Iterable
from typing import Any

import redis

from consumers.broker.message_coordinates import Offsets, TopicAndPartition, coordinates
from consumers.broker.topic_reader import TopicReader
from events.settings import KafkaSettings
from events.topics.specs import partitions_of_topic
from state.store import keys

__all__ = ["behind", "end_offsets", "reported_ends", "stored_offsets", "unsent_changes"]

_LONGEST_S = 5.0


def reported_ends(
    kafka: KafkaSettings, topics: Iterable[str], partitions: Iterable[int], timeout_s: float = 10.0
) -> Offsets:
    """Return the next offset of partitions of the topics as the broker reports it. Raises KafkaUnreachable."""
    with TopicReader(kafka, "lag") as reader:
        return _reported(reader, [(kafka.topic(topic), p) for topic in topics for p in partitions], timeout_s)


def end_offsets(kafka: KafkaSettings, topics: Iterable[str]) -> Offsets:
    """Return the next offset of every partition of the topics (names without prefix), by full name and partition.

    Not every broker reports the end exactly (the embedded one reports the start of the last batch), so what lies
    behind the reported end is read too (for 5 s at most, where more and more comes). Raises KafkaUnreachable.
    """
    with TopicReader(kafka, "lag") as reader:
        partitions = [(kafka.topic(topic), p) for topic in topics for p in range(partitions_of_topic(kafka, topic))]
        ends = _reported(reader, partitions)
        started = time.monotonic()
        for message in reader.read({partition: max(0, end - 1) for partition, end in ends.items() if end}):
            partition, offset = coordinates(message)
            ends[partition] = max(ends[partition], offset + 1)
            if time.monotonic() - started > _LONGEST_S:
                break
    return ends


def _reported(reader: TopicReader, partitions: Iterable[TopicAndPartition], timeout_s: float = 10.0) -> Offsets:
    return {partition: end for partition, (_, end) in reader.bounds(partitions, timeout_s).items()}


def stored_offsets(client: redis.Redis, partitions: int, group: str) -> Offsets:
    """Return the offsets stored beside the state, by full topic name and partition."""
    store: Any = client
    with store.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            pipe.hgetall(keys.offsets(partition, group))
        found = pipe.execute()
    return {
        (topic.decode(), partition): int(offset)
        for partition, offsets in enumerate(found)
        for topic, offset in offsets.items()
    }


def behind(ends: Offsets, stored: Offsets) -> int:
    """Return how many events are published but not processed."""
    return sum(max(0, end - stored.get(partition, 0)) for partition, end in ends.items())


def unsent_changes(client: redis.Redis, partitions: int) -> int:
    """Return how many segment changes and merged customers are saved but not yet acknowledged by Kafka."""
    store: Any = client
    with store.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            pipe.llen(keys.outbox(partition))
            pipe.hlen(keys.handovers(partition, keys.SEGMENTS_GROUP))
            pipe.hlen(keys.handovers(partition, keys.EXPERIMENTS_GROUP))
        return sum(pipe.execute())
