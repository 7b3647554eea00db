"""Published segment changes, checked: a message on `segment-changes` may be anybody's."""

from collections.abc import Sequence

from consumers.broker.internal_messages import NotReadable, OnSkipped, StoredMessage, decode_or_skip
from events.segment_changes import Change, change_time_ms, decode_change, segment_number
from events.topics.partitioning import partitions_of

__all__ = ["is_erasure_notice", "read_published_changes"]

_MOST_CHANGES = (1 << 32) - 1
_MOST_SEGMENTS = (1 << 16) - 1


_NOTICE = b'{"kind":"erased",'
"""How an `events.schema.outputs.ErasureNotice` begins; no change does."""


def is_erasure_notice(value: bytes | None) -> bool:
    """Return whether a message of `segment-changes` tells of an erasure, and of no change."""
    return value is not None and value.startswith(_NOTICE)


def read_published_changes(
    messages: Sequence[StoredMessage], partitions: int, on_skipped: OnSkipped
) -> list[tuple[StoredMessage, Change]]:
    """Return the messages of `segment-changes` that Shoal published, each with its change; the others are skipped.

    A change has its customer as the key, lies in the customer's partition (of `partitions`), and fits into a record.
    """
    decoded = [
        (message, change)
        for message in messages
        if not is_erasure_notice(message.value) and (change := decode_or_skip(message, _decode, on_skipped)) is not None
    ]
    homes = partitions_of([change.customer_id for _, change in decoded], partitions).tolist()
    found = []
    for (message, change), home in zip(decoded, homes, strict=True):
        if home == message.partition:
            found.append((message, change))
        else:
            reason = f"its customer belongs to partition {home}"
            on_skipped(message.topic, message.partition, message.offset, reason)
    return found


def _decode(key: bytes | None, value: bytes) -> Change:
    change = decode_change(value)
    if key != change.customer_id.encode():
        raise NotReadable("its key is not its customer_id")
    if change.change_number > _MOST_CHANGES:
        raise NotReadable("change_number: too large")
    for name, segment_id in (("segment_id", change.segment_id), ("previous", change.previous)):
        if segment_id is not None and not _is_segment(segment_id):
            raise NotReadable(f"{name}: no id of a segment")
    change_time_ms(change)
    return change


def _is_segment(segment_id: str) -> bool:
    """Return whether this is a segment's id: `s` and a number that fits into a record."""
    digits = segment_id.removeprefix("s")
    plain = segment_id.startswith("s") and digits.isascii() and digits.isdecimal() and len(digits) <= 5
    return plain and segment_number(segment_id) <= _MOST_SEGMENTS
