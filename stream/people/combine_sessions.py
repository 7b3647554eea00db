"""The web sessions of two customers who are one person: a session that both know is one session."""

from typing import NamedTuple

import numpy as np

from state.customers.order_entries import KEY_BITS
from state.customers.ragged import Ragged
from state.customers.records import Rows
from state.customers.session_entries import SessionEntries, session_words
from stream.customers.fold_sessions import SessionSums, bounded_sessions, sessions_at, settled_sessions
from stream.customers.known_keys import KEY, find, held_keys, with_customers
from stream.customers.latest_version import latest

__all__ = ["CombinedSessions", "combine_sessions"]


class CombinedSessions(NamedTuple):
    """The sessions of both (n customers) and their hashes; `rows` (n,) correct the sum of both records."""

    sessions: Ragged
    recent: Ragged
    rows: Rows


def combine_sessions(
    mine: Ragged,
    theirs: Ragged,
    settled: tuple[Ragged, Ragged],
    recent: Ragged,
    half_life_ms: float,
    *,
    window: int,
    remembered: int,
) -> CombinedSessions:
    """Combine the sessions of n customers with others of theirs; the later telling of a session holds.

    `settled` are the hashes that both remember, `recent` those of both together.
    """
    keys = np.unique(np.concatenate([held_keys(mine), held_keys(theirs)]))
    here, there = find(held_keys(mine), keys), find(held_keys(theirs), keys)
    left = [find(with_customers(settled_sessions(each)), keys) >= 0 for each in settled]
    gone = (left[0] & (here < 0)) | (left[1] & (there < 0))
    before, other = sessions_at(mine, here), sessions_at(theirs, there)
    after = SessionEntries(*latest(list(before), list(other), np.arange(len(keys))))
    sums, owners = SessionSums(len(mine), half_life_ms), keys >> KEY_BITS
    twice = ((here >= 0) & (there >= 0)) | gone
    for sessions, sign, which in (
        (before, -1, twice & (here >= 0)),
        (other, -1, twice & (there >= 0)),
        (after, 1, twice & ~gone),
    ):
        chosen = np.flatnonzero(which)
        sums.count(owners[chosen], SessionEntries(*(each[chosen] for each in sessions)), sign)
    kept = np.flatnonzero(~gone)
    words = session_words(keys[kept] & KEY, SessionEntries(*(each[kept] for each in after)))
    together = Ragged.blank(len(mine), words.shape[1]).appended(owners[kept], words)
    together, recent = bounded_sessions(together, recent, window, remembered)
    return CombinedSessions(together, recent, sums.rows)
