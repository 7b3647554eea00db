"""Purchase histories as the models see them."""

from dataclasses import dataclass

import numpy as np

from events.arrays import Flags, Floats, Ints
from events.time_units import DAY_MS
from state.customers.records import NEVER_FIRST, Rows
from stream.customers.rfm_values import net_spend

__all__ = ["PurchaseHistory", "purchase_history"]


_DAYS_A_WEEK = 7.0


@dataclass(frozen=True, eq=False)
class PurchaseHistory:
    """n customers who have ordered; weeks are counted from each customer's first order.

    Attributes:
        repeats: orders after the first (n,), whole numbers.
        last: week of the last order (n,), 0 for one-time buyers.
        observed: weeks from the first order to the present (n,).
        orders: orders whose mean amount is known (n,).
        mean_amount: of these orders (n,), in the shop's currency.
    """

    repeats: Floats
    last: Floats
    observed: Floats
    orders: Floats
    mean_amount: Floats

    def __len__(self) -> int:
        return len(self.repeats)

    def take(self, chosen: Ints | Flags) -> "PurchaseHistory":
        """Return these customers."""
        return PurchaseHistory(
            self.repeats[chosen],
            self.last[chosen],
            self.observed[chosen],
            self.orders[chosen],
            self.mean_amount[chosen],
        )


def purchase_history(rows: Rows, now_ms: Ints) -> tuple[PurchaseHistory, Flags]:
    """Return the histories of the customers with an order that was not cancelled, and who of the n they are (n,).

    `rows` (n,) are customer records, `now_ms` (n,) the present of each, in ms since 1970 UTC.

    Times are whole days, as in the models' sources. Every order counts, also several on a day. The mean amount is net
    of refunds and cancellations and of all orders: in the Gamma-Gamma model the first is like the others.
    """
    orders = rows["placed"].astype(np.float64) - rows["cancelled"]
    bought = (orders >= 1) & (rows["first_order"] != NEVER_FIRST) & (rows["first_order"] <= now_ms)
    rows, orders, now_ms = rows[bought], orders[bought], now_ms[bought]
    first = rows["first_order"] // DAY_MS
    observed = (now_ms // DAY_MS - first) / _DAYS_A_WEEK
    last = np.minimum((rows["last_order"] // DAY_MS - first) / _DAYS_A_WEEK, observed)
    net = net_spend(rows)
    return PurchaseHistory(orders - 1.0, np.where(orders > 1, last, 0.0), observed, orders, net / orders), bought
