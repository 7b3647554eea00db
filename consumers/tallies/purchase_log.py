"""Purchase logs take events in: repeats and what comes too late stay out, what is too old is let go."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from consumers.inputs.deduplication import first_occurrences
from events.arrays import Flags, Ints
from state.experiments.purchase_logs import PurchaseLogs

__all__ = ["Taken", "take_in", "trimmed"]


class Taken(NamedTuple):
    """Logs with m events taken in, and which of the events were repeats or `too_old` for the log (m,)."""

    logs: PurchaseLogs
    repeated: Flags
    too_old: Flags


def take_in(logs: PurchaseLogs, owners: Ints, entries: npt.NDArray[Any]) -> Taken:
    """Add events to the logs of the customers at `owners` (m,); nothing is let go yet.

    An event from before the time that the log reaches back to may have been counted and let go, so it stays out.
    """
    too_old = entries["stamp"] >> 2 < logs.reach[owners]
    fresh = first_occurrences(logs, owners, np.ascontiguousarray(entries["event"]))
    kept = np.flatnonzero(fresh & ~too_old)
    return Taken(logs.with_entries(owners[kept], entries[kept]), ~fresh & ~too_old, too_old)


def trimmed(logs: PurchaseLogs, remembered_ms: int, limit: int) -> tuple[PurchaseLogs, int]:
    """Let go of what lies `remembered_ms` before a customer's newest entry, and of the oldest above `limit` entries.

    Returns the logs, and how many entries went because of the limit.
    """
    if not len(logs.entries):
        return logs, 0
    at, owners = logs.entries["stamp"] >> 2, logs.owners
    newest = np.zeros(len(logs), np.int64)
    np.maximum.at(newest, owners, at)
    reach = np.maximum(logs.reach, newest - remembered_ms)
    kept = at >= reach[owners]
    too_many = np.flatnonzero(np.bincount(owners[kept], minlength=len(logs)) > limit).tolist()
    for customer in too_many:
        mine = np.sort(at[kept & (owners == customer)])
        reach[customer] = mine[-limit - 1] + 1
    young = kept.copy()
    if too_many:
        young &= at >= reach[owners]
    return logs.only(young, reach), int(np.count_nonzero(kept & ~young))
