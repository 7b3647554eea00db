"""Where a message stands: full topic name and partition, and its offset."""

from typing import cast

from confluent_kafka import KafkaError, Message

__all__ = ["Place", "is_end", "place_of"]

Place = tuple[str, int]


def place_of(message: Message) -> tuple[Place, int]:
    """Return topic and partition, and the offset, of a message that was fetched (those always have all three)."""
    return cast(tuple[Place, int], ((message.topic(), message.partition()), message.offset()))


def is_end(message: Message) -> bool:
    """Return whether this is not a message but librdkafka's word that a partition was read to its end."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - its public name
