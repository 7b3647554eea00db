"""Count the customers that a micro-batch touched again, and move the sums by the difference."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from consumers.tallies.contributions import CONTRIBUTION, contributions, purchase_table
from consumers.tallies.definitions import LiveExperiment
from consumers.tallies.first_exposures import ExposureUpdate
from consumers.tallies.tally_differences import added, changed_sums, left_out_difference, named_conversions
from events.arrays import Flags, Ints
from state.customers.recent_segments import UNKNOWN, segments_held_at
from state.experiments.exposed_customers import ExposedCustomers, segment_code
from state.experiments.purchase_logs import PurchaseLogs
from state.experiments.tally_partitions import ExperimentState, ExperimentUpdate, LoadedTallies
from state.experiments.tally_store import TallyReading

__all__ = ["Counted", "Recount"]

Rows = npt.NDArray[Any]


class Counted(NamedTuple):
    """What n customers of an experiment count for until now, by their first exposures that hold, from these logs."""

    rows: Rows
    logs: PurchaseLogs


class Recount:
    """What the purchases of a micro-batch change, for one experiment after the other.

    `opened` is what was known of the n customers, `logs` their logs with the new entries, from which nothing has been
    evicted yet; `logged` (n,) says who has new ones.
    """

    def __init__(self, opened: LoadedTallies, logs: PurchaseLogs) -> None:
        self._opened, self._logs = opened, logs
        self.logged: Flags = np.diff(logs.starts) > np.diff(opened.logs.starts)

    def of(
        self,
        experiment: LiveExperiment,
        state: ExperimentState,
        update: ExposureUpdate,
        merged: Counted | None = None,
    ) -> ExperimentUpdate:
        """Return what changes of an experiment in whose members (n,) the exposures have been folded.

        Where others were `merged` into customers, it says what those were counted for whose first exposures hold.
        """
        after, members = update.customers, state.members
        was, logs = self._opened.logs.take(members), self._logs.take(members)
        counted = merged or Counted(state.customers.rows, was)
        self._freeze_segments(after.rows, update.first, members)
        touched = np.flatnonzero(after.exposed & (update.touched | self.logged[members]))
        before = state.customers.rows[touched]
        rows = _counted(experiment, counted, logs, after.rows[touched], touched, update.first[touched])
        after.rows[touched] = rows
        left_out = _uncounted(experiment, (was, state.customers), (logs, after)) | left_out_difference(before, rows)
        moved = update.first if merged is None else update.touched
        left_out["short_history"] = int(np.count_nonzero(moved[touched] & _short(experiment, logs, rows, touched)))
        left_out |= {outcome: update.others.get(outcome, 0) for outcome in ("before_start", "after_stop")}
        ids = [self._opened.ids[i] for i in members[touched].tolist()]
        return ExperimentUpdate(
            dict(zip(ids, after.pack(touched), strict=True)),
            TallyReading(
                changed_sums(before, rows, experiment.variants, state.tallies),
                added(state.tallies.left_out, left_out),
            ),
        )

    def _freeze_segments(self, rows: Rows, first: Flags, members: Ints) -> None:
        """Give those whose first exposure is new the segment that they held at that time."""
        who = np.flatnonzero(first)
        if len(who):
            positions = np.searchsorted(self._opened.held_by, members[who])
            records = self._opened.records
            held = segments_held_at(records.rows[positions], rows["first_at"][who])
            known = records.known[positions].tolist()
            rows["segment"][who] = [
                segment_code(segment if is_known else UNKNOWN) for segment, is_known in zip(held, known, strict=True)
            ]


def _counted(
    experiment: LiveExperiment, before: Counted, logs: PurchaseLogs, after: Rows, touched: Ints, first: Flags
) -> Rows:
    """Return the rows of the touched customers with what they count for now.

    Where the log does not reach back to all that was counted `before`, only what is new is added to it.
    """
    rows = after.copy()
    now = contributions(purchase_table(logs.take(touched)), rows["first_at"], experiment)
    partly = np.flatnonzero(~first & _short(experiment, logs, rows, touched))
    for field in CONTRIBUTION:
        rows[field] = now[field]
    if len(partly):
        earlier, known = before.logs.take(touched[partly]), before.rows[touched[partly]]
        then = contributions(purchase_table(earlier), rows["first_at"][partly], experiment)
        for field in CONTRIBUTION:
            rows[field][partly] = known[field] + (now[field][partly] - then[field])
    return rows


def _short(experiment: LiveExperiment, logs: PurchaseLogs, rows: Rows, touched: Ints) -> Flags:
    """Return whose log does not reach back to the beginning of the pre-period."""
    return np.asarray(logs.reach[touched] > rows["first_at"] - experiment.pre_period_ms)


def _uncounted(
    experiment: LiveExperiment,
    before: tuple[PurchaseLogs, ExposedCustomers],
    after: tuple[PurchaseLogs, ExposedCustomers],
) -> dict[str, int]:
    """Return the change in the conversions that name the experiment and do not count in it."""
    (logs, customers), (later_logs, later_customers) = before, after
    was, now = named_conversions(logs, experiment), named_conversions(later_logs, experiment)
    if not experiment.by_conversions:
        return {"conversion_unused": len(now) - len(was)}
    waiting = np.count_nonzero(~later_customers.exposed[now])
    return {"without_exposure": int(waiting - np.count_nonzero(~customers.exposed[was]))}
