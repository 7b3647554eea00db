"""The orders that a customer's record remembers, for people."""

from typing import Any

import numpy as np

from events.codec.amount_columns import SCALE
from events.codec.instants import rfc3339
from state.customers.order_entries import NOT_PLACED, contribution
from state.customers.records import CustomerBatch
from stream.customers.known_keys import held_keys
from stream.customers.located_orders import LocatedOrders, OrderBook

__all__ = ["orders_in_book"]


def orders_in_book(customer: CustomerBatch) -> list[dict[str, Any]]:
    """Return the orders of one customer as JSON values, the latest first; money in the shop's currency.

    What was taken back of an order that has not come stands first, with `placed_at` null.
    """
    book = OrderBook(customer.orders, customer.returns, customer.recent)
    keys = np.union1d(held_keys(book.orders), held_keys(book.returns))
    entries = LocatedOrders.of(book, keys).read(book)
    made = contribution(entries)
    found = [
        {
            "placed_at": None if at == NOT_PLACED else rfc3339(at),
            "amount": amount / SCALE,
            "refunded": refunded / SCALE,
            "cancelled": cancelled,
            "net": net / SCALE,
        }
        for at, amount, refunded, cancelled, net in zip(
            entries.times.tolist(),
            entries.amounts.tolist(),
            entries.refunded.tolist(),
            entries.cancelled.tolist(),
            made.net.tolist(),
            strict=True,
        )
    ]
    return sorted(found, key=lambda each: (each["placed_at"] is None, each["placed_at"] or ""), reverse=True)
