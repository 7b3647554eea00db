"""Customer records: fixed-width rows that a whole micro-batch is folded into with array operations.

In Redis a record is the packed row and the customer's lists (`state.customers.record_packing`). Times are milliseconds
since 1970 in UTC; money is integer thousandths. All aggregates are min, max or sum, so two partial records merge in any
order (see `stream.customers.fold`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints
from events.base_error import ShoalError
from state.customers.ragged import Ragged
from state.customers.record_packing import (
    LIST_WIDTHS,
    VERSION,
    WordsUnreadable,
    pack_words,
    unknown_version,
    unpack_words,
)

__all__ = [
    "EARLIER_SEGMENTS",
    "LAYOUTS",
    "NEVER_FIRST",
    "NEVER_LAST",
    "PROFILE_NUMBERS",
    "RECORD",
    "VERSION",
    "CustomerBatch",
    "RecordUnreadable",
    "blank_rows",
    "copy_rows",
    "pack",
    "take_rows",
    "unpack",
]

Rows = npt.NDArray[Any]
Hashes = npt.NDArray[np.uint64]

NEVER_FIRST: Final = np.iinfo(np.int64).max
"""First time of something that has not happened: the identity of min."""
NEVER_LAST: Final = np.iinfo(np.int64).min
"""Last time of something that has not happened: the identity of max."""
PROFILE_NUMBERS: Final = 6
"""Numeric profile columns: age, income, then the attributes that the settings declare."""

_V1: Final = [
    ("cluster", "<i2"),  # the model's own, -1 where none: feeds the sums
    ("segment", "<u2"),  # what the world sees, 0 where none yet
    ("baseline", "<u4"),  # the baseline that cluster is under
    ("change_number", "<u4"),
    ("learned_at", "<i8"),  # the time for which its vector was last added to the sums
    ("since", "<i8"),
    ("first_order", "<i8"),
    ("last_order", "<i8"),
    ("placed", "<u4"),
    ("cancelled", "<u4"),
    ("refunds", "<u4"),
    ("gross", "<i8"),
    ("cancelled_amount", "<i8"),
    ("refunded", "<i8"),
    ("decayed_orders", "<f8"),  # forward decay, see stream.customers.decay
    ("decayed_amount", "<f8"),
    ("sessions", "<u4"),
    ("pages", "<u4"),
    ("duration_s", "<u4"),
    ("cart_adds", "<u4"),
    ("first_session", "<i8"),
    ("last_session", "<i8"),
    ("decayed_sessions", "<f8"),
]
_WIDER: Final = {"pages": "<u8", "duration_s": "<u8"}  # of a robot, four bytes would overflow
_V2: Final = [
    *((name, _WIDER.get(name, kind)) for name, kind in _V1),
    ("signed_up", "<i8"),
    ("profile_at", "<i8"),  # the newest profile wins; equal times by the larger event hash
    ("profile_event", "<u8"),
    ("profile_numbers", "<f4", (PROFILE_NUMBERS,)),
]

EARLIER_SEGMENTS: Final = 3
"""Segments before the present one that a record remembers (`state.customers.recent_segments`)."""

LAYOUTS: Final = {1: np.dtype(_V1), 2: np.dtype(_V2)}
"""The rows of the oldest versions, which may still be found in Redis: a version byte, the row, the recent hashes."""
RECORD: Final = np.dtype(
    [
        *_V2,
        ("earlier", "<u8", (EARLIER_SEGMENTS,)),
        ("credited", "<i8"),  # refunds that name no order
        ("credit_notes", "<u8"),
    ]
)
"""The row in memory; version 4 stores its words (`state.customers.record_packing`)."""

_BLANK: Final = {
    "cluster": -1,
    "first_order": NEVER_FIRST,
    "last_order": NEVER_LAST,
    "first_session": NEVER_FIRST,
    "last_session": NEVER_LAST,
    "signed_up": NEVER_FIRST,
    "profile_at": NEVER_LAST,
    "profile_numbers": np.nan,
}


class RecordUnreadable(ShoalError):
    """A customer record in Redis has a version or a length that this release does not know."""


@dataclass
class CustomerBatch:
    """The records of some customers of one partition, aligned by position.

    `rows` is an (n,) structured array of `RECORD`; `known` says which were in Redis. Each customer has lists of words:
    `orders` and `returns` (`state.customers.order_entries`), `sessions` (`state.customers.session_entries`), and
    `recent`, hashes of refunds, profiles and what has left the other lists, the oldest first. `profiles` are by
    position the profiles that are kept (`state.customers.profile_documents`), of those only whose profile is needed.
    """

    ids: list[str]
    rows: Rows
    known: Flags
    orders: Ragged
    returns: Ragged
    sessions: Ragged
    recent: Ragged
    profiles: dict[int, bytes] = field(default_factory=dict, kw_only=True)

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def blank(cls, ids: list[str]) -> "CustomerBatch":
        """Return customers of whom nothing is known."""
        n = len(ids)
        return cls(ids, blank_rows(n), np.zeros(n, np.bool_), *(Ragged.blank(n, width) for width in LIST_WIDTHS))

    @property
    def lists(self) -> tuple[Ragged, ...]:
        """The customers' lists, in the order in which a record holds them."""
        return self.orders, self.returns, self.sessions, self.recent

    @classmethod
    def joined(cls, batches: Sequence["CustomerBatch"]) -> "CustomerBatch":
        """Return the customers of all batches, one batch after the other."""
        if len(batches) == 1:
            return batches[0]
        starts = zip(accumulate(map(len, batches), initial=0), batches, strict=False)
        return cls(
            [name for each in batches for name in each.ids],
            _of_words(np.concatenate([_words(each.rows) for each in batches])),
            np.concatenate([each.known for each in batches]),
            *(Ragged.joined(parts) for parts in zip(*(each.lists for each in batches), strict=True)),
            profiles={start + at: kept for start, each in starts for at, kept in each.profiles.items()},
        )

    def part(self, start: int, end: int) -> "CustomerBatch":
        """Return the customers from position `start` to before `end`, without copying rows."""
        if start == 0 and end == len(self):
            return self
        return CustomerBatch(
            self.ids[start:end],
            self.rows[start:end],
            self.known[start:end],
            *(each.part(start, end) for each in self.lists),
            profiles={at - start: kept for at, kept in self.profiles.items() if start <= at < end},
        )

    def take(self, positions: Ints) -> "CustomerBatch":
        """Return the customers at these positions, in this order, without their profiles."""
        ids = list(map(self.ids.__getitem__, positions.tolist()))
        lists = (each.take(positions) for each in self.lists)
        return CustomerBatch(ids, take_rows(self.rows, positions), self.known[positions], *lists)


def blank_rows(n: int) -> Rows:
    """Return n rows without any event: counts 0, times "never", no segment."""
    return np.repeat(_blank_row(), n)


@cache
def _blank_row() -> Rows:
    row = np.zeros(1, RECORD)
    for name, value in _BLANK.items():
        row[name] = value
    return row


def copy_rows(rows: Rows) -> Rows:
    """Return a copy of rows (n,); numpy's own goes field by field, and takes five times as long."""
    return _of_words(_words(rows).copy())


def take_rows(rows: Rows, which: Ints | Flags) -> Rows:
    """Return a copy of the rows at these positions, or where the mask is true."""
    return _of_words(_words(rows)[which])


def pack(batch: CustomerBatch) -> list[bytes]:
    """Return the bytes of each record."""
    return pack_words(_words(batch.rows), _words(_blank_row())[0], batch.lists)


def unpack(ids: list[str], values: Sequence[bytes | None]) -> CustomerBatch:
    """Read records as Redis returned them (None: unknown customer); rows of older versions are migrated.

    Raises RecordUnreadable.
    """
    batch = CustomerBatch.blank(ids)
    present = [value for value in values if value is not None]
    if not present:
        return batch
    if len(present) == len(values):
        batch.known = np.ones(len(values), np.bool_)
    else:
        batch.known = np.array([value is not None for value in values], np.bool_)
    positions = np.flatnonzero(batch.known)
    sizes = np.fromiter(map(len, present), np.int64, len(present))
    if not sizes.all():
        raise RecordUnreadable("a customer record in Redis is empty")
    if (sizes % 8).any():  # versions 1 and 2 are a byte longer than whole words
        present = _migrated(present, [ids[i] for i in positions.tolist()])
    try:
        batch.orders, batch.returns, batch.sessions, batch.recent = unpack_words(present, _words(batch.rows), positions)
    except WordsUnreadable as error:
        raise RecordUnreadable(f"the record of customer {ids[positions[error.position]]!r} {error}") from error
    return batch


def _words(rows: Rows) -> npt.NDArray[np.uint64]:
    """Return rows (n,) as their 64-bit words (n, 29), without copying."""
    return rows.view("<u8").reshape(len(rows), RECORD.itemsize // 8)


def _of_words(words: npt.NDArray[np.uint64]) -> Rows:
    """Return rows (n,) of their words (n, 29), without copying."""
    return words.view(RECORD).reshape(len(words))


def _migrated(values: list[bytes], ids: list[str]) -> list[bytes]:
    """Return records with those of versions 1 and 2 rewritten as the present version."""
    values = list(values)
    for version in LAYOUTS:
        old = [i for i, value in enumerate(values) if value[0] == version]
        if old:
            packed = pack(_read_version([ids[i] for i in old], [values[i] for i in old], version))
            for i, value in zip(old, packed, strict=True):
                values[i] = value
    for customer_id, value in zip(ids, values, strict=True):
        if len(value) % 8:
            if value[0] != VERSION:
                raise RecordUnreadable(f"the record of customer {customer_id!r} {unknown_version(value[0])}")
            raise RecordUnreadable(f"customer {customer_id!r} has a record of an odd length")
    return values


def _read_version(ids: list[str], values: list[bytes], version: int) -> CustomerBatch:
    """Read records of an older version; fields that it lacks keep their blank value."""
    layout = LAYOUTS[version]
    width = layout.itemsize
    body = b"".join([value[1 : 1 + width] for value in values])
    if len(body) != width * len(values):
        raise RecordUnreadable(f"a customer record of version {version} is shorter than {width + 1} bytes")
    lengths = np.fromiter(map(len, values), np.int64, len(values)) - 1 - width
    if (lengths % 8).any():
        raise RecordUnreadable(f"customer {ids[int(np.argmax(lengths % 8 != 0))]!r} has a record of an odd length")
    batch, read = CustomerBatch.blank(ids), np.frombuffer(body, layout)
    for name in layout.names or ():
        batch.rows[name] = read[name]
    hashes = np.frombuffer(b"".join([value[1 + width :] for value in values]), "<u8").astype(np.uint64)
    batch.recent = Ragged(hashes, np.concatenate([[0], np.cumsum(lengths // 8)]).astype(np.int64))
    return batch
