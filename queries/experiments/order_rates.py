"""How many customers order within a period, by their segment at its start: the base rate for planning an experiment."""

from typing import NamedTuple

import numpy as np

from state.customers.recent_segments import segments_held_at
from state.customers.records import Rows

__all__ = ["OrderRate", "order_rates_since"]


class OrderRate(NamedTuple):
    """Customers who were known at a time, and those of them who have ordered since."""

    customers: int
    ordered: int


def order_rates_since(rows: Rows, since_ms: int) -> dict[str, OrderRate]:
    """Return who has ordered since a time (ms since 1970 UTC), by the segment held at it.

    `rows` (n,) are customer records. Customers whose first event is later are left out: they could not have been
    exposed then. Their segment is that of the beginning, because the one held now may come from the order itself.
    """
    first = np.minimum(np.minimum(rows["first_order"], rows["first_session"]), rows["signed_up"])
    rows = rows[first <= since_ms]
    segments = np.array(segments_held_at(rows, np.full(len(rows), since_ms, np.int64)), dtype=object)
    ordered = rows["last_order"] > since_ms
    return {
        segment: OrderRate(int((segments == segment).sum()), int(ordered[segments == segment].sum()))
        for segment in sorted(set(segments.tolist()))
    }
