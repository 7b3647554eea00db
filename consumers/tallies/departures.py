"""Customers who were merged into others leave the tallies of their partition, and take along what they count for."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from consumers.merges.handing_over import departure_of
from consumers.merges.messages import Merges
from consumers.tallies.definitions import LiveExperiment
from consumers.tallies.tally_differences import added, changed_sums, left_out_difference, named_conversions
from events.arrays import Ints
from state.customers.merged_customers import Departure
from state.experiments.purchase_logs import PurchaseLogs
from state.experiments.tally_partitions import ExperimentState
from state.experiments.tally_store import TallyReading

__all__ = ["LOG_PART", "Leaving", "experiment_of_part", "exposed_part", "leave"]

LOG_PART: Final = "log"
"""The part of a handover that is a purchase log."""
_EXPOSED: Final = "exposed:"


def exposed_part(experiment_id: str) -> str:
    """Return the name of the part of a handover that says what the customer was shown in an experiment."""
    return _EXPOSED + experiment_id


def experiment_of_part(part: str) -> str | None:
    """Return the experiment that a part of a handover is about.

    >>> experiment_of_part("exposed:banner"), experiment_of_part("log")
    ('banner', None)
    """
    return part.removeprefix(_EXPOSED) if part.startswith(_EXPOSED) else None


class Leaving(NamedTuple):
    """Who leaves a partition, and by experiment its tallies without them, as far as they change."""

    departures: list[Departure]
    tallies: dict[str, TallyReading]


def leave(
    merges: Merges,
    places: Ints,
    logs: PurchaseLogs,
    experiments: Mapping[str, tuple[LiveExperiment, ExperimentState]],
) -> Leaving:
    """Take customers out of the tallies whom decisions (m,) are about.

    They are at `places` (m,) in the micro-batch; `logs` are theirs, in ascending order of `places`.
    """
    ascending = np.sort(places)
    entries = np.diff(logs.starts).tolist()
    parts = [{LOG_PART: log} if size else {} for log, size in zip(logs.pack(), entries, strict=True)]
    tallies = {}
    for name, (experiment, state) in experiments.items():
        members = state.places_of(ascending)
        for i, value in enumerate(state.customers.pack(members)):
            if state.customers.exposed[members[i]]:
                parts[i][exposed_part(name)] = value
        tallies[name] = _without(experiment, state, members, logs)
    found = dict(zip(ascending.tolist(), parts, strict=True))
    departures = [
        departure_of(decision, merges, found[place])
        for decision, place in zip(merges.decisions, places.tolist(), strict=True)
    ]
    departures += [departure_of(decision, merges, {}) for decision in merges.unknown]
    return Leaving(departures, tallies)


def _without(experiment: LiveExperiment, state: ExperimentState, places: Ints, logs: PurchaseLogs) -> TallyReading:
    rows, exposed = state.customers.rows[places], state.customers.exposed[places]
    nobody = rows[:0]
    named = named_conversions(logs, experiment)
    left_out = left_out_difference(rows, nobody)
    if experiment.by_conversions:
        left_out["without_exposure"] = -int(np.count_nonzero(~exposed[named]))
    else:
        left_out["conversion_unused"] = -len(named)
    return TallyReading(
        changed_sums(rows, nobody, experiment.variants, state.tallies), added(state.tallies.left_out, left_out)
    )
