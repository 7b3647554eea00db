"""Folds web sessions into customers: a session that is told again while it grows counts once, with its last figures.

A record remembers its customer's `window` latest sessions. Of one that falls out only the hash is remembered, so that
what is told about it later is recognised and counted as settled.
"""

from typing import Final, NamedTuple

import numpy as np

from consumers.inputs.web_sessions import SessionColumns
from events.arrays import Flags, Ints
from state.customers.order_entries import KEY_BITS, keys_of_hashes
from state.customers.ragged import Ragged
from state.customers.records import Rows
from state.customers.session_entries import UNTOLD, SessionEntries, read_sessions, session_words
from stream.customers.known_keys import (
    KEY,
    are_known,
    beyond,
    find,
    held_keys,
    listed_keys,
    mark,
    marked_keys,
    repeated,
    with_customers,
)
from stream.customers.latest_version import is_news, latest
from stream.customers.outcomes import DUPLICATE, SETTLED
from stream.customers.row_sums import RowSums

__all__ = ["FoldedSessions", "SessionSums", "bounded_sessions", "fold_sessions", "sessions_at", "settled_sessions"]

_SETTLED_SESSION: Final = 2
"""Marks the hash of a settled session among the hashes that a customer's record remembers."""


class FoldedSessions(NamedTuple):
    """What m sessions make of n customers.

    `rows` (n,) are what to add to the records, `outcomes` (m,) what became of each event; `active` (n,) has whose
    sessions are new or longer than before.
    """

    rows: Rows
    sessions: Ragged
    recent: Ragged
    outcomes: Ints
    active: Flags


def fold_sessions(
    sessions: Ragged,
    recent: Ragged,
    columns: SessionColumns,
    slots: Ints,
    half_life_ms: float,
    *,
    window: int,
    remembered: int,
) -> FoldedSessions:
    """Fold sessions (m,) into those of n customers; `slots` (m,) says whose each is."""
    sums, outcomes = SessionSums(len(sessions), half_life_ms), np.zeros(len(slots), np.int64)
    active = np.zeros(len(sessions), np.bool_)
    keys = slots << KEY_BITS | keys_of_hashes(columns.session_hashes)
    settled = settled_sessions(recent)
    plain = ~(repeated(keys) | are_known(keys & KEY, slots, listed_keys(sessions), settled))
    told = SessionEntries(columns.times, columns.durations, columns.pages, columns.cart_adds)
    new = np.flatnonzero(plain)
    fresh = SessionEntries(*(each[new] for each in told))
    sums.count(slots[new], fresh, 1)
    sums.times(slots[new], fresh.times)
    active[slots[new]] = True
    sessions = sessions.appended(slots[new], session_words(keys[new] & KEY, fresh))
    again = np.flatnonzero(~plain)
    if len(again):
        repeats = SessionEntries(*(each[again] for each in told))
        sessions, outcomes[again], updated = _update_sessions(sessions, settled, sums, keys[again], repeats)
        active[updated] = True
    sessions, recent = bounded_sessions(sessions, recent, window, remembered)
    return FoldedSessions(sums.rows, sessions, recent, outcomes, active)


def sessions_at(sessions: Ragged, at: Ints) -> SessionEntries:
    """Return the sessions at these places (g,), `UNTOLD` where a place is -1."""
    if not len(sessions.values):
        return SessionEntries(np.full(len(at), UNTOLD), *(np.zeros(len(at), np.int64) for _ in range(3)))
    found = read_sessions(sessions.values[at])
    return SessionEntries(*(np.where(at < 0, 0 if i else UNTOLD, each) for i, each in enumerate(found)))


def _written(sessions: Ragged, at: Ints, keys: Ints, told: SessionEntries) -> Ragged:
    """Return the lists with the sessions (g,) that are known, each where it stood or behind those of its customer."""
    words, known = session_words(keys & KEY, told), np.flatnonzero(told.times != UNTOLD)
    there, new = known[at[known] >= 0], known[at[known] < 0]
    if len(there):
        values = sessions.values.copy()
        values[at[there]] = words[there]
        sessions = Ragged(values, sessions.starts)
    return sessions.appended(keys[new] >> KEY_BITS, words[new])


def settled_sessions(recent: Ragged) -> Ragged:
    """Return the keys of each customer's sessions that have left the list, as far as they are remembered."""
    return marked_keys(recent, _SETTLED_SESSION)


def bounded_sessions(sessions: Ragged, recent: Ragged, window: int, remembered: int) -> tuple[Ragged, Ragged]:
    """Return the `window` latest sessions of each customer, and `remembered` hashes with those of the others."""
    if sessions.lengths.max(initial=0) > window:
        leaving = beyond(sessions, read_sessions(sessions.values).times, window)
        gone = held_keys(sessions)[leaving]
        recent = recent.appended(gone >> KEY_BITS, mark(gone, _SETTLED_SESSION))
        sessions = sessions.only(~leaving)
    return sessions, recent.newest(remembered)


class SessionSums(RowSums):
    """The sums of sessions, as rows to be added to records."""

    def count(self, owners: Ints, sessions: SessionEntries, sign: int) -> None:
        """Add sessions, or with the sign -1 take them out."""
        self._add("sessions", owners, None, sign)
        self._add("pages", owners, sessions.pages, sign)
        self._add("duration_s", owners, sessions.durations, sign)
        self._add("cart_adds", owners, sessions.cart_adds, sign)
        self._add_decayed("decayed_sessions", owners, np.full(len(owners), sign), sessions.times)

    def change(self, owners: Ints, before: SessionEntries, after: SessionEntries) -> None:
        """Move the sums by the difference between sessions (g,) as they were and as they are, where they are known."""
        for sessions, sign in ((before, -1), (after, 1)):
            known = np.flatnonzero(sessions.times != UNTOLD)
            self.count(owners[known], SessionEntries(*(each[known] for each in sessions)), sign)

    def times(self, owners: Ints, times: Ints) -> None:
        """Move the first and the last session."""
        self._extend("first_session", "last_session", owners, times)


def _update_sessions(
    sessions: Ragged, settled: Ragged, sums: SessionSums, keys: Ints, told: SessionEntries
) -> tuple[Ragged, Ints, Ints]:
    """Fold sessions (m,) that may be known, or that come more than once, into `sessions` and `sums`.

    Returns the sessions, an outcome for each of the m, and the customers to whom something new came.
    """
    groups, places = np.unique(keys, return_inverse=True)
    owners, at = groups >> KEY_BITS, find(held_keys(sessions), groups)
    is_settled = (find(with_customers(settled), groups) >= 0) & (at < 0)
    before = sessions_at(sessions, at)
    counted = np.flatnonzero(~is_settled[places])
    values = [each[counted] for each in told]
    news = is_news(before, values, places[counted])
    after = SessionEntries(*latest(before, values, places[counted]))
    outcomes = np.where(is_settled[places], SETTLED, DUPLICATE)
    outcomes[counted[news]] = 0
    sums.change(owners, before, after)
    sums.times(owners[places[counted]], values[0])
    return _written(sessions, at, groups, after), outcomes, owners[places[counted[news]]]
