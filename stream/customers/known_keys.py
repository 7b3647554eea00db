"""The keys by which a customer's orders and sessions are told apart, and which of a batch's keys are known already.

A key is 44 bits of the hash of an id, below the customer's position in the batch.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from consumers.inputs.deduplication import unseen
from events.arrays import Flags, Ints
from state.customers.order_entries import KEY_BITS, keys_of_words
from state.customers.ragged import Ragged

__all__ = [
    "KEY",
    "are_known",
    "beyond",
    "find",
    "held_keys",
    "listed_keys",
    "mark",
    "marked_keys",
    "repeated",
    "with_customers",
]

KEY: Final = (1 << KEY_BITS) - 1

_LEAST, _MOST = 1 << 10, 1 << 20
_SPARSE: Final = 16


def are_known(keys: Ints, slots: Ints, *known: Ragged) -> Flags:
    """Return which keys (m,) of the customers at `slots` (m,) stand among these lists of their customer's keys."""
    found = np.zeros(len(keys), np.bool_)
    for each in known:
        if len(each.values):
            found |= ~unseen(each, slots, keys.view(np.uint64))
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
    return with_customers(listed_keys(entries))


def listed_keys(entries: Ragged) -> Ragged:
    """Return the keys of each customer's entries."""
    if not len(entries.values):
        return Ragged(np.empty(0, np.uint64), entries.starts)
    return Ragged(keys_of_words(entries.values).view(np.uint64), entries.starts)


def marked_keys(recent: Ragged, kind: int) -> Ragged:
    """Return the keys that were remembered by `mark` as of this kind, of each customer."""
    marked = recent.values >> np.uint64(KEY_BITS) == kind
    if not marked.any():
        return Ragged(np.empty(0, np.uint64), np.zeros_like(recent.starts))
    chosen = recent.only(marked)
    return Ragged(chosen.values & np.uint64(KEY), chosen.starts)


def with_customers(keys: Ragged) -> Ints:
    """Return each customer's keys (k,), each below its customer."""
    return np.asarray(keys.owners << KEY_BITS | keys.values.view(np.int64))


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
