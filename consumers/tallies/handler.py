"""Update a partition's tallies with events: append to logs, apply exposures, recount each customer concerned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from consumers.inputs.columns import Columns
from consumers.runtime.partition_batch import DECISIONS, HANDOVERS
from consumers.runtime.protocols import Loaded, LoadRequest
from consumers.tallies.arrivals import absorb
from consumers.tallies.definitions import Definitions, LiveExperiment
from consumers.tallies.departures import experiment_of_part, leave
from consumers.tallies.first_exposures import apply_exposures
from consumers.tallies.inputs import ExposureColumns, LoggedColumns, LoggedOrders
from consumers.tallies.purchase_log import AppendedLogs, append_purchases, evict
from consumers.tallies.settings import ExperimentSettings
from consumers.tallies.tally_updates import Recount
from events.arrays import Ints
from events.time_units import DAY_MS
from state.customers.merged_customers import Departure
from state.experiments.exposed_customers import ExposedCustomers
from state.experiments.purchase_logs import ENTRY, PurchaseLogs
from state.experiments.tally_partitions import (
    ExperimentState,
    ExperimentUpdate,
    LoadedTallies,
    TallyPartitions,
    TallyRequest,
)

__all__ = ["TallyHandler", "TallyResult"]


_LOGGED = ("orders", "conversions")


@dataclass(frozen=True)
class TallyResult:
    """What a micro-batch of a partition changes; `evicted` counts entries that a full log had no room for.

    `departures` are customers who were merged into others, and who leave all experiments that are `defined`.
    """

    logs: PurchaseLogs
    experiments: Mapping[str, ExperimentUpdate]
    outcome_counts: dict[str, dict[str, int]]
    evicted: int
    departures: Sequence[Departure] = ()
    defined: Sequence[str] = ()


class TallyHandler:
    """Folds a micro-batch into logs, exposed customers and tallies."""

    def __init__(
        self, store: TallyPartitions, definitions: Definitions, settings: ExperimentSettings, duplicate_window: int
    ) -> None:
        self._store, self._definitions = store, definitions
        self._log_retention_ms = settings.purchase_days * DAY_MS
        self._limit, self._window = settings.purchase_limit, duplicate_window

    def load(self, wanted: Sequence[LoadRequest]) -> list[LoadedTallies]:
        """Begin a micro-batch: read what is known of its customers in every experiment that can still change.

        Of merged customers no experiment may be missed, also if it has just been created and exposed elsewhere.
        """
        merging = any(each.batch.merges for each in wanted)
        live = self._definitions.refresh() if merging else self._definitions.current()
        return self._store.open_all([self._request(live, each) for each in wanted])

    def _request(self, live: Mapping[str, LiveExperiment], wanted: LoadRequest) -> TallyRequest:
        owned, ids, batch = wanted
        watermark_ms = max(owned.watermark_ms, batch.latest_ms())
        brought = {experiment_of_part(part) for each in batch.merges.handovers for part in each.parts}
        names = [
            name
            for name, each in live.items()
            if name in brought or not each.is_final(watermark_ms, self._log_retention_ms)
        ]
        exposures = batch.events.get("exposures")
        exposed = set() if exposures is None else set(exposures.columns.customer_ids)
        held_by = np.array([i for i, name in enumerate(ids) if name in exposed], np.int64)
        return TallyRequest(owned, ids, names, held_by)

    def apply(self, loaded: Sequence[Loaded[LoadedTallies]]) -> list[TallyResult]:
        """Return what the events change, partition by partition."""
        return [self._apply(each) for each in loaded]

    def _apply(self, loaded: Loaded[LoadedTallies]) -> TallyResult:
        events, slots, live = loaded.events, loaded.slots, self._definitions.current()
        outcome_counts: dict[str, dict[str, int]] = {topic: {} for topic in events}
        arriving, leaving = slots.get(HANDOVERS, _NOBODY), slots.get(DECISIONS, _NOBODY)
        customers, arrived, merged = absorb(loaded.customers, loaded.merges.handovers, arriving, live, self._window)
        appended = self._log(customers.logs, events, slots, outcome_counts)
        recount = Recount(customers, appended.logs)
        exposures = events.get("exposures", _no_exposures())
        assert isinstance(exposures, ExposureColumns)  # noqa: S101 - for the type checker
        experiments: dict[str, ExperimentUpdate] = {}
        after: dict[str, ExposedCustomers] = {}
        for name, state in customers.experiments.items():
            if name in live:
                mine = np.flatnonzero(exposures.experiments == self._definitions.code(name))
                owners = slots["exposures"][mine] if len(mine) else mine
                update = apply_exposures(state.customers, exposures.take(mine), owners, live[name], self._window)
                _add(outcome_counts, "exposures", update.others)
                changed = recount.of(live[name], state, update)
                experiments[name] = arrived[name].then(changed) if name in arrived else changed
                after[name] = update.customers
        _add(outcome_counts, "exposures", self._untallied(exposures, experiments, live))
        changed_logs = recount.logged | merged
        changed_logs[leaving] = True
        kept = appended.logs.take(np.flatnonzero(changed_logs))
        logs, evicted = evict(kept, self._log_retention_ms, self._limit)
        result = TallyResult(logs, experiments, outcome_counts, evicted)
        gone = loaded.merges.decisions or loaded.merges.unknown
        return _without_departed(result, loaded, customers, after, live) if gone else result

    def _log(
        self,
        logs: PurchaseLogs,
        events: dict[str, Columns],
        slots: dict[str, Ints],
        outcome_counts: dict[str, dict[str, int]],
    ) -> AppendedLogs:
        """Append orders and conversions to the logs, and count those that are left out."""
        parts = [(topic, columns) for topic, columns in events.items() if topic in _LOGGED]
        entries = [columns.entries for _, columns in parts if isinstance(columns, LoggedOrders | LoggedColumns)]
        owners = [slots[topic] for topic, _ in parts]
        appended = append_purchases(
            logs, np.concatenate([*owners, _NOBODY]), np.concatenate([*entries, np.zeros(0, ENTRY)])
        )
        start = 0
        for topic, columns in parts:
            mine = slice(start, start + len(columns))
            counts = {"duplicate": appended.duplicate[mine], "too_old": appended.too_old[mine]}
            _add(
                outcome_counts,
                topic,
                {event_outcome: int(np.count_nonzero(flags)) for event_outcome, flags in counts.items()},
            )
            start += len(columns)
        return appended

    def _untallied(
        self, exposures: ExposureColumns, opened: Mapping[str, object], live: Mapping[str, LiveExperiment]
    ) -> dict[str, int]:
        """Count the exposures to experiments that are not tallied any more."""
        found: dict[str, int] = {}
        for code in np.unique(exposures.experiments).tolist():
            name = self._definitions.id_of(code)
            if name not in opened:
                times = exposures.times[exposures.experiments == code]
                late = int(np.count_nonzero(times >= live[name].end_ms)) if name in live else 0
                found["after_stop"] = found.get("after_stop", 0) + late
                found["too_old"] = found.get("too_old", 0) + len(times) - late
        return found


def _without_departed(
    result: TallyResult,
    loaded: Loaded[LoadedTallies],
    customers: LoadedTallies,
    after: Mapping[str, ExposedCustomers],
    live: Mapping[str, LiveExperiment],
) -> TallyResult:
    """Return a result without the customers who were merged into others; they are at the slots of the decisions."""
    places = loaded.slots.get(DECISIONS, _NOBODY)
    gone = {customers.ids[i] for i in places.tolist()}
    theirs = np.array([name in gone for name in result.logs.ids], np.bool_)
    experiments = {}
    for name, shown in after.items():
        tallies = customers.experiments[name].tallies.with_changes(result.experiments[name].tallies)
        experiments[name] = live[name], ExperimentState(shown, tallies)
    leaving = leave(loaded.merges, places, result.logs.take(np.flatnonzero(theirs)), experiments)
    updates = {
        name: ExperimentUpdate(
            {customer: value for customer, value in each.customers.items() if customer not in gone},
            each.tallies.with_changes(leaving.tallies[name]),
        )
        for name, each in result.experiments.items()
    }
    return replace(
        result,
        logs=result.logs.take(np.flatnonzero(~theirs)),
        experiments=updates,
        departures=leaving.departures,
        defined=list(live),
    )


_NOBODY = np.zeros(0, np.int64)


def _no_exposures() -> ExposureColumns:
    return ExposureColumns([], np.zeros(0, np.uint64), _NOBODY, _NOBODY, _NOBODY, np.zeros(0, np.bool_))


def _add(outcome_counts: dict[str, dict[str, int]], topic: str, counts: Mapping[str, int]) -> None:
    for event_outcome, count in counts.items():
        if count:
            outcome_counts[topic][event_outcome] = outcome_counts[topic].get(event_outcome, 0) + count
