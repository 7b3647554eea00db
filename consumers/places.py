"""Where a message stands: full topic name and partition, and its offset."""

from typing import cast

from confluent_kafka import Message

__all__ = ["Place", "place_of"]

Place = tuple[str, int]


def place_of(message: Message) -> tuple[Place, int]:
    """Return topic and partition, and the offset, of a message that was fetched (those always have all three)."""
    return cast(tuple[Place, int], ((message.topic(), message.partition()), message.offset()))
