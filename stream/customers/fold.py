"""Fold events into customer records: a commutative, associative fold, so that order and grouping do not matter.

Events are first reduced to a partial record for each customer, and partial records are merged: times by min and max,
everything else by sum, profiles by the newest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumers.inputs.columns import Columns
from consumers.inputs.customers import ProfileColumns
from consumers.inputs.orders import CANCELLED, PLACED, REFUNDED, OrderColumns
from consumers.inputs.web_sessions import SessionColumns
from events.arrays import Floats, Ints
from state.customers.records import NEVER_FIRST, NEVER_LAST, Rows, blank_rows, copy_rows
from stream.customers.decay import contributions

__all__ = ["fold_orders", "fold_profiles", "fold_sessions", "merge"]


_MIN = ("first_order", "first_session")
_MAX = ("last_order", "last_session")
_SUM = (
    *("placed", "cancelled", "refunds", "gross", "cancelled_amount", "refunded", "decayed_orders", "decayed_amount"),
    *("sessions", "pages", "duration_s", "cart_adds", "decayed_sessions"),
)
_PROFILE = ("signed_up", "profile_at", "profile_event", "profile_numbers")


@dataclass(frozen=True)
class _Slots:
    """Sums, minima and maxima of event columns by customer slot."""

    slots: Ints
    n: int

    def total(self, values: npt.NDArray[np.number] | None = None) -> Floats:
        return np.bincount(self.slots, values, self.n).astype(np.float64, copy=False)

    def first(self, times: Ints) -> Ints:
        earliest = np.full(self.n, NEVER_FIRST, np.int64)
        np.minimum.at(earliest, self.slots, times)
        return earliest

    def last(self, times: Ints) -> Ints:
        latest = np.full(self.n, NEVER_LAST, np.int64)
        np.maximum.at(latest, self.slots, times)
        return latest


def fold_orders(orders: OrderColumns, slots: Ints, n: int, half_life_ms: float) -> Rows:
    """Return the partial records (n,) of these orders; `slots` (one an order) says whose each is.

    Only placed orders move the first and last order time. A cancellation takes one order and its amount out of the
    decayed sums, a refund its amount, each at the weight of its own time.
    """
    rows = blank_rows(n)
    weighted = contributions(orders.amounts, orders.times, half_life_ms)
    ones = contributions(np.ones(len(orders)), orders.times, half_life_ms)
    for kind, count, amount in (
        (PLACED, "placed", "gross"),
        (CANCELLED, "cancelled", "cancelled_amount"),
        (REFUNDED, "refunds", "refunded"),
    ):
        mine = orders.kinds == kind
        if not mine.any():
            continue
        of = _Slots(slots[mine], n)
        rows[count] = of.total()
        rows[amount] = of.total(orders.amounts[mine])
        sign = 1.0 if kind == PLACED else -1.0
        rows["decayed_amount"] += sign * of.total(weighted[mine])
        if kind != REFUNDED:
            rows["decayed_orders"] += sign * of.total(ones[mine])
        if kind == PLACED:
            rows["first_order"], rows["last_order"] = of.first(orders.times[mine]), of.last(orders.times[mine])
    return rows


def fold_sessions(sessions: SessionColumns, slots: Ints, n: int, half_life_ms: float) -> Rows:
    """Return the partial records (n,) of these web sessions."""
    rows, of = blank_rows(n), _Slots(slots, n)
    rows["sessions"] = of.total()
    rows["pages"] = of.total(sessions.pages)
    rows["duration_s"] = of.total(sessions.durations)
    rows["cart_adds"] = of.total(sessions.cart_adds)
    rows["first_session"], rows["last_session"] = of.first(sessions.times), of.last(sessions.times)
    rows["decayed_sessions"] = of.total(contributions(np.ones(len(sessions)), sessions.times, half_life_ms))
    return rows


def fold_profiles(profiles: ProfileColumns, slots: Ints, n: int) -> Rows:
    """Return the partial records (n,) of these profiles: each customer's newest."""
    rows = blank_rows(n)
    order = np.lexsort((profiles.event_hashes, profiles.times))
    # Of several writes to one slot numpy keeps the last, which after the sort is the newest.
    rows["signed_up"][slots[order]] = profiles.signed_up[order]
    rows["profile_at"][slots[order]] = profiles.times[order]
    rows["profile_event"][slots[order]] = profiles.event_hashes[order]
    rows["profile_numbers"][slots[order]] = profiles.numbers[order]
    return rows


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
    newer = (right["profile_at"] > left["profile_at"]) | (
        (right["profile_at"] == left["profile_at"]) & (right["profile_event"] > left["profile_event"])
    )
    if newer.any():
        for name in _PROFILE:
            rows[name][newer] = right[name][newer]
    return rows


def fold(columns: Columns, slots: Ints, n: int, half_life_ms: float) -> Rows:
    """Return the partial records (n,) of events of any topic."""
    if isinstance(columns, OrderColumns):
        return fold_orders(columns, slots, n, half_life_ms)
    if isinstance(columns, SessionColumns):
        return fold_sessions(columns, slots, n, half_life_ms)
    if isinstance(columns, ProfileColumns):
        return fold_profiles(columns, slots, n)
    raise TypeError(f"no fold for {type(columns).__name__}")
