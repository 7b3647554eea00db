"""The order books of two customers who are one person: an order that both know is one order."""

from typing import Final, NamedTuple

import numpy as np

from events.arrays import Flags, Ints
from state.customers.order_entries import KEY_BITS, NOT_PLACED, OrderEntries
from state.customers.ragged import Ragged
from state.customers.records import Rows
from stream.customers.fold_orders import OrderSums
from stream.customers.known_keys import find, held_keys, with_customers
from stream.customers.latest_version import latest
from stream.customers.located_orders import LocatedOrders, OrderBook, bounded, settled_keys
from stream.people.combine_hashes import combine_hashes

__all__ = ["CombinedOrders", "combine_orders"]

_NOBODY: Final = np.zeros(0, np.int64)


class CombinedOrders(NamedTuple):
    """The books of both (n customers); `rows` (n,) correct the sum of both records where both know an order.

    `matched` (n,) counts events that took back an order, and that find it in the other's book.
    """

    book: OrderBook
    rows: Rows
    matched: Ints


def combine_orders(
    mine: OrderBook, theirs: OrderBook, half_life_ms: float, *, window: int, remembered: int
) -> CombinedOrders:
    """Combine the books of n customers with others of theirs, as if all had been told of one.

    Of two tellings of an order the later one holds, refunds add up, and a cancellation cancels. An order that has left
    either book stays as it was counted there.
    """
    n = len(mine.orders)
    keys = np.unique(np.concatenate([held_keys(theirs.orders), held_keys(theirs.returns), _left_theirs(mine, theirs)]))
    here, there = LocatedOrders.of(mine, keys), LocatedOrders.of(theirs, keys)
    before, other = here.read(mine), there.read(theirs)
    settled = here.settled | there.settled
    after = _together(before, other)
    sums = OrderSums(n, half_life_ms)
    owners = keys >> KEY_BITS
    twice = np.flatnonzero((_is_told(here) & _is_told(there)) | settled)
    for orders, sign, which in (
        (before, -1, twice),
        (other, -1, twice),
        (after, 1, twice[~settled[twice]]),
    ):
        sums.count(owners[which], orders.take(which), sign)
    waited = _waiting(before, other) + _waiting(other, before)
    matched = np.bincount(owners, np.where(settled, 0, waited), n).astype(np.int64)
    book = _without(mine, keys[settled]) if settled.any() else mine
    book = LocatedOrders.of(book, keys)._replace(settled=settled).write(book, after)
    book = book._replace(recent=combine_hashes(book.recent, theirs.recent))
    return CombinedOrders(bounded(book, window, remembered), sums.rows, matched)


def _left_theirs(mine: OrderBook, theirs: OrderBook) -> Ints:
    """Return the keys of orders in my books that have left theirs."""
    held = np.unique(np.concatenate([held_keys(mine.orders), held_keys(mine.returns)]))
    left = with_customers(settled_keys(theirs)) if len(held) else _NOBODY
    return held[find(left, held) >= 0]


def _is_told(located: LocatedOrders) -> Flags:
    return np.asarray((located.orders >= 0) | (located.returns >= 0))


def _together(one: OrderEntries, other: OrderEntries) -> OrderEntries:
    """Return orders (g,) as both tell them."""
    places = np.arange(len(one.times))
    times, amounts = latest([one.times, one.amounts], [other.times, other.amounts], places)
    waiting = np.maximum(one.waiting_since, other.waiting_since)
    return OrderEntries(
        times,
        amounts,
        one.refunded + other.refunded,
        one.refunds + other.refunds,
        one.cancelled | other.cancelled,
        np.where(times == NOT_PLACED, waiting, 0),
    )


def _waiting(orders: OrderEntries, others: OrderEntries) -> Ints:
    """Return how many events of orders (g,) waited for the order, which the others know."""
    found = (orders.times == NOT_PLACED) & (others.times != NOT_PLACED)
    return np.where(found, orders.refunds + orders.cancelled, 0)


def _without(book: OrderBook, keys: Ints) -> OrderBook:
    def rest(entries: Ragged) -> Ragged:
        return entries.only(~np.isin(held_keys(entries), keys))

    return book._replace(orders=rest(book.orders), returns=rest(book.returns))
