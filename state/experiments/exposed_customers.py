"""Who was exposed to an experiment: first when, to what, in which segment, and what the customer counts for.

In Redis the value of a customer is a head of 72 bytes (`EXPOSED`) and 8 bytes for each exposure that is remembered to
recognise a repeated event. Times are ms since 1970 UTC, money is thousandths.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints
from events.segment_changes import segment_number
from state.customers.ragged import Ragged, starts_of
from state.customers.recent_segments import NO_SEGMENT, UNKNOWN
from state.customers.variable_length_values import ValueUnreadable, pack_values, unpack_values

__all__ = [
    "EXPOSED",
    "MERGED",
    "NEVER",
    "ExposedCustomers",
    "contaminated",
    "out_of_comparison",
    "segment_code",
    "segment_id",
]

Rows = npt.NDArray[Any]

EXPOSED: Final = np.dtype(
    [
        ("version", "<u4"),
        ("variant", "<u4"),  # of the first exposure, by its place in the definition
        ("segment", "<i4"),  # held at the first exposure: see segment_code
        ("variants", "<u4"),  # all that were seen, one bit each, and MERGED
        ("exposures", "<u4"),
        ("orders", "<u4"),  # in the window; conversion events where those are what counts
        ("retention_orders", "<u4"),  # within the retention days
        ("before", "<u4"),  # conversion events before the first exposure
        ("after", "<u4"),  # orders or conversion events after the window
        ("unmatched", "<u4"),  # refunds and cancellations in the window whose order is not known
        ("first_at", "<i8"),
        ("first_event", "<u8"),
        ("revenue", "<i8"),
        ("pre_revenue", "<i8"),
    ]
)
NEVER: Final = np.iinfo(np.int64).max
"""First exposure of who was not exposed."""
MERGED: Final = np.uint32(1 << 31)
"""Bit of `variants`: some were seen under another id, which was merged into the customer's."""
_VERSION: Final = 1
_HASH: Final = np.dtype("<u8")
_UNKNOWN, _NONE = -1, 0


@dataclass
class ExposedCustomers:
    """n customers of one experiment; `known` are those who were exposed before.

    The hashes of the remembered exposures of customer i are `recent[starts[i]:starts[i + 1]]`.
    """

    rows: Rows
    known: Flags
    recent: npt.NDArray[np.uint64]
    starts: Ints

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def remembered(self) -> Ragged:
        """The hashes of the remembered exposures of each customer."""
        return Ragged(self.recent, self.starts)

    @property
    def exposed(self) -> Flags:
        """Which of them have been exposed."""
        return np.asarray(self.rows["exposures"] > 0)

    def pack(self, positions: Ints) -> list[bytes]:
        """Return the bytes of the customers at these ascending positions."""
        chosen = np.zeros(len(self), np.bool_)
        chosen[positions] = True
        lengths = np.diff(self.starts)
        kept = self.recent[np.repeat(chosen, lengths)].astype(_HASH, copy=False)
        return pack_values(self.rows[positions], kept, starts_of(lengths[positions]))

    @classmethod
    def unpack(cls, values: Sequence[bytes | None]) -> "ExposedCustomers":
        """Read customers as Redis returned them (None: not exposed). Raises ValueUnreadable."""
        blank = np.zeros(1, EXPOSED)
        blank["version"], blank["first_at"] = _VERSION, NEVER
        rows, known, recent, starts = unpack_values(values, blank, _HASH, "an exposed customer")
        if (rows["version"] != _VERSION).any():
            found = int(rows["version"][rows["version"] != _VERSION][0])
            raise ValueUnreadable(f"an exposed customer has version {found}, this release reads {_VERSION}")
        return cls(rows, known, recent, starts)


def contaminated(rows: Rows) -> Flags:
    """Return which customers (n,) have seen several variants."""
    variants = rows["variants"] & ~MERGED
    return np.asarray(variants & (variants - np.uint32(1)) != 0)


def out_of_comparison(rows: Rows) -> Flags:
    """Return which customers (n,) have seen several variants under several ids: they say nothing of either."""
    return np.asarray(contaminated(rows) & (rows["variants"] & MERGED != 0))


def segment_code(segment: str) -> int:
    """Return the number that stands for a segment id, or for what is said of a customer without one.

    >>> [segment_code("s3"), segment_code("none"), segment_code("unknown")]
    [3, 0, -1]
    """
    named = {UNKNOWN: _UNKNOWN, NO_SEGMENT: _NONE}
    return named[segment] if segment in named else segment_number(segment)


def segment_id(code: int) -> str:
    """Return the segment id of a number.

    >>> [segment_id(3), segment_id(0), segment_id(-1)]
    ['s3', 'none', 'unknown']
    """
    return {_UNKNOWN: UNKNOWN, _NONE: NO_SEGMENT}.get(code, f"s{code}")
