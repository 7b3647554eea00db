"""Read messages of Shoal's own topics, on which anybody may have put anything: what cannot be read is skipped."""

import logging
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec
from confluent_kafka import Message
from pydantic import ValidationError

from consumers.broker.message_coordinates import coordinates
from events.base_error import ShoalError

__all__ = ["NotReadable", "OnSkipped", "StoredMessage", "decode_or_skip", "log_skipped", "reason_of", "stored_message"]

log = logging.getLogger(__name__)

T = TypeVar("T")

OnSkipped = Callable[[str, int, int, str], None]
"""Is told of a skipped message: topic (full name), partition, offset, and why (`SkippedMessages.add`)."""


class NotReadable(ShoalError):
    """A message is not what Shoal publishes on its topic; the text says how, with nothing of the message in it."""


class StoredMessage(NamedTuple):
    """A message and where it is."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


def stored_message(message: Message) -> StoredMessage:
    """Return a fetched message."""
    (topic, partition), offset = coordinates(message)
    key, value = message.key(), message.value()
    return StoredMessage(topic, partition, offset, key, value)


def log_skipped(topic: str, partition: int, offset: int, reason: str) -> None:
    """Log a skipped message: for readers that have no Redis to note it in."""
    log.warning("%s partition %d offset %d cannot be read and is skipped: %s", topic, partition, offset, reason)


def decode_or_skip(
    message: StoredMessage, decode: Callable[[bytes | None, bytes], T], on_skipped: OnSkipped
) -> T | None:
    """Return what `decode` makes of key and value, or None where it fails, whatever the error: they may be anything."""
    if message.value is None:
        on_skipped(message.topic, message.partition, message.offset, "it has no value")
        return None
    try:
        return decode(message.key, message.value)
    except Exception as error:
        on_skipped(message.topic, message.partition, message.offset, reason_of(error))
        return None


def reason_of(error: Exception) -> str:
    """Return why a message cannot be read, without its content, which may be about a customer."""
    if isinstance(error, NotReadable):
        return str(error)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the value'}: {first['type'].replace('_', ' ')}"
    if isinstance(error, msgspec.DecodeError):
        return str(error)
    return f"its value cannot be read ({type(error).__name__})"
