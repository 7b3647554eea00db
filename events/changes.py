"""Segment changes as structs: made, encoded and read many at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from events.codec import struct_of
from events.outputs import Cause, SegmentChange

__all__ = ["Change", "change_time_ms", "decode_change", "encode_changes", "make_change", "segment_number"]


class Change(Protocol):
    """The fields of a segment change; `changed_at` is RFC 3339 text."""

    change_id: str
    customer_id: str
    change_number: int
    changed_at: str
    cause: Cause
    segment_id: str
    segment: str
    previous: str | None
    previous_segment: str | None
    baseline: int
    model_version: int


_ChangeStruct: Any = struct_of(SegmentChange, as_text=("changed_at",))
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_ChangeStruct)


def make_change(**values: Any) -> Change:
    """Return a change with these fields."""
    change: Change = _ChangeStruct(**values)
    return change


def encode_changes(changes: Sequence[Change]) -> list[bytes]:
    """Return the JSON of each change."""
    return _encoder.encode_lines(changes).split(b"\n")[:-1] if changes else []


def decode_change(value: bytes) -> Change:
    """Read a change. Raises msgspec.ValidationError."""
    change: Change = _decoder.decode(value)
    return change


def segment_number(segment_id: str) -> int:
    """Return the number that records hold for a segment id. Raises ValueError.

    >>> segment_number("s3")
    3
    """
    return int(segment_id.removeprefix("s"))


def change_time_ms(change: Change) -> int:
    """Return when a change happened, in ms since 1970 UTC."""
    return round(datetime.fromisoformat(change.changed_at).timestamp() * 1000)
