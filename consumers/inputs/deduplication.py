"""Recognise a producer's duplicates: the same event again, among a customer's most recent ones or in one batch."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints

__all__ = ["RecentEvents", "append_recent", "first_occurrences"]

Hashes = npt.NDArray[np.uint64]

_ENDINGS_LEAST, _ENDINGS_MOST = 1 << 10, 1 << 20


class RecentEvents(Protocol):
    """n customers, each with recent event hashes: those of customer i are `recent[starts[i]:starts[i + 1]]`."""

    @property
    def recent(self) -> Hashes:
        """The hashes of all customers."""
        ...

    @property
    def starts(self) -> Ints:
        """Where each customer's begin, (n + 1,)."""
        ...

    def __len__(self) -> int: ...


def first_occurrences(customers: RecentEvents, slots: Ints, hashes: Hashes) -> Flags:
    """Return which events (n,) are new: not among the recent ones of their customer and not earlier in the batch."""
    fresh = _unseen(customers, slots, hashes)
    ordered = np.sort(hashes)
    if (ordered[1:] == ordered[:-1]).any():  # seldom; sorting by two keys costs ten times as much
        order = np.lexsort((hashes, slots))
        repeated = (hashes[order][1:] == hashes[order][:-1]) & (slots[order][1:] == slots[order][:-1])
        fresh[order[1:][repeated]] = False
    return fresh


def _unseen(customers: RecentEvents, slots: Ints, hashes: Hashes) -> Flags:
    """Compare events with the recent hashes of their customers, as one flat array of all the pairs.

    Only an event whose hash ends like that of a recent event of anybody can be a repeated one; the others, nearly all,
    are sorted out by a table of endings.
    """
    unseen = np.ones(len(slots), np.bool_)
    size = min(max(_ENDINGS_LEAST, 1 << (16 * len(customers.recent)).bit_length()), _ENDINGS_MOST)
    endings, ending = np.zeros(size, np.bool_), np.uint64(size - 1)
    endings[customers.recent & ending] = True
    suspects = np.flatnonzero(endings[hashes & ending])
    if len(suspects):
        owners = slots[suspects]
        lengths = np.diff(customers.starts)[owners]
        shift = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        event = np.repeat(suspects, lengths)
        position = np.arange(len(event)) + np.repeat(customers.starts[:-1][owners] - shift, lengths)
        unseen[event[customers.recent[position] == hashes[event]]] = False
    return unseen


def append_recent(customers: RecentEvents, slots: Ints, hashes: Hashes, window: int) -> tuple[Hashes, Ints]:
    """Return the recent hashes and starts with these events appended, at most `window` for each customer."""
    n = len(customers)
    old, new = np.diff(customers.starts), np.bincount(slots, minlength=n)
    lengths = old + new
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    flat = np.empty(int(starts[-1]), np.uint64)
    moved = np.repeat(starts[:-1] - customers.starts[:-1], old)
    flat[np.arange(len(customers.recent)) + moved] = customers.recent
    # Sorting numbers of 16 bits is several times as fast.
    order = np.argsort(slots.astype(np.uint16) if n <= 1 << 16 else slots, kind="stable")
    behind = starts[:-1] + old - np.concatenate([[0], np.cumsum(new)[:-1]])
    flat[np.arange(len(slots)) + behind[slots[order]]] = hashes[order]
    if not n or lengths.max() <= window:
        return flat, starts
    from_end = np.repeat(starts[1:], lengths) - np.arange(len(flat))
    shortened = np.minimum(lengths, window)
    return flat[from_end <= window], np.concatenate([[0], np.cumsum(shortened)]).astype(np.int64)
