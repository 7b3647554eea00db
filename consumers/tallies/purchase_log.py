"""Append events to purchase logs, without duplicates and late events, and evict what is too old."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from consumers.inputs.deduplication import first_occurrences
from events.arrays import Flags, Ints
from state.customers.ragged import Ragged
from state.experiments.purchase_logs import PurchaseLogs

__all__ = ["AppendedLogs", "append_purchases", "evict"]


class AppendedLogs(NamedTuple):
    """Logs with new events, and which of the m events were a `duplicate` or `too_old` for the log (m,)."""

    logs: PurchaseLogs
    duplicate: Flags
    too_old: Flags


def append_purchases(logs: PurchaseLogs, owners: Ints, entries: npt.NDArray[Any]) -> AppendedLogs:
    """Append events to the logs of the customers at `owners` (m,); nothing is evicted yet.

    An event from before the time that the log reaches back to may have been counted and evicted, so it is left out.
    """
    too_old = entries["stamp"] >> 2 < logs.reach[owners]
    fresh = first_occurrences(Ragged(logs.recent, logs.starts), owners, np.ascontiguousarray(entries["event"]))
    kept = np.flatnonzero(fresh & ~too_old)
    return AppendedLogs(logs.with_entries(owners[kept], entries[kept]), ~fresh & ~too_old, too_old)


def evict(logs: PurchaseLogs, retention_ms: int, limit: int) -> tuple[PurchaseLogs, int]:
    """Evict entries more than `retention_ms` older than a customer's newest, and the oldest above `limit` entries.

    Returns the logs, and how many entries were evicted because of the limit.
    """
    if not len(logs.entries):
        return logs, 0
    at, owners = logs.entries["stamp"] >> 2, logs.owners
    newest = np.zeros(len(logs), np.int64)
    np.maximum.at(newest, owners, at)
    reach = np.maximum(logs.reach, newest - retention_ms)
    kept = at >= reach[owners]
    too_many = np.flatnonzero(np.bincount(owners[kept], minlength=len(logs)) > limit).tolist()
    for customer in too_many:
        mine = np.sort(at[kept & (owners == customer)])
        reach[customer] = mine[-limit - 1] + 1
    young = kept.copy()
    if too_many:
        young &= at >= reach[owners]
    return logs.only(young, reach), int(np.count_nonzero(kept & ~young))
