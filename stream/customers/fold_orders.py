"""Folds orders into the order books of customers: an order counts once, however often and in whatever order it is told.

A placed order that is told again is the same order: the latest telling by time, then by amount, is what it was placed
for. Refunds add up, a cancellation takes back what is left, and together they take back no more than the amount
(`state.customers.order_entries.contribution`). What is taken back before its order comes waits in the book. A refund
that names no order is a credit note: it is taken off the customer's spend.

A book holds a customer's `window` latest orders. An order that falls out stays in the sums, and of it only the hash
is remembered, so that what is told about it later is recognised and counted as settled.
"""

from typing import Final, NamedTuple

import numpy as np

from consumers.inputs.deduplication import first_occurrences, unseen
from consumers.inputs.orders import PLACED, REFUNDED, OrderColumns
from events.arrays import Flags, Floats, Ints
from state.customers.order_entries import (
    KEY_BITS,
    LARGE_AMOUNT,
    NOT_PLACED,
    OrderEntries,
    contribution,
    keys_of_hashes,
    order_words,
)
from state.customers.ragged import Ragged
from state.customers.records import Rows
from stream.customers.known_keys import KEY, are_known, held_keys, listed_keys, repeated
from stream.customers.located_orders import LocatedOrders, OrderBook, bounded, late_for_the_book, settled_keys
from stream.customers.order_updates import ToldOrders
from stream.customers.outcomes import DUPLICATE, SETTLED
from stream.customers.row_sums import RowSums

__all__ = ["FoldedOrders", "OrderSums", "fold_orders"]


_COUNTED: Final = ("placed", "gross", "refunds", "refunded", "cancelled", "cancelled_amount")


class FoldedOrders(NamedTuple):
    """What m orders make of n customers.

    `rows` (n,) are what to add to the records; `outcomes` (m,) say what became of each event, and `matched` (n,) how
    many earlier events are not unmatched any more; `active` (n,) has who placed a new order, `corrected` (n,) whose
    known orders or spend changed. `contested` (n,) are customers an order of whom left the book among events about it.
    """

    rows: Rows
    book: OrderBook
    outcomes: Ints
    active: Flags
    corrected: Flags
    matched: Ints
    contested: Flags


def fold_orders(
    book: OrderBook, orders: OrderColumns, slots: Ints, half_life_ms: float, *, window: int, remembered: int
) -> FoldedOrders:
    """Fold orders (m,) into the books of n customers; `slots` (m,) says whose each is.

    A book keeps `window` orders, and `remembered` hashes of refunds and settled orders. What is told of an order after
    it has left the book changes nothing, whether that is in the same micro-batch or in a later one.
    """
    made = _fold(book, orders, slots, half_life_ms, window, remembered)
    if not made.contested.any():
        return made
    late = late_for_the_book(book, orders, slots, np.flatnonzero(made.contested), window)
    in_time = np.flatnonzero(~late)
    made = _fold(book, orders.take(in_time), slots[in_time], half_life_ms, window, remembered)
    outcomes = np.full(len(slots), SETTLED)
    outcomes[in_time] = made.outcomes
    return made._replace(outcomes=outcomes)


def _fold(
    book: OrderBook, orders: OrderColumns, slots: Ints, half_life_ms: float, window: int, remembered: int
) -> FoldedOrders:
    """Fold orders (m,) together: the books may be over-full until the end."""
    n = len(book.orders)
    sums, outcomes, matched = OrderSums(n, half_life_ms), np.zeros(len(slots), np.int64), np.zeros(n, np.int64)
    active, corrected, contested = np.zeros((3, n), np.bool_)
    keys = slots << KEY_BITS | keys_of_hashes(orders.order_hashes)
    named = orders.order_hashes != 0
    fresh = _fresh(book.recent, orders, slots)
    outcomes[~fresh] = DUPLICATE
    outcomes[_settled_repeats(book, orders, slots, keys, fresh)] = SETTLED
    plain = fresh & named & (orders.kinds == PLACED) & (orders.amounts < LARGE_AMOUNT) & ~_is_told(book, keys, slots)
    new = np.flatnonzero(plain)
    if len(new):
        owners, times, amounts = slots[new], orders.times[new], orders.amounts[new]
        sums.place(owners, times, amounts)
        active[owners] = True
        book = book._replace(orders=book.orders.appended(owners, order_words(keys[new] & KEY, times, amounts)))
    if len(new) < len(slots):
        notes, told = np.flatnonzero(fresh & ~named), np.flatnonzero(fresh & named & ~plain)
        sums.credit(slots[notes], orders.times[notes], orders.amounts[notes])
        corrected[slots[notes]] = True
        if len(told):
            located, about = _about(book, orders, told, keys)
            owners = located.keys >> KEY_BITS
            outcomes[told] = about.outcomes()
            sums.change(owners, about)
            book = located.write(book, about.after)
            active[owners[about.is_new]] = True
            corrected[owners[about.is_changed]] = True
            np.add.at(matched, owners, about.matched)
            contested = _contested(book, located.keys, about, window)
        refunds = np.flatnonzero(fresh & (orders.kinds == REFUNDED) & (outcomes != SETTLED))
        book = book._replace(recent=book.recent.appended(slots[refunds], orders.event_hashes[refunds]))
    book = bounded(book, window, remembered)
    return FoldedOrders(sums.rows, book, outcomes, active, corrected, matched, contested)


def _about(book: OrderBook, orders: OrderColumns, told: Ints, keys: Ints) -> tuple[LocatedOrders, ToldOrders]:
    """Return the orders that the events at `told` are about, where they stand, and what is told of them."""
    groups, places = np.unique(keys[told], return_inverse=True)
    located = LocatedOrders.of(book, groups)
    columns = orders.kinds[told], orders.times[told], orders.amounts[told]
    return located, ToldOrders(located.read(book), located.settled, places, *columns)


def _contested(book: OrderBook, groups: Ints, about: ToldOrders, window: int) -> Flags:
    """Return whose orders (n,) leave a full book although events are about them, or may leave it otherwise.

    `groups` (g,) are the keys of the orders that events are about. A book keeps the latest orders, so only a time that
    is told anew moves an order among the others.
    """
    full = book.orders.lengths > window
    if not full.any():
        return full
    staying = held_keys(bounded(book, window, 0).orders)
    placed = ~about.settled & (about.after.times != NOT_PLACED)
    tellings, first = about.kinds == PLACED, about.after.times.copy()
    np.minimum.at(first, about.places[tellings], about.times[tellings])
    moved = about.after.times > np.where(about.before.times == NOT_PLACED, first, about.before.times)
    owners = groups >> KEY_BITS
    disputed = placed & full[owners] & (moved | ~np.isin(groups, staying))
    found = np.zeros(len(full), np.bool_)
    found[owners[disputed]] = True
    return found


def _is_told(book: OrderBook, keys: Ints, slots: Ints) -> Flags:
    """Return which events (m,) are about an order that is known, or that other events of the batch are about too."""
    known = (listed_keys(book.orders), listed_keys(book.returns), settled_keys(book))
    return repeated(keys) | are_known(keys & KEY, slots, *known)


def _fresh(recent: Ragged, orders: OrderColumns, slots: Ints) -> Flags:
    """Return which events (m,) have not been seen before, as far as that has to be known: only refunds add up."""
    fresh = unseen(recent, slots, orders.event_hashes)
    refunds = np.flatnonzero(orders.kinds == REFUNDED)
    fresh[refunds] &= first_occurrences(recent, slots[refunds], orders.event_hashes[refunds])
    return fresh


def _settled_repeats(book: OrderBook, orders: OrderColumns, slots: Ints, keys: Ints, fresh: Flags) -> Ints:
    """Return which repeated refunds (k,) of the batch are about settled orders.

    A refund of a settled order is not remembered, so in a later micro-batch it would be settled once more, not a
    duplicate. What becomes of it must not depend on where the micro-batches end.
    """
    again = np.flatnonzero(~fresh & (orders.kinds == REFUNDED) & (orders.order_hashes != 0))
    again = again[unseen(book.recent, slots[again], orders.event_hashes[again])]
    known = keys[again] & KEY
    settled = are_known(known, slots[again], settled_keys(book)) & ~are_known(
        known, slots[again], listed_keys(book.orders)
    )
    return again[settled]


class OrderSums(RowSums):
    """The sums of orders, as rows to be added to records."""

    def place(self, owners: Ints, times: Ints, amounts: Ints) -> None:
        """Count new orders of which nothing was taken back."""
        self._add("placed", owners, None)
        self._add("gross", owners, amounts)
        self._decay(owners, times, np.ones(len(times)), amounts)
        self._extend("first_order", "last_order", owners, times)

    def credit(self, owners: Ints, times: Ints, amounts: Ints) -> None:
        """Take credit notes off the spend."""
        if len(owners):
            self._add("credit_notes", owners, None)
            self._add("credited", owners, amounts)
            self._decay(owners, times, np.zeros(len(times)), -amounts)

    def change(self, owners: Ints, told: ToldOrders) -> None:
        """Move the sums by the difference that events made to the orders (g,) of these customers."""
        self.count(owners, told.before, -1)
        self.count(owners, told.after, 1)
        placed = np.flatnonzero((told.kinds == PLACED) & ~told.settled[told.places])
        self._extend("first_order", "last_order", owners[told.places[placed]], told.times[placed])

    def count(self, owners: Ints, orders: OrderEntries, sign: int) -> None:
        """Add what orders contribute, or with the sign -1 take it out."""
        times, made = orders.times, contribution(orders)
        for name in _COUNTED:
            values = getattr(made, name)
            if values.any():
                self._add(name, owners, sign * values)
        kept = np.flatnonzero(made.placed)
        self._decay(owners[kept], times[kept], sign * (1 - made.cancelled[kept]), sign * made.net[kept])

    def _decay(self, owners: Ints, times: Ints, orders: Ints | Floats, amounts: Ints) -> None:
        self._add_decayed("decayed_orders", owners, orders, times)
        self._add_decayed("decayed_amount", owners, amounts, times)
