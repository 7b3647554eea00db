"""Fold events into customer records: a commutative, associative fold, so that order and grouping do not matter.

Events are first reduced to a partial record for each customer, and partial records are merged: times by min and max,
everything else by sum. What an order or a session adds follows from all that was told of it
(`stream.customers.fold_orders`, `stream.customers.fold_sessions`). The columns of the profile are those of the profile
that is kept (`stream.customers.fold_profiles`): of two records, of the one that knows the newer event.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from consumers.inputs.columns import Columns
from consumers.inputs.customers import ProfileColumns
from consumers.inputs.deduplication import first_occurrences
from consumers.inputs.orders import OrderColumns
from consumers.inputs.web_sessions import SessionColumns
from events.arrays import Flags, Ints
from state.customers.records import NEVER_FIRST, NEVER_LAST, CustomerBatch, Rows, copy_rows
from stream.customers.fold_orders import fold_orders
from stream.customers.fold_profiles import fold_profiles
from stream.customers.fold_sessions import fold_sessions
from stream.customers.located_orders import OrderBook
from stream.customers.outcomes import APPLIED, DUPLICATE

__all__ = ["Fold", "Folded", "fold", "merge"]


_MIN = ("first_order", "first_session")
_MAX = ("last_order", "last_session")
_SUM = (
    *("placed", "cancelled", "refunds", "gross", "cancelled_amount", "refunded", "decayed_orders", "decayed_amount"),
    *("credited", "credit_notes"),
    *("sessions", "pages", "duration_s", "cart_adds", "decayed_sessions"),
)
_PROFILE = ("signed_up", "profile_at", "profile_event", "profile_numbers")
_ANY: Final = 1 << 62


def merge(left: Rows, right: Rows) -> Rows:
    """Return the records of both (n,): commutative and associative in all that events determine.

    What the segmentation has written into `left` (cluster, segment, change number, …) is kept.
    """
    rows = copy_rows(left)
    for name in _MIN:
        if (right[name] != NEVER_FIRST).any():
            rows[name] = np.minimum(left[name], right[name])
    for name in _MAX:
        if (right[name] != NEVER_LAST).any():
            rows[name] = np.maximum(left[name], right[name])
    for name in _SUM:
        if right[name].any():
            rows[name] += right[name]
    told = right["profile_at"] != NEVER_LAST
    if told.any():
        # Equally new is a profile into which an older event was merged.
        newer = told & (
            (right["profile_at"] > left["profile_at"])
            | ((right["profile_at"] == left["profile_at"]) & (right["profile_event"] >= left["profile_event"]))
        )
        for name in _PROFILE:
            rows[name][newer] = right[name][newer]
    return rows


class Folded(NamedTuple):
    """What m events make of n customers.

    `rows` (n,) are what to add to the records, `outcomes` (m,) what became of each event; `active` (n,) has who did
    something new, `corrected` (n,) whose orders were changed or taken back. `matched` (n,) counts earlier events that
    were unmatched and have their order now.
    """

    rows: Rows
    outcomes: Ints
    active: Flags
    corrected: Flags
    matched: Ints | None = None


@dataclass(frozen=True)
class Fold:
    """Folds the events of any topic into customers, who remember `orders`, `sessions` and `hashes` of them at most.

    `attributes` returns the numbers of profiles that have columns beside age and income.
    """

    half_life_ms: float
    orders: int
    sessions: int
    hashes: int
    attributes: Callable[[], Sequence[str]] = tuple

    def __call__(self, customers: CustomerBatch, columns: Columns, slots: Ints) -> Folded:
        """Fold events (m,) into the lists of these customers (n,), and return what to add to their rows."""
        if isinstance(columns, OrderColumns):
            return self._orders(customers, columns, slots)
        if isinstance(columns, SessionColumns):
            return self._sessions(customers, columns, slots)
        if isinstance(columns, ProfileColumns):
            return self._profiles(customers, columns, slots)
        raise TypeError(f"no fold for {type(columns).__name__}")

    def _orders(self, customers: CustomerBatch, columns: OrderColumns, slots: Ints) -> Folded:
        book = OrderBook(customers.orders, customers.returns, customers.recent)
        made = fold_orders(book, columns, slots, self.half_life_ms, window=self.orders, remembered=self.hashes)
        customers.orders, customers.returns, customers.recent = made.book
        return Folded(made.rows, made.outcomes, made.active, made.corrected, made.matched)

    def _sessions(self, customers: CustomerBatch, columns: SessionColumns, slots: Ints) -> Folded:
        made = fold_sessions(
            customers.sessions,
            customers.recent,
            columns,
            slots,
            self.half_life_ms,
            window=self.sessions,
            remembered=self.hashes,
        )
        customers.sessions, customers.recent = made.sessions, made.recent
        return Folded(made.rows, made.outcomes, made.active, np.zeros(len(customers), np.bool_))

    def _profiles(self, customers: CustomerBatch, columns: ProfileColumns, slots: Ints) -> Folded:
        n, fresh = len(customers), first_occurrences(customers.recent, slots, columns.event_hashes)
        kept, owners = columns.take(np.flatnonzero(fresh)), slots[fresh]
        customers.recent = customers.recent.appended(owners, kept.event_hashes).newest(self.hashes)
        active = np.zeros(n, np.bool_)
        active[owners] = True
        rows, documents = fold_profiles(kept, owners, n, self.attributes(), customers.profiles)
        customers.profiles = {**customers.profiles, **documents}
        return Folded(rows, np.where(fresh, APPLIED, DUPLICATE), active, np.zeros(n, np.bool_))


def fold(columns: Columns, slots: Ints, n: int, half_life_ms: float) -> Rows:
    """Return the partial records (n,) of events of one topic, which say all there is of their orders or sessions."""
    if isinstance(columns, ProfileColumns):
        return fold_profiles(columns, slots, n).rows
    return Fold(half_life_ms, _ANY, _ANY, _ANY)(CustomerBatch.blank([""] * n), columns, slots).rows
