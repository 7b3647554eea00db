"""What events about known orders, and events that take orders back, make of the orders that they are about."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from consumers.inputs.orders import CANCELLED, PLACED, REFUNDED
from events.arrays import Flags, Ints
from state.customers.order_entries import NOT_PLACED, OrderEntries
from stream.customers.latest_version import is_news, latest
from stream.customers.outcomes import APPLIED, DUPLICATE, SETTLED, UNMATCHED

__all__ = ["ToldOrders"]


@dataclass(frozen=True)
class ToldOrders:
    """Events (m,) about g orders of which something is known already, or of which something is taken back.

    `places` (m,) says which of the g orders an event is about; `before` are the orders' entries, `settled` (g,) those
    that are out of the book, of which nothing changes. No event has been seen before.
    """

    before: OrderEntries
    settled: Flags
    places: Ints
    kinds: npt.NDArray[np.int8]
    times: Ints
    amounts: Ints

    @cached_property
    def after(self) -> OrderEntries:
        """The orders' entries with these events: in any order of the events, and of batches of them, the same."""
        before, counts, told = self.before, ~self.settled[self.places], self._told
        times, amounts = latest(
            [before.times, before.amounts], [self.times[told], self.amounts[told]], self.places[told]
        )
        refunds = counts & (self.kinds == REFUNDED)
        refunded, number = before.refunded.copy(), before.refunds.copy()
        np.add.at(refunded, self.places[refunds], self.amounts[refunds])
        np.add.at(number, self.places[refunds], 1)
        cancelled = before.cancelled.copy()
        cancelled[self.places[counts & (self.kinds == CANCELLED)]] = True
        waiting = before.waiting_since.copy()
        back = counts & (self.kinds != PLACED)
        np.maximum.at(waiting, self.places[back], self.times[back])
        return OrderEntries(times, amounts, refunded, number, cancelled, np.where(times == NOT_PLACED, waiting, 0))

    @cached_property
    def _told(self) -> Ints:
        """The events that say when and for how much their order was placed."""
        return np.flatnonzero((self.kinds == PLACED) & ~self.settled[self.places])

    @cached_property
    def is_new(self) -> Flags:
        """Which orders (g,) were placed by these events."""
        return np.asarray((self.before.times == NOT_PLACED) & (self.after.times != NOT_PLACED))

    @cached_property
    def matched(self) -> Ints:
        """How many events (g,) had been waiting for the orders that were placed by these."""
        waited = self.before.refunds + self.before.cancelled
        return np.where(self.is_new, waited, 0)

    @cached_property
    def is_changed(self) -> Flags:
        """Which orders (g,) were placed before, and contribute something else now."""
        known = self.before.times != NOT_PLACED
        changed = np.zeros(len(known), np.bool_)
        for old, new in zip(self.before, self.after, strict=True):
            changed |= old != new
        return np.asarray(known & changed)

    def outcomes(self) -> Ints:
        """Return what became of each event (m,), as if they had come one by one in this order."""
        found = np.full(len(self.places), APPLIED)
        told, before = self._told, self.before
        news = is_news([before.times, before.amounts], [self.times[told], self.amounts[told]], self.places[told])
        found[told[~news]] = DUPLICATE
        cancels = np.flatnonzero(self.kinds == CANCELLED)
        first = np.zeros(len(cancels), np.bool_)
        first[np.unique(self.places[cancels], return_index=True)[1]] = True
        found[cancels[~first | self.before.cancelled[self.places[cancels]]]] = DUPLICATE
        waits = (self.after.times == NOT_PLACED)[self.places] & (found == APPLIED)
        found[waits] = UNMATCHED
        found[self.settled[self.places]] = SETTLED
        return found
