"""Where a message is in Kafka: full topic name and partition, and its offset."""

from typing import cast

from confluent_kafka import KafkaError, Message

__all__ = ["Offsets", "TopicAndPartition", "coordinates", "is_end"]

TopicAndPartition = tuple[str, int]
Offsets = dict[TopicAndPartition, int]


def coordinates(message: Message) -> tuple[TopicAndPartition, int]:
    """Return topic and partition, and the offset, of a fetched message (those always have all three)."""
    return cast(tuple[TopicAndPartition, int], ((message.topic(), message.partition()), message.offset()))


def is_end(message: Message) -> bool:
    """Return whether this is not a message but librdkafka's event that a partition was read to its end."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - its public name
