"""What each exposed customer counts for in an experiment, computed from its purchase log: order does not matter.

An order counts once, for what is left of it, by the rule of the order books (`state.customers.order_entries`): told
again it is the same order, refunds and a cancellation take back no more than it was. It counts where its time lies,
whenever it is taken back: so neither what was bought before the exposure and returned after it, nor a return after the
window, is charged to the wrong side. For the period before exposure (CUPED) only what was told before exposure is
taken into account: the treatment must not reach the covariate.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from consumers.tallies.definitions import LiveExperiment
from events.arrays import Flags, Ints
from state.customers.order_entries import NOT_PLACED, OrderEntries, contribution
from state.experiments.purchase_logs import CANCELLED, CONVERSION, PLACED, REFUNDED, PurchaseLogs

__all__ = ["CONTRIBUTION", "PurchaseTable", "contributions", "purchase_table"]

Rows = npt.NDArray[Any]

CONTRIBUTION: Final = ("revenue", "pre_revenue", "orders", "retention_orders", "before", "after", "unmatched")
"""Fields of `state.experiments.exposed_customers.EXPOSED` that follow from the log and the first exposure."""
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


class PurchaseTable(NamedTuple):
    """The entries (e,) of some logs, and the orders (o,) that they are about.

    `about` (e,) says which order an entry is about, -1 for conversions and refunds that name none; `order_owners` (o,)
    are the customers of the orders.
    """

    customers: int
    owners: Ints
    at: Ints
    kinds: Ints
    amounts: Ints
    of: npt.NDArray[np.uint64]
    about: Ints
    order_owners: Ints

    def orders(self, which: Flags) -> OrderEntries:
        """Return the orders as these of the entries (e,) tell them."""
        n = len(self.order_owners)
        told = np.flatnonzero(which & (self.kinds == PLACED) & (self.about >= 0))
        told = told[np.lexsort((self.amounts[told], self.at[told]))]
        times, amounts = np.full(n, NOT_PLACED), np.zeros(n, np.int64)
        # Of several writes to one place numpy keeps the last, which after the sort is the latest telling.
        times[self.about[told]], amounts[self.about[told]] = self.at[told], self.amounts[told]
        refunds = np.flatnonzero(which & (self.kinds == REFUNDED) & (self.about >= 0))
        refunded, cancelled = np.zeros(n, np.int64), np.zeros(n, np.bool_)
        np.add.at(refunded, self.about[refunds], self.amounts[refunds])
        cancelled[self.about[which & (self.kinds == CANCELLED) & (self.about >= 0)]] = True
        number = np.bincount(self.about[refunds], minlength=n)
        return OrderEntries(times, amounts, refunded, number, cancelled, np.zeros(n, np.int64))


def purchase_table(logs: PurchaseLogs) -> PurchaseTable:
    """Return the logs' entries with the orders that they are about."""
    entries, owners = logs.entries, logs.owners
    at, kinds = entries["stamp"] >> 2, entries["stamp"] & 3
    about = np.full(len(entries), -1)
    named = np.flatnonzero((kinds != CONVERSION) & (entries["of"] != 0))
    keys = entries["of"][named] ^ owners[named].astype(np.uint64) * _SPREAD
    _, first, about[named] = np.unique(keys, return_index=True, return_inverse=True)
    amounts = entries["amount"].astype(np.int64)
    return PurchaseTable(len(logs), owners, at, kinds, amounts, entries["of"], about, owners[named[first]])


def contributions(table: PurchaseTable, first_at: Ints, experiment: LiveExperiment) -> dict[str, Ints]:
    """Return, by field of `CONTRIBUTION`, what customers (n,) first exposed `first_at` (n,) count for.

    Of a customer who was never exposed (`NEVER`) the values mean nothing. Amounts are thousandths.
    """
    age = table.at - first_at[table.owners]
    orders, since = table.orders(np.ones(len(age), np.bool_)), first_at[table.order_owners]
    made, order_age = contribution(orders), orders.times - since
    placed = orders.times != NOT_PLACED
    inside = placed & (order_age >= 0) & (order_age < experiment.window_ms)
    retained = placed & (order_age >= 0) & (order_age < experiment.retention_ms)
    kept = made.placed - made.cancelled
    earlier = table.orders(age < 0)
    before = (earlier.times != NOT_PLACED) & placed & (order_age < 0) & (order_age >= -experiment.pre_period_ms)
    unknown = (table.about < 0) | ~placed[table.about] if len(placed) else np.ones(len(age), np.bool_)
    unknown &= (table.kinds != CONVERSION) & (age >= 0) & (age < experiment.window_ms)
    owners = table.order_owners
    return {
        "pre_revenue": _sum(table, owners[before], contribution(earlier).net[before]),
        "retention_orders": _sum(table, owners[retained], kept[retained]),
        "unmatched": _count(table, table.owners[unknown]),
    } | (
        _of_conversions(table, age, experiment)
        if experiment.by_conversions
        else {
            "revenue": _sum(table, owners[inside], made.net[inside]),
            "orders": _sum(table, owners[inside], kept[inside]),
            "before": np.zeros(table.customers, np.int64),
            "after": _count(table, owners[placed & (order_age >= experiment.window_ms)]),
        }
    )


def _of_conversions(table: PurchaseTable, age: Ints, experiment: LiveExperiment) -> dict[str, Ints]:
    """Return what conversions count for, those that name this experiment or none."""
    mine = (table.kinds == CONVERSION) & ((table.of == 0) | (table.of == np.uint64(experiment.hash)))
    inside = mine & (age >= 0) & (age < experiment.window_ms)
    return {
        "revenue": _sum(table, table.owners[inside], table.amounts[inside]),
        "orders": _count(table, table.owners[inside]),
        "before": _count(table, table.owners[mine & (age < 0)]),
        "after": _count(table, table.owners[mine & (age >= experiment.window_ms)]),
    }


def _sum(table: PurchaseTable, owners: Ints, values: Ints) -> Ints:
    """Add up by customer, exactly: a log's amounts are at most 8,000 times 10^15."""
    total = np.zeros(table.customers, np.int64)
    np.add.at(total, owners, values)
    return total


def _count(table: PurchaseTable, owners: Ints) -> Ints:
    return np.bincount(owners, minlength=table.customers)
