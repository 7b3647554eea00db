"""Entries of a customer's latest web sessions, so that one that is told again while it grows counts once.

In a record a session is three words: 44 bits of the hash of its id, its end with its duration in whole seconds, and
its pages with its additions to the cart.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from events.arrays import Ints
from state.customers.order_entries import KEY_BITS

__all__ = ["SESSION_WORDS", "UNTOLD", "SessionEntries", "read_sessions", "session_words"]

Words = npt.NDArray[np.uint64]

SESSION_WORDS: Final = 3
UNTOLD: Final = -1
"""The end of a session that is not known."""
_KEY_SHIFT: Final = np.uint64(64 - KEY_BITS)
_DURATION_BITS: Final = np.uint64(20)
_DURATION: Final = np.uint64((1 << 20) - 1)
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64((1 << 32) - 1)


class SessionEntries(NamedTuple):
    """Sessions (n,): their ends in ms (or UNTOLD), durations in seconds, pages and additions to the cart."""

    times: Ints
    durations: Ints
    pages: Ints
    cart_adds: Ints


def session_words(keys: Ints, sessions: SessionEntries) -> Words:
    """Return the words (n, 3) of sessions; `keys` (n,) are 44 bits each."""
    times, durations, pages, cart_adds = (each.astype(np.uint64) for each in sessions)
    words = np.empty((len(keys), SESSION_WORDS), np.uint64)
    words[:, 0] = keys.astype(np.uint64) << _KEY_SHIFT
    words[:, 1] = times << _DURATION_BITS | durations
    words[:, 2] = pages << _HALF | cart_adds
    return words


def read_sessions(words: Words) -> SessionEntries:
    """Return the sessions of their words (n, 3)."""
    columns = (words[:, 1] >> _DURATION_BITS, words[:, 1] & _DURATION, words[:, 2] >> _HALF, words[:, 2] & _LOW)
    return SessionEntries(*(each.astype(np.int64) for each in columns))
