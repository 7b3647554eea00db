"""Update a partition's tallies with events: append to logs, apply exposures, recount each customer concerned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from consumers.inputs.columns import Columns
from consumers.inputs.deduplication import unseen
from consumers.runtime.partition_batch import DECISIONS, HANDOVERS
from consumers.runtime.protocols import Loaded, LoadRequest
from consumers.tallies.arrivals import absorb
from consumers.tallies.definitions import Definitions, LiveExperiment
from consumers.tallies.departures import leave
from consumers.tallies.first_exposures import apply_exposures
from consumers.tallies.inputs import ExposureColumns, LoggedColumns, LoggedOrders
from consumers.tallies.participants import LOGGED, participants
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


@dataclass(frozen=True)
class TallyResult:
    """What a micro-batch of a partition changes; `evicted` counts entries that a full log had no room for.

    `enrolments` are by customer the experiments of those who are in more than before. `departures` are customers who
    were merged into others, and who leave all experiments that are `defined`.
    """

    logs: PurchaseLogs
    experiments: Mapping[str, ExperimentUpdate]
    outcome_counts: dict[str, dict[str, int]]
    evicted: int
    enrolments: Mapping[str, bytes]
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
        """Begin a micro-batch: read what is known of its customers, and of the experiments that may change for them.

        Of merged customers no experiment may be missed, also if it has just been created and exposed elsewhere.
        """
        if any(each.batch.merges for each in wanted):
            self._definitions.refresh()
        requests = [
            TallyRequest(each.owned, each.ids, np.unique(each.slots.get("exposures", _NOBODY))) for each in wanted
        ]
        opened = [
            (each.owned, customers, participants(each, customers, self._definitions, self._log_retention_ms))
            for each, customers in zip(wanted, self._store.open_all(requests), strict=True)
        ]
        return self._store.read_experiments(opened)

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
        shown = _by_code(exposures.experiments)
        experiments: dict[str, ExperimentUpdate] = {}
        after: dict[str, ExposedCustomers] = {}
        for name, state in customers.experiments.items():
            if name in live:
                mine = shown.get(self._definitions.code(name), _NOBODY)
                owners = state.places_of(slots["exposures"][mine]) if len(mine) else mine
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
        result = TallyResult(logs, experiments, outcome_counts, evicted, _enrolments(customers, after, live))
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
        parts = [(topic, columns) for topic, columns in events.items() if topic in LOGGED]
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
        before = customers.experiments[name]
        tallies = before.tallies.with_changes(result.experiments[name].tallies)
        experiments[name] = live[name], ExperimentState(before.members, shown, tallies)
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
        enrolments={customer: value for customer, value in result.enrolments.items() if customer not in gone},
        departures=leaving.departures,
        defined=list(live),
    )


_NOBODY = np.zeros(0, np.int64)


def _by_code(codes: Ints) -> dict[int, Ints]:
    """Return where each experiment stands among exposures (n,)."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return dict(zip(codes[order][starts].tolist(), np.split(order, starts[1:]), strict=True)) if len(codes) else {}


def _enrolments(
    customers: LoadedTallies, after: Mapping[str, ExposedCustomers], live: Mapping[str, LiveExperiment]
) -> dict[str, bytes]:
    """Return the enrolments of those who are in more experiments than was known of them."""
    pairs = [
        (customers.experiments[name].members[np.flatnonzero(each.exposed)], live[name].hash)
        for name, each in after.items()
    ]
    owners = np.concatenate([_NOBODY, *(members for members, _ in pairs)])
    hashes = np.repeat(np.array([value for _, value in pairs], np.uint64), [len(members) for members, _ in pairs])
    fresh = unseen(customers.enrolments.lists, owners, hashes)
    new = customers.enrolments.with_new(owners[fresh], hashes[fresh])
    return {customers.ids[place]: value for place, value in new.items()}


def _no_exposures() -> ExposureColumns:
    return ExposureColumns([], np.zeros(0, np.uint64), _NOBODY, _NOBODY, _NOBODY, np.zeros(0, np.bool_))


def _add(outcome_counts: dict[str, dict[str, int]], topic: str, counts: Mapping[str, int]) -> None:
    for event_outcome, count in counts.items():
        if count:
            outcome_counts[topic][event_outcome] = outcome_counts[topic].get(event_outcome, 0) + count
