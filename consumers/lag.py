"""How far the group is behind: where each input topic ends, and where the stored offsets stand."""

import time
from collections.abc import Iterable
from typing import Any

import redis
from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumers.places import Place, place_of
from events.settings import KafkaSettings
from events.topic_admin import KafkaUnreachable
from state import keys

__all__ = ["behind", "end_offsets", "reported_ends", "stored_offsets", "unsent_changes"]

_QUIET_S = 0.3
_LONGEST_S = 5.0


def reported_ends(
    kafka: KafkaSettings, topics: Iterable[str], partitions: Iterable[int], timeout_s: float = 10.0
) -> dict[Place, int]:
    """Return the next offset of partitions of the topics as the broker reports it. Raises KafkaUnreachable."""
    consumer = _reader(kafka)
    try:
        parts = [TopicPartition(kafka.topic(topic), p) for topic in topics for p in partitions]
        return _reported(consumer, parts, timeout_s)
    except KafkaException as error:
        raise KafkaUnreachable(kafka.kafka, error) from error
    finally:
        consumer.close()


def end_offsets(kafka: KafkaSettings, topics: Iterable[str]) -> dict[Place, int]:
    """Return the next offset of every partition of the topics (names without prefix), by full name and partition.

    Not every broker reports the end exactly (the embedded one reports the start of the last batch), so what lies
    behind the reported end is read too, until nothing more comes. Raises KafkaUnreachable.
    """
    consumer = _reader(kafka)
    try:
        ends = _reported(
            consumer, [TopicPartition(kafka.topic(topic), p) for topic in topics for p in range(kafka.partitions)]
        )
        consumer.assign([TopicPartition(topic, p, max(0, end - 1)) for (topic, p), end in ends.items() if end])
        started = heard = time.monotonic()
        while time.monotonic() - heard < _QUIET_S and time.monotonic() - started < _LONGEST_S:
            for message in consumer.consume(10_000, 0.05):
                place, offset = place_of(message)
                if message.error() is None and offset >= ends[place]:
                    ends[place] = offset + 1
                    heard = time.monotonic()
    except KafkaException as error:
        raise KafkaUnreachable(kafka.kafka, error) from error
    finally:
        consumer.close()
    return ends


def _reader(kafka: KafkaSettings) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": kafka.kafka,
            "group.id": kafka.topic("lag"),  # required by the library; nothing is committed
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
        }
    )


def _reported(consumer: Consumer, parts: list[TopicPartition], timeout_s: float = 10.0) -> dict[Place, int]:
    return {(part.topic, part.partition): consumer.get_watermark_offsets(part, timeout=timeout_s)[1] for part in parts}


def stored_offsets(client: redis.Redis, partitions: int, group: str) -> dict[tuple[str, int], int]:
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


def behind(ends: dict[tuple[str, int], int], stored: dict[tuple[str, int], int]) -> int:
    """Return how many events are published but not processed."""
    return sum(max(0, end - stored.get(place, 0)) for place, end in ends.items())


def unsent_changes(client: redis.Redis, partitions: int) -> int:
    """Return how many segment changes are saved but not yet acknowledged by Kafka."""
    store: Any = client
    with store.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            pipe.llen(keys.outbox(partition))
        return sum(pipe.execute())
