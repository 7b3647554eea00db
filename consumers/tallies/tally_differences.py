"""From exposed customers to the sums of their cells: what is added and what is taken out again."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from consumers.tallies.definitions import LiveExperiment
from events.arrays import Ints
from experiments.tally import Tally
from state.experiments.exposed_customers import contaminated, out_of_comparison, segment_id
from state.experiments.purchase_logs import CONVERSION, PurchaseLogs
from state.experiments.tally_store import Cell, TallyReading, add_sums

__all__ = ["added", "changed_sums", "left_out_difference", "named_conversions"]

Rows = npt.NDArray[Any]

_LEFT_OUT: Final = {"before": "before_exposure", "after": "after_window", "unmatched": "unmatched_refund"}
"""Fields of an exposed customer that say how much was left out, and the names of the reasons."""


def changed_sums(
    before: Rows, after: Rows, variants: tuple[str, ...], stored: TallyReading
) -> dict[Cell, tuple[int, ...]]:
    """Return the new sums of every cell that changes, in the order of `Tally.names()`.

    `before` and `after` are rows of `EXPOSED` of the same customers; those of a customer not yet exposed are left out
    of `before` by its variant count of 0. Sums are exact at any size.
    """
    counted = before[before["exposures"] > 0]
    rows = np.concatenate([after, counted])
    if not len(rows):
        return {}
    codes = rows["variant"].astype(np.int64) << 32 | rows["segment"].astype(np.int64) + 1
    order = np.argsort(codes, kind="stable")
    first = np.flatnonzero(np.diff(codes[order], prepend=-1))
    matrix = _contributions(rows)
    matrix[len(after) :] *= -1
    sums = np.add.reduceat(matrix[order], first, axis=0)
    changed = {}
    for code, delta in zip(codes[order][first].tolist(), sums.tolist(), strict=True):
        if any(delta):
            cell = (variants[code >> 32], segment_id((code & 0xFFFFFFFF) - 1))
            changed[cell] = add_sums(stored.cells.get(cell, ()), delta)
    return changed


def left_out_difference(before: Rows, after: Rows) -> dict[str, int]:
    """Return by how much more is left out of the customers after than before."""
    changes = {
        reason: int(after[field].astype(np.int64).sum() - before[field].astype(np.int64).sum())
        for field, reason in _LEFT_OUT.items()
    }
    negative = np.count_nonzero(after["revenue"] < 0) - np.count_nonzero(before["revenue"] < 0)
    merged = np.count_nonzero(out_of_comparison(after)) - np.count_nonzero(out_of_comparison(before))
    return changes | {"negative_revenue": int(negative), "merged_contaminated": int(merged)}


def named_conversions(logs: PurchaseLogs, experiment: LiveExperiment) -> Ints:
    """Return the customer of each logged conversion that names the experiment."""
    entries = logs.entries
    named = (entries["of"] == np.uint64(experiment.hash)) & (entries["stamp"] & 3 == CONVERSION)
    return np.asarray(logs.owners[named])


def added(stored: Mapping[str, int], changes: Mapping[str, int]) -> dict[str, int]:
    """Return the new counts of the reasons whose counts change."""
    return {reason: stored.get(reason, 0) + change for reason, change in changes.items() if change}


def _contributions(rows: Rows) -> npt.NDArray[Any]:
    """Return what each customer (m,) adds to the sums, (m, sums): in int64 where all products fit, else Python's.

    Who is out of the comparison is counted as contaminated, and in no other sum but that of repeated exposures.
    """
    compared = ~out_of_comparison(rows)
    revenue, before = rows["revenue"] * compared, rows["pre_revenue"] * compared
    orders = rows["orders"].astype(np.int64) * compared
    largest = max(int(np.abs(each).max()) for each in (revenue, before, orders))
    if largest * largest * len(rows) >= 1 << 62:
        revenue, before, orders = revenue.astype(object), before.astype(object), orders.astype(object)
    columns = {
        "exposed": compared.astype(np.int64),
        "converted": (orders > 0).astype(np.int64),
        "retained": (compared & (rows["retention_orders"] > 1)).astype(np.int64),
        "revenue": revenue,
        "revenue_squares": revenue * revenue,
        "orders": orders,
        "order_squares": orders * orders,
        "revenue_orders": revenue * orders,
        "pre_revenue": before,
        "pre_squares": before * before,
        "pre_cross": revenue * before,
        "contaminated": contaminated(rows).astype(np.int64),
        "repeated": rows["exposures"].astype(np.int64) - 1,
    }
    return np.stack([columns[name] for name in Tally.names()], axis=1)
