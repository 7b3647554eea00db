"""The keys by which a customer's orders and sessions are told apart, and which of a batch's keys are known already.

A key is 44 bits of the hash of an id, below the customer's position in the batch.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints
from state.customers.order_entries import KEY_BITS, keys_of_words
from state.customers.ragged import Ragged

__all__ = ["KEY", "are_held", "beyond", "find", "held_keys", "mark", "marked_keys", "repeated"]

KEY: Final = (1 << KEY_BITS) - 1

_LEAST, _MOST = 1 << 10, 1 << 20
_SPARSE: Final = 16


def are_held(keys: Ints, held: Ints) -> Flags:
    """Return which keys (m,) are among the held ones (k,).

    A table of endings tells nearly all of them apart; comparing every pair or sorting costs several times as much.
    """
    found = np.zeros(len(keys), np.bool_)
    if len(held):
        endings, ending = _endings(held)
        suspects = np.flatnonzero(endings[keys & ending])
        if len(suspects):
            distinct, places = np.unique(keys[suspects], return_inverse=True)
            found[suspects] = (find(held, distinct) >= 0)[places]
    return found


def find(held: Ints, keys: Ints) -> Ints:
    """Return where each of the ascending, distinct keys (g,) is held, -1 where it is not."""
    places = np.full(len(keys), -1)
    if len(held) and len(keys):
        endings, ending = _endings(keys)
        suspects = np.flatnonzero(endings[held & ending])
        at = np.minimum(np.searchsorted(keys, held[suspects]), len(keys) - 1)
        same = keys[at] == held[suspects]
        places[at[same]] = suspects[same]
    return places


def repeated(keys: Ints) -> Flags:
    """Return which keys (m,) stand more than once."""
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(keys, twice) if len(twice) else np.zeros(len(keys), np.bool_)


def _endings(keys: Ints) -> tuple[Flags, int]:
    size = min(max(_LEAST, 1 << (_SPARSE * len(keys)).bit_length()), _MOST)
    endings = np.zeros(size, np.bool_)
    endings[keys & (size - 1)] = True
    return endings, size - 1


def held_keys(entries: Ragged) -> Ints:
    """Return the keys of entries (k,), each below its customer."""
    if not len(entries.values):
        return np.empty(0, np.int64)
    return np.asarray(entries.owners << KEY_BITS | keys_of_words(entries.values))


def marked_keys(recent: Ragged, kind: int) -> Ints:
    """Return the keys that were remembered by `mark` as of this kind, each below its customer."""
    marked = recent.values >> np.uint64(KEY_BITS) == kind
    if not marked.any():
        return np.empty(0, np.int64)
    return np.asarray(recent.owners[marked] << KEY_BITS | (recent.values[marked] & np.uint64(KEY)).astype(np.int64))


def mark(keys: Ints, kind: int) -> npt.NDArray[np.uint64]:
    """Return what a record remembers of keys, among hashes that have other bits: the kind above the key."""
    return (keys & KEY | kind << KEY_BITS).astype(np.uint64)


def beyond(entries: Ragged, times: Ints, limit: int) -> Flags:
    """Return which entries (k,) are not among the `limit` latest of their customer, by time and then by words."""
    order = np.lexsort((entries.values[:, 0], times, entries.owners))
    from_end = np.repeat(entries.starts[1:], entries.lengths) - np.arange(len(order))
    found = np.zeros(len(order), np.bool_)
    found[order] = from_end > limit
    return found
