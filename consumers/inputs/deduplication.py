"""Recognise a producer's duplicates: the same event again, among a customer's most recent ones or in one batch."""

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints
from state.customers.ragged import Ragged

__all__ = ["first_occurrences", "unseen"]

Hashes = npt.NDArray[np.uint64]

_ENDINGS_LEAST, _ENDINGS_MOST = 1 << 10, 1 << 20


def first_occurrences(recent: Ragged, slots: Ints, hashes: Hashes) -> Flags:
    """Return which events (n,) are new: not among the recent ones of their customer and not earlier in the batch."""
    fresh = unseen(recent, slots, hashes)
    ordered = np.sort(hashes)
    if (ordered[1:] == ordered[:-1]).any():  # seldom; sorting by two keys costs ten times as much
        order = np.lexsort((hashes, slots))
        repeated = (hashes[order][1:] == hashes[order][:-1]) & (slots[order][1:] == slots[order][:-1])
        fresh[order[1:][repeated]] = False
    return fresh


def unseen(recent: Ragged, slots: Ints, hashes: Hashes) -> Flags:
    """Return which events (n,) are not among the recent ones of their customer, by one flat array of all the pairs.

    Only an event whose hash ends like that of a recent event of anybody can be a repeated one; the others, nearly all,
    are sorted out by a table of endings.
    """
    fresh = np.ones(len(slots), np.bool_)
    if not len(recent.values):
        return fresh
    size = min(max(_ENDINGS_LEAST, 1 << (16 * len(recent.values)).bit_length()), _ENDINGS_MOST)
    endings, ending = np.zeros(size, np.bool_), np.uint64(size - 1)
    endings[recent.values & ending] = True
    suspects = np.flatnonzero(endings[hashes & ending])
    if len(suspects):
        owners = slots[suspects]
        lengths = recent.lengths[owners]
        shift = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        event = np.repeat(suspects, lengths)
        place = np.arange(len(event)) + np.repeat(recent.starts[:-1][owners] - shift, lengths)
        fresh[event[recent.values[place] == hashes[event]]] = False
    return fresh
