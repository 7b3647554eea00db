"""The last few segments of a customer, in its record: which one it held at some moment.

A record holds the present segment with the time since when, and up to three earlier ones, the latest first: a 64-bit
word each, of the time since when it was held (48 bits, ms since 1970 UTC) and the segment's number (16 bits).
"""

from typing import Final

import numpy as np

from events.arrays import Ints
from state.customers.records import Rows

__all__ = ["NO_SEGMENT", "UNKNOWN", "earlier_segments", "push_current_segment", "segments_held_at"]


UNKNOWN: Final = "unknown"
"""The moves that a record remembers do not reach back so far."""
NO_SEGMENT: Final = "none"
"""The customer had no segment yet."""

_16 = np.uint64(16)


def push_current_segment(rows: Rows, moved: Ints) -> None:
    """Put the present segment of the rows at `moved`, which are about to get another, before the earlier ones."""
    moved = moved[rows["segment"][moved] != 0]
    words = rows["earlier"][moved]
    words[:, 1:] = words[:, :-1].copy()
    words[:, 0] = np.maximum(rows["since"][moved], 0).astype(np.uint64) << _16 | rows["segment"][moved].astype(
        np.uint64
    )
    rows["earlier"][moved] = words


def earlier_segments(rows: Rows) -> list[list[tuple[str, int]]]:
    """Return for each row (n,) its earlier segments as (segment_id, since in ms), the latest first."""
    return [[(f"s{word & 0xFFFF}", word >> 16) for word in words if word] for words in rows["earlier"].tolist()]


def segments_held_at(rows: Rows, at_ms: Ints) -> list[str]:
    """Return the id of the segment that each row (n,) held at its time `at_ms` (n,).

    `NO_SEGMENT` where it had none yet, `UNKNOWN` where the remembered moves do not reach back to that time.
    """
    earlier = rows["earlier"]
    numbers = np.column_stack([rows["segment"].astype(np.int64), (earlier & np.uint64(0xFFFF)).astype(np.int64)])
    since = np.column_stack([rows["since"], (earlier >> _16).astype(np.int64)])
    held = (numbers > 0) & (since <= at_ms[:, None])
    found = numbers[np.arange(len(rows)), np.argmax(held, axis=1)]
    complete = np.count_nonzero(numbers > 0, axis=1) == rows["change_number"]
    absent = np.where(complete, NO_SEGMENT, UNKNOWN).tolist()
    known = np.asarray(held.any(axis=1)).tolist()
    return [
        f"s{number}" if here else otherwise
        for number, here, otherwise in zip(found.tolist(), known, absent, strict=True)
    ]
