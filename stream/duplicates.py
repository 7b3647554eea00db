"""Recognise a producer's duplicates: the same event again, among a customer's most recent ones or in one batch."""

import numpy as np
import numpy.typing as npt

from state.records import CustomerBatch, Hashes, Ints

__all__ = ["first_occurrences", "remember"]


def first_occurrences(customers: CustomerBatch, slots: Ints, hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Return which events (n,) are new: not among the recent ones of their customer and not earlier in the batch."""
    fresh = _unseen(customers, slots, hashes)
    order = np.lexsort((hashes, slots))
    repeated = (hashes[order][1:] == hashes[order][:-1]) & (slots[order][1:] == slots[order][:-1])
    fresh[order[1:][repeated]] = False
    return fresh


def _unseen(customers: CustomerBatch, slots: Ints, hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Compare each event with each recent hash of its customer, as one flat array of all the pairs."""
    lengths = np.diff(customers.starts)[slots]
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    unseen = np.ones(len(slots), np.bool_)
    if total:
        event = np.repeat(np.arange(len(slots)), lengths)
        place = np.arange(total) + np.repeat(customers.starts[:-1][slots] - (ends - lengths), lengths)
        unseen[event[customers.recent[place] == hashes[event]]] = False
    return unseen


def remember(customers: CustomerBatch, slots: Ints, hashes: Hashes, window: int) -> tuple[Hashes, Ints]:
    """Return the recent hashes and starts with these events appended, at most `window` for each customer."""
    n = len(customers)
    old = np.diff(customers.starts)
    owner = np.concatenate([np.repeat(np.arange(n), old), slots])
    flat = np.concatenate([customers.recent, hashes])
    order = np.argsort(owner, kind="stable")
    lengths = old + np.bincount(slots, minlength=n)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    from_end = np.repeat(starts[1:], lengths) - np.arange(len(flat))
    kept = from_end <= window
    shortened = np.minimum(lengths, window)
    return flat[order][kept], np.concatenate([[0], np.cumsum(shortened)]).astype(np.int64)
