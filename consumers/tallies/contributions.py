"""What each exposed customer counts for in an experiment, computed from its purchase log: order does not matter.

A refund or cancellation belongs to its order, found by the order's id, whenever it comes: it counts where the order
counts. So neither what was bought before the exposure and returned after it, nor a return after the window, is charged
to the wrong side. For the period before exposure (CUPED) only what was taken back before exposure is: the treatment
must not reach the covariate.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from consumers.tallies.definitions import LiveExperiment
from events.arrays import Flags, Ints
from state.experiments.purchase_logs import CANCELLED, CONVERSION, PLACED, PurchaseLogs

__all__ = ["CONTRIBUTION", "PurchaseTable", "contributions", "purchase_table"]

Rows = npt.NDArray[Any]

CONTRIBUTION: Final = ("revenue", "pre_revenue", "orders", "retention_orders", "before", "after", "unmatched")
"""Fields of `state.experiments.exposed_customers.EXPOSED` that follow from the log and the first exposure."""
_NOWHERE: Final = -(1 << 60)
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


class PurchaseTable(NamedTuple):
    """The entries (e,) of some logs, each with its customer and the time of the order that it is about.

    `order_at` is an order's own time; of what takes one back, that of the order (far in the past where it is unknown);
    `counts` is 1 for an order, -1 for the first cancellation of one, else 0; `signed` is the amount with its sign.
    """

    customers: int
    owners: Ints
    at: Ints
    order_at: Ints
    kinds: Ints
    counts: Ints
    signed: Ints
    of: npt.NDArray[np.uint64]


def purchase_table(logs: PurchaseLogs) -> PurchaseTable:
    """Return the logs' entries with each refund and cancellation beside its order."""
    entries, owners = logs.entries, logs.owners
    at, kinds = entries["stamp"] >> 2, entries["stamp"] & 3
    placed = kinds == PLACED
    back = np.flatnonzero(~placed & (kinds != CONVERSION))
    order_at, counts = at.copy(), placed.astype(np.int64)
    signed = entries["amount"].astype(np.int64)
    if len(back):
        signed[back] = -signed[back]
        orders = entries["of"] ^ owners.astype(np.uint64) * _SPREAD
        order_at[back] = _order_times(orders, at, np.flatnonzero(placed & np.isin(orders, orders[back])), back)
        cancelled = back[kinds[back] == CANCELLED]
        counts[cancelled[np.unique(orders[cancelled], return_index=True)[1]]] = -1
    return PurchaseTable(len(logs), owners, at, order_at, kinds, counts, signed, entries["of"])


def _order_times(orders: npt.NDArray[np.uint64], at: Ints, placed: Ints, back: Ints) -> Ints:
    """Return when each order that is taken back was placed: first, where it was more than once."""
    times = np.full(len(back), _NOWHERE)
    if len(placed):
        by_order = placed[np.lexsort((at[placed], orders[placed]))]
        keys = orders[by_order]
        found = np.minimum(np.searchsorted(keys, orders[back]), len(keys) - 1)
        same = keys[found] == orders[back]
        times[same] = at[by_order[found[same]]]
    return times


def contributions(table: PurchaseTable, first_at: Ints, experiment: LiveExperiment) -> dict[str, Ints]:
    """Return, by field of `CONTRIBUTION`, what customers (n,) first exposed `first_at` (n,) count for.

    Of a customer who was never exposed (`NEVER`) the values mean nothing. Amounts are thousandths.
    """
    since = first_at[table.owners]
    age, order_age = table.at - since, table.order_at - since
    buys = table.kinds != CONVERSION
    before = buys & (order_age < 0) & (order_age >= -experiment.pre_period_ms) & (age < 0)
    retains = buys & (order_age >= 0) & (order_age < experiment.retention_ms)
    if experiment.by_conversions:
        mine = ~buys & ((table.of == 0) | (table.of == np.uint64(experiment.hash)))
        counts = mine.astype(np.int64)
    else:
        mine, counts = buys, table.counts
    inside = mine & (order_age >= 0) & (order_age < experiment.window_ms)
    early = mine & (age < 0) if experiment.by_conversions else np.zeros(len(mine), np.bool_)
    late = mine & (counts > 0) & (age >= experiment.window_ms)
    unknown = buys & (table.order_at == _NOWHERE) & (age >= 0) & (age < experiment.window_ms)
    return {
        "revenue": _sum(table, inside, table.signed),
        "pre_revenue": _sum(table, before, table.signed),
        "orders": _sum(table, inside, counts),
        "retention_orders": _sum(table, retains, table.counts),
        "before": _count(table, early),
        "after": _count(table, late),
        "unmatched": _count(table, unknown),
    }


def _sum(table: PurchaseTable, chosen: Flags, values: Ints) -> Ints:
    """Add up by customer, exactly: a log's amounts are at most 8,000 times 10^15."""
    total = np.zeros(table.customers, np.int64)
    np.add.at(total, table.owners[chosen], values[chosen])
    return total


def _count(table: PurchaseTable, chosen: Flags) -> Ints:
    return np.bincount(table.owners[chosen], minlength=table.customers)
