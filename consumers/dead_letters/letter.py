"""Dead letters: what was rejected goes to a topic of its own, whole, with the reason in words."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from consumers.broker.fetched import TopicSlice
from consumers.broker.message_headers import pack_headers
from events.schema.outputs import DeadLetter, DeadLetterHeader

__all__ = ["MAX_VALUE_BYTES", "RejectedMessage", "dead_letter", "letter_id"]


MAX_VALUE_BYTES = 12 << 20
"""Bytes of a value that, in base64, still fit into a message of 16 MiB."""


class RejectedMessage(NamedTuple):
    """A message that cannot be applied: where it is in its slice, and why."""

    messages: TopicSlice
    position: int
    reason: str


def letter_id(rejected: RejectedMessage) -> str:
    """Return what a letter is known by: where its message was. It is the letter's key, so that it can be removed."""
    messages, position, _ = rejected
    return f"{messages.topic}/{int(messages.partitions[position])}/{int(messages.offsets[position])}"


def dead_letter(
    rejected: RejectedMessage, now_ms: int, seal: Callable[[bytes, int], str | None] | None = None
) -> bytes:
    """Return the JSON of the dead letter of a rejected message.

    With `seal` the bytes go encrypted, or not at all where it returns None.
    """
    messages, position, reason = rejected
    value = messages.values[position]
    if value is not None and len(value) > MAX_VALUE_BYTES:
        digest = hashlib.sha256(value).hexdigest()
        reason += f"; its {len(value):,} bytes do not fit into a dead letter (SHA-256 {digest}), find them in the topic"
        value = None
    headers = messages.headers(position)
    if len(value or b"") + len(pack_headers(headers)) > MAX_VALUE_BYTES:
        reason += "; its headers do not fit into a dead letter"
        headers = []
    sealed = None
    if seal is not None and value is not None:
        sealed, value = seal(value, now_ms), None
    letter = DeadLetter(
        topic=messages.topic,
        partition=int(messages.partitions[position]),
        offset=int(messages.offsets[position]),
        reason=reason,
        key=_base64(messages.keys[position]),
        value=_base64(value),
        sealed_value=sealed,
        headers=[DeadLetterHeader(name=name, value=_base64(content)) for name, content in headers],
        dead_lettered_at=datetime.fromtimestamp(now_ms / 1000, UTC),
    )
    return letter.model_dump_json().encode()


def _base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()
