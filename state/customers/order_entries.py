"""Entries of a customer's order book, and the one function that says what an order contributes.

An order is placed, told again, refunded in parts and cancelled, in any order of arrival. Its entry holds what all of
that amounts to: when and for how much it was placed by the latest telling, what was refunded, whether it was cancelled.

In a record an order is two words: 44 bits of the hash of its id, 42 bits of its time and 42 bits of its amount. What
was taken back of it is another entry of three words, which most orders do not need: the same 44 bits of hash, whether
it was cancelled, the number of refunds, their sum, and a word for a large amount or the time of what is not placed yet.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints

__all__ = [
    "KEY_BITS",
    "LARGE_AMOUNT",
    "NOT_PLACED",
    "ORDER_WORDS",
    "RETURN_WORDS",
    "Contribution",
    "OrderEntries",
    "contribution",
    "keys_of_hashes",
    "keys_of_words",
    "needs_return_words",
    "order_words",
    "read_entries",
    "return_words",
]

Words = npt.NDArray[np.uint64]

ORDER_WORDS: Final = 2
RETURN_WORDS: Final = 3
KEY_BITS: Final = 44
"""Bits of an order's hash that tell a customer's orders apart: two of 256 orders agree once in 5 * 10^8 customers."""
NOT_PLACED: Final = -1
"""The time of an order of which only refunds or a cancellation have come."""

_KEY_SHIFT: Final = np.uint64(64 - KEY_BITS)
_TIME_BITS: Final = 42
_TIME_LOW: Final = np.uint64(_TIME_BITS - (64 - KEY_BITS))
_AMOUNT_BITS: Final = np.uint64(42)
LARGE_AMOUNT: Final = (1 << 42) - 1
"""Amounts from here on (4.4 * 10^9 units) stand in the entry of what was taken back, and this number in their place."""
_AMOUNT: Final = np.uint64(LARGE_AMOUNT)
_CANCELLED: Final = np.uint64(1 << 19)
_REFUNDS: Final = np.uint64((1 << 19) - 1)


class OrderEntries(NamedTuple):
    """Orders (n,): when placed (ms, or NOT_PLACED), amounts and refunds in thousandths, refunds by number, cancelled.

    `waiting_since` is the latest time of what came before the order did.
    """

    times: Ints
    amounts: Ints
    refunded: Ints
    refunds: Ints
    cancelled: Flags
    waiting_since: Ints

    def take(self, positions: Ints) -> "OrderEntries":
        """Return the orders at these positions."""
        return OrderEntries(
            self.times[positions],
            self.amounts[positions],
            self.refunded[positions],
            self.refunds[positions],
            self.cancelled[positions],
            self.waiting_since[positions],
        )


class Contribution(NamedTuple):
    """What orders (n,) add to their customer's sums; money in thousandths. `net` is what is left of the amount."""

    placed: Ints
    gross: Ints
    refunds: Ints
    refunded: Ints
    cancelled: Ints
    cancelled_amount: Ints
    net: Ints


def contribution(entries: OrderEntries) -> Contribution:
    """Return what orders contribute: refunds take back up to the amount, a cancellation what is left of it.

    An order that is not placed contributes nothing.

    >>> one = OrderEntries(*(np.array([value]) for value in (5, 80_000, 90_000, 1, True, 0)))
    >>> found = contribution(one)
    >>> [int(value[0]) for value in (found.placed, found.gross, found.refunded, found.cancelled, found.net)]
    [1, 80000, 80000, 1, 0]
    """
    placed = entries.times != NOT_PLACED
    gross = np.where(placed, entries.amounts, 0)
    refunded = np.minimum(entries.refunded, gross)
    cancelled = placed & entries.cancelled
    cancelled_amount = np.where(cancelled, gross - refunded, 0)
    return Contribution(
        placed.astype(np.int64),
        gross,
        np.where(placed, entries.refunds, 0),
        refunded,
        cancelled.astype(np.int64),
        cancelled_amount,
        gross - refunded - cancelled_amount,
    )


def keys_of_hashes(hashes: Words) -> Ints:
    """Return the bits by which orders are told apart, of the hashes (n,) of their ids."""
    return (hashes >> _KEY_SHIFT).astype(np.int64)


def keys_of_words(words: Words) -> Ints:
    """Return the same bits of entries (n, width)."""
    return (words[:, 0] >> _KEY_SHIFT).astype(np.int64)


def order_words(keys: Ints, times: Ints, amounts: Ints) -> Words:
    """Return the entries (n, 2) of orders that are placed; amounts from LARGE_AMOUNT on need `return_words` as well."""
    words = np.empty((len(keys), ORDER_WORDS), np.uint64)
    at, amount = times.astype(np.uint64), np.minimum(amounts.astype(np.uint64), _AMOUNT)
    words[:, 0] = keys.astype(np.uint64) << _KEY_SHIFT | at >> _TIME_LOW
    words[:, 1] = at << _AMOUNT_BITS | amount
    return words


def return_words(keys: Ints, entries: OrderEntries) -> Words:
    """Return the entries (n, 3) of what was taken back of orders."""
    words = np.empty((len(keys), RETURN_WORDS), np.uint64)
    refunds = np.minimum(entries.refunds.astype(np.uint64), _REFUNDS)
    words[:, 0] = keys.astype(np.uint64) << _KEY_SHIFT | np.where(entries.cancelled, _CANCELLED, np.uint64(0)) | refunds
    words[:, 1] = entries.refunded
    words[:, 2] = np.where(entries.times == NOT_PLACED, entries.waiting_since, entries.amounts)
    return words


def needs_return_words(entries: OrderEntries) -> Flags:
    """Return which orders (n,) do not fit into two words."""
    large = entries.amounts >= LARGE_AMOUNT
    return np.asarray(large | entries.cancelled | (entries.refunds > 0) | (entries.times == NOT_PLACED))


def read_entries(orders: Words, has_order: Flags, returns: Words, has_return: Flags) -> OrderEntries:
    """Return the entries of n orders from their words (n, 2) and (n, 3); what an order does not have is not read."""
    times = ((orders[:, 0] & np.uint64((1 << 20) - 1)) << _TIME_LOW | orders[:, 1] >> _AMOUNT_BITS).astype(np.int64)
    amounts, third = orders[:, 1] & _AMOUNT, returns[:, 2].astype(np.int64)
    large = has_return & (amounts == _AMOUNT)
    return OrderEntries(
        np.where(has_order, times, NOT_PLACED),
        np.where(has_order, np.where(large, third, amounts.astype(np.int64)), 0),
        np.where(has_return, returns[:, 1].astype(np.int64), 0),
        np.where(has_return, returns[:, 0] & _REFUNDS, np.uint64(0)).astype(np.int64),
        has_return & ((returns[:, 0] & _CANCELLED) != 0),
        np.where(has_return & ~has_order, third, 0),
    )
