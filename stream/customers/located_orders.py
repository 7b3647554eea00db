"""Where orders stand in the books of their customers: found, read, written back, and settled where a book is full."""

from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from consumers.inputs.deduplication import unseen
from consumers.inputs.orders import PLACED, REFUNDED, OrderColumns
from events.arrays import Flags, Ints
from state.customers.order_entries import (
    KEY_BITS,
    NOT_PLACED,
    OrderEntries,
    keys_of_hashes,
    keys_of_words,
    needs_return_words,
    order_words,
    read_entries,
    return_words,
)
from state.customers.ragged import Ragged
from stream.customers.known_keys import KEY, beyond, find, held_keys, mark, marked_keys, with_customers

__all__ = ["LocatedOrders", "OrderBook", "bounded", "late_for_the_book", "settled_keys"]

Words = npt.NDArray[np.uint64]

_SETTLED_ORDER: Final = 1
"""Marks the hash of a settled order among the hashes that a customer's record remembers."""


class OrderBook(NamedTuple):
    """The books of n customers: their orders, what was taken back of them, and the hashes that are remembered."""

    orders: Ragged
    returns: Ragged
    recent: Ragged


def settled_keys(book: OrderBook) -> Ragged:
    """Return the keys of each customer's orders that have left the book, as far as they are remembered."""
    return marked_keys(book.recent, _SETTLED_ORDER)


class LocatedOrders(NamedTuple):
    """Orders (g,), by ascending keys: where the entries of each stand in the book, -1 where there is none."""

    keys: Ints
    orders: Ints
    returns: Ints
    settled: Flags

    @classmethod
    def of(cls, book: OrderBook, keys: Ints) -> "LocatedOrders":
        """Find orders in the book; `keys` (g,) hold the customer above the bits of the order."""
        orders, returns = find(held_keys(book.orders), keys), find(held_keys(book.returns), keys)
        return cls(keys, orders, returns, (find(with_customers(settled_keys(book)), keys) >= 0) & (orders < 0))

    def read(self, book: OrderBook) -> OrderEntries:
        """Return the orders' entries (g,)."""
        return read_entries(
            _at(book.orders.values, self.orders),
            self.orders >= 0,
            _at(book.returns.values, self.returns),
            self.returns >= 0,
        )

    def write(self, book: OrderBook, entries: OrderEntries) -> OrderBook:
        """Return the book with these entries (g,), each where it stood or behind the others of its customer."""
        owners, keys = self.keys >> KEY_BITS, self.keys & KEY
        placed = ~self.settled & (entries.times != NOT_PLACED)
        back = ~self.settled & (needs_return_words(entries) | (self.returns >= 0))
        return book._replace(
            orders=_put(book.orders, self.orders, placed, owners, order_words(keys, entries.times, entries.amounts)),
            returns=_put(book.returns, self.returns, back, owners, return_words(keys, entries)),
        )


def _at(values: Words, places: Ints) -> Words:
    return values[places] if len(values) else np.zeros((len(places), values.shape[1]), np.uint64)


def _put(entries: Ragged, places: Ints, which: Flags, owners: Ints, words: Words) -> Ragged:
    there, new = which & (places >= 0), which & (places < 0)
    if there.any():
        values = entries.values.copy()
        values[places[there]] = words[there]
        entries = Ragged(values, entries.starts)
    return entries.appended(owners[new], words[new])


def bounded(book: OrderBook, window: int, remembered: int) -> OrderBook:
    """Return the book with at most `window` orders a customer, the latest, and as many that wait for their order.

    Of an order that leaves the book the key is remembered, among at most `remembered` hashes.
    """
    if book.orders.lengths.max(initial=0) > window:
        book = _settle(book, window)
    if book.returns.lengths.max(initial=0) > window:
        book = book._replace(returns=_without_oldest_waiting(book, window))
    return book._replace(recent=book.recent.newest(remembered))


def _settle(book: OrderBook, window: int) -> OrderBook:
    keys = held_keys(book.orders)
    everything = LocatedOrders(keys, np.arange(len(keys)), np.full(len(keys), -1), np.zeros(len(keys), np.bool_))
    times = everything.read(book).times
    leaving = beyond(book.orders, times, window)
    gone = keys[leaving]
    kept = ~np.isin(held_keys(book.returns), gone)
    return OrderBook(
        book.orders.only(~leaving),
        book.returns.only(kept),
        book.recent.appended(gone >> KEY_BITS, mark(gone, _SETTLED_ORDER)),
    )


def _without_oldest_waiting(book: OrderBook, window: int) -> Ragged:
    waiting = ~np.isin(held_keys(book.returns), held_keys(book.orders))
    waits = book.returns.only(waiting)
    if waits.lengths.max(initial=0) <= window:
        return book.returns
    leaving = np.zeros(len(waiting), np.bool_)
    leaving[waiting] = beyond(waits, waits.values[:, 2].astype(np.int64), window)
    return book.returns.only(~leaving)


def late_for_the_book(book: OrderBook, orders: OrderColumns, slots: Ints, customers: Ints, window: int) -> Flags:
    """Return which events (m,) of these customers come after their order has left the book.

    A fold takes the events of a micro-batch together, and lets the oldest orders leave at its end (`bounded`). Where
    some are about an order that leaves, it matters which came first, and so they are gone through one by one.
    """
    late, keys = np.zeros(len(slots), np.bool_), keys_of_hashes(orders.order_hashes)
    fresh = unseen(book.recent, slots, orders.event_hashes)
    for customer in customers.tolist():
        latest = _LatestOrders(book, customer, window)
        refunds: set[int] = set()
        for event in np.flatnonzero((slots == customer) & fresh & (orders.order_hashes != 0)).tolist():
            key, kind, hashed = int(keys[event]), int(orders.kinds[event]), int(orders.event_hashes[event])
            if kind == REFUNDED and hashed in refunds:
                continue  # a repeated event
            late[event] = key in latest.gone
            if kind == REFUNDED and not late[event]:
                refunds.add(hashed)
            elif kind == PLACED and not late[event]:
                latest.tell(key, int(orders.times[event]))
    return late


class _LatestOrders:
    """The orders of a customer's book by time, of equal times by key; `gone` are the keys of those that left it."""

    def __init__(self, book: OrderBook, customer: int, window: int) -> None:
        words, gone = (part.take(np.array([customer])).values for part in (book.orders, settled_keys(book)))
        none = np.zeros(len(words), np.bool_)
        times = read_entries(words, ~none, np.zeros((len(words), 3), np.uint64), none).times
        self._times = dict(zip(keys_of_words(words).tolist(), times.tolist(), strict=True))
        self._oldest_first = [(at, key) for key, at in self._times.items()]
        heapify(self._oldest_first)
        self._window = window
        self.gone = set(gone.ravel().tolist()) - self._times.keys()

    def tell(self, key: int, at: int) -> None:
        """Place an order, or move it to a later time; the oldest leaves a full book."""
        if key in self._times and at <= self._times[key]:
            return
        self._times[key] = at
        heappush(self._oldest_first, (at, key))
        while len(self._times) > self._window:
            left_at, left = heappop(self._oldest_first)
            if self._times.get(left) == left_at:
                del self._times[left]
                self.gone.add(left)
