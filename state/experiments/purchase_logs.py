"""Purchase logs: each customer's recent orders and conversions, from which what an experiment counts is computed again.

An event that is late, out of order or taken back changes what a customer counts for, so the sums alone are not enough.
In Redis a log is a head of 8 bytes and 32 bytes an entry. Times are ms since 1970 UTC, money is thousandths.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints
from state.customers.ragged import starts_of
from state.customers.variable_length_values import ValueUnreadable, pack_values, unpack_values

__all__ = ["CANCELLED", "CONVERSION", "ENTRY", "PLACED", "REFUNDED", "PurchaseLogs"]

Rows = npt.NDArray[Any]

PLACED, CANCELLED, REFUNDED, CONVERSION = range(4)
ENTRY: Final = np.dtype(
    [
        ("stamp", "<i8"),  # the time, and in its lowest two bits the kind
        ("event", "<u8"),  # hash of the event id, seeded by the topic
        ("amount", "<i8"),
        ("of", "<u8"),  # hash of the order's id; of a conversion, that of its experiment's, 0 where none is named
    ]
)
_HEAD: Final = np.dtype([("mark", "<i8")])
"""`reach` and, in the lowest eight bits, the version."""
_VERSION: Final = 1


@dataclass
class PurchaseLogs:
    """The logs of n customers; the entries of customer i are `entries[starts[i]:starts[i + 1]]`, in no order.

    `reach` (n,) is the time that the log reaches back to: of what lies before, something may have been let go.
    """

    ids: list[str]
    known: Flags
    reach: Ints
    entries: Rows
    starts: Ints

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def recent(self) -> npt.NDArray[np.uint64]:
        """The hashes of the logged events."""
        return np.ascontiguousarray(self.entries["event"])

    @property
    def owners(self) -> Ints:
        """The customer of each entry."""
        return np.repeat(np.arange(len(self.ids)), np.diff(self.starts))

    def pack(self) -> list[bytes]:
        """Return the bytes of each log."""
        heads = np.empty(len(self), _HEAD)
        heads["mark"] = self.reach << 8 | _VERSION
        return pack_values(heads, self.entries, self.starts)

    @classmethod
    def unpack(cls, ids: list[str], values: Sequence[bytes | None]) -> "PurchaseLogs":
        """Read logs as Redis returned them (None: no log). Raises ValueUnreadable."""
        blank = np.array([(_VERSION,)], _HEAD)
        heads, known, entries, starts = unpack_values(values, blank, ENTRY, "a purchase log")
        versions = heads["mark"] & 0xFF
        if (versions != _VERSION).any():
            i = int(np.argmax(versions != _VERSION))
            raise ValueUnreadable(
                f"the purchase log of customer {ids[i]!r} has version {versions[i]}, this release reads {_VERSION}"
            )
        return cls(ids, known, heads["mark"] >> 8, entries, starts)

    def with_entries(self, owners: Ints, entries: Rows) -> "PurchaseLogs":
        """Return the logs with these entries (m,) of the customers at `owners` added."""
        if not len(owners):
            return self
        order = np.argsort(np.concatenate([self.owners, owners]), kind="stable")
        lengths = np.diff(self.starts) + np.bincount(owners, minlength=len(self))
        joined = np.concatenate([self.entries, entries])[order]
        return PurchaseLogs(self.ids, self.known, self.reach, joined, starts_of(lengths))

    def only(self, kept: Flags, reach: Ints) -> "PurchaseLogs":
        """Return the logs with only some of the entries, reaching back to other times."""
        lengths = np.bincount(self.owners[kept], minlength=len(self))
        return PurchaseLogs(self.ids, self.known, reach, self.entries[kept], starts_of(lengths))

    def take(self, positions: Ints) -> "PurchaseLogs":
        """Return the logs of the customers at these positions, in this order, looking at no others."""
        ids = [self.ids[i] for i in positions.tolist()]
        begins = self.starts[positions]
        lengths = self.starts[positions + 1] - begins
        starts = starts_of(lengths)
        kept = self.entries[np.repeat(begins - starts[:-1], lengths) + np.arange(starts[-1])]
        return PurchaseLogs(ids, self.known[positions], self.reach[positions], kept, starts)
