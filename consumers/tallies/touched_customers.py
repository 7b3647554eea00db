"""Count the customers that a micro-batch touched again, and move the sums by the difference."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from consumers.tallies.contributions import CONTRIBUTION, contributions, purchase_table
from consumers.tallies.definitions import LiveExperiment
from consumers.tallies.first_exposures import ExposureUpdate
from consumers.tallies.tally_differences import changed_sums
from events.arrays import Flags, Ints
from state.customers.recent_segments import UNKNOWN, segments_held_at
from state.experiments.exposed_customers import segment_code
from state.experiments.purchase_logs import CONVERSION, PurchaseLogs
from state.experiments.tallies import TallyReading
from state.experiments.tally_partitions import ExperimentState, ExperimentUpdate, LoadedTallies

__all__ = ["Recount"]

Rows = npt.NDArray[Any]

_COUNTED = {"before": "before_exposure", "after": "after_window", "unmatched": "unmatched_refund"}
"""Fields of an exposed customer that say how much was left out, and the names of the reasons."""


class Recount:
    """What the purchases of a micro-batch change, for one experiment after the other.

    `opened` is what was known of the n customers, `logs` their logs with the new entries, from which nothing has been
    evicted yet; `logged` (n,) says who has new ones.
    """

    def __init__(self, opened: LoadedTallies, logs: PurchaseLogs) -> None:
        self._opened, self._logs = opened, logs
        self.logged: Flags = np.diff(logs.starts) > np.diff(opened.logs.starts)

    def of(self, experiment: LiveExperiment, state: ExperimentState, update: ExposureUpdate) -> ExperimentUpdate:
        """Return what changes of an experiment in whose customers the exposures have been folded."""
        after = update.customers
        self._freeze_segments(after.rows, update.first)
        touched = np.flatnonzero(after.exposed & (update.touched | self.logged))
        before = state.customers.rows[touched]
        rows = self._counted(experiment, before, after.rows[touched], touched, update.first[touched])
        after.rows[touched] = rows
        ids = [self._opened.ids[i] for i in touched.tolist()]
        left_out = self._uncounted(experiment, state, update)
        left_out |= _difference(before, rows)
        left_out["short_history"] = int(
            np.count_nonzero(update.first[touched] & self._short(experiment, rows, touched))
        )
        left_out |= {outcome: update.others[outcome] for outcome in ("before_start", "after_stop")}
        return ExperimentUpdate(
            dict(zip(ids, after.pack(touched), strict=True)),
            TallyReading(
                changed_sums(before, rows, experiment.variants, state.tallies),
                _added(state.tallies.left_out, left_out),
            ),
        )

    def _freeze_segments(self, rows: Rows, first: Flags) -> None:
        """Give those whose first exposure is new the segment that they held at that time."""
        who = np.flatnonzero(first)
        if len(who):
            positions = np.searchsorted(self._opened.held_by, who)
            records = self._opened.records
            held = segments_held_at(records.rows[positions], rows["first_at"][who])
            known = records.known[positions].tolist()
            rows["segment"][who] = [
                segment_code(segment if is_known else UNKNOWN) for segment, is_known in zip(held, known, strict=True)
            ]

    def _counted(self, experiment: LiveExperiment, before: Rows, after: Rows, touched: Ints, first: Flags) -> Rows:
        """Return the rows of the touched customers with what they count for now.

        Where the log does not reach back to all that was counted, only what is new is added to it.
        """
        rows = after.copy()
        now = contributions(purchase_table(self._logs.take(touched)), rows["first_at"], experiment)
        partly = np.flatnonzero(~first & self._short(experiment, rows, touched))
        for field in CONTRIBUTION:
            rows[field] = now[field]
        if len(partly):
            logs = self._opened.logs.take(touched[partly])
            then = contributions(purchase_table(logs), rows["first_at"][partly], experiment)
            for field in CONTRIBUTION:
                rows[field][partly] = before[field][partly] + (now[field][partly] - then[field])
        return rows

    def _short(self, experiment: LiveExperiment, rows: Rows, touched: Ints) -> Flags:
        """Return whose log does not reach back to the beginning of the pre-period."""
        return np.asarray(self._opened.logs.reach[touched] > rows["first_at"] - experiment.pre_period_ms)

    def _uncounted(self, experiment: LiveExperiment, state: ExperimentState, update: ExposureUpdate) -> dict[str, int]:
        """Return the change in the conversions that name the experiment and do not count in it."""
        before, after = (_named_conversions(logs, experiment) for logs in (self._opened.logs, self._logs))
        if not experiment.by_conversions:
            return {"conversion_unused": len(after) - len(before)}
        waiting = np.count_nonzero(~update.customers.exposed[after])
        return {"without_exposure": int(waiting - np.count_nonzero(~state.customers.exposed[before]))}


def _named_conversions(logs: PurchaseLogs, experiment: LiveExperiment) -> Ints:
    """Return the customer of each logged conversion that names the experiment."""
    entries = logs.entries
    named = (entries["of"] == np.uint64(experiment.hash)) & (entries["stamp"] & 3 == CONVERSION)
    return np.asarray(logs.owners[named])


def _difference(before: Rows, after: Rows) -> dict[str, int]:
    """Return by how much more is left out of the customers after than before."""
    changes = {
        reason: int(after[field].astype(np.int64).sum() - before[field].astype(np.int64).sum())
        for field, reason in _COUNTED.items()
    }
    negative = np.count_nonzero(after["revenue"] < 0) - np.count_nonzero(before["revenue"] < 0)
    return changes | {"negative_revenue": int(negative)}


def _added(stored: Mapping[str, int], changes: Mapping[str, int]) -> dict[str, int]:
    return {reason: stored.get(reason, 0) + change for reason, change in changes.items() if change}
