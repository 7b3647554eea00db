"""Customers who come from other partitions, merged into customers of this one: what both knew is one person's."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from consumers.merges.handing_over import one_by_one
from consumers.merges.messages import CustomerHandover
from consumers.tallies.combine_exposures import combine_exposures
from consumers.tallies.definitions import LiveExperiment
from consumers.tallies.departures import LOG_PART, exposed_part
from consumers.tallies.purchase_log import append_purchases
from consumers.tallies.tally_updates import Counted, Recount
from events.arrays import Flags, Ints
from state.experiments.exposed_customers import ExposedCustomers
from state.experiments.purchase_logs import PurchaseLogs
from state.experiments.tally_partitions import ExperimentState, ExperimentUpdate, LoadedTallies

__all__ = ["Absorbed", "absorb"]


class Absorbed(NamedTuple):
    """What is known of n customers with what was handed over; `merged` (n,) are those who received something."""

    customers: LoadedTallies
    updates: dict[str, ExperimentUpdate]
    merged: Flags


def absorb(
    opened: LoadedTallies,
    handovers: Sequence[CustomerHandover],
    owners: Ints,
    live: Mapping[str, LiveExperiment],
    window: int,
) -> Absorbed:
    """Unite customers at `owners` (m,) with those who were handed over (m,), in every experiment that is opened.

    What comes again changes nothing. `window` exposures of a customer are remembered.
    """
    updates: dict[str, ExperimentUpdate] = {}
    merged = np.zeros(len(opened.ids), np.bool_)
    merged[owners] = True
    for turn in one_by_one(owners):
        chosen = [handovers[i] for i in turn.tolist()]
        opened, more = _absorb(opened, chosen, owners[turn], live, window)
        updates |= {name: updates[name].then(each) if name in updates else each for name, each in more.items()}
    return Absorbed(opened, updates, merged)


def _absorb(
    opened: LoadedTallies,
    handovers: Sequence[CustomerHandover],
    owners: Ints,
    live: Mapping[str, LiveExperiment],
    window: int,
) -> tuple[LoadedTallies, dict[str, ExperimentUpdate]]:
    """Unite customers with one other each, and count them again."""
    theirs = PurchaseLogs.unpack(
        [each.previous_id for each in handovers], [each.parts.get(LOG_PART) for each in handovers]
    )
    appended = append_purchases(opened.logs, owners[theirs.owners], theirs.entries)
    theirs = theirs.only(~appended.too_old, theirs.reach)
    reach = opened.logs.reach.copy()
    reach[owners] = np.maximum(reach[owners], theirs.reach)
    united = replace(appended.logs, reach=reach)
    recount = Recount(opened, united)
    states, updates = dict(opened.experiments), {}
    for name, state in opened.experiments.items():
        if name in live:
            shown = ExposedCustomers.unpack([each.parts.get(exposed_part(name)) for each in handovers])
            members = state.places_of(owners)
            update, first = combine_exposures(state.customers, shown, members, window)
            logs = opened.logs.take(state.members)
            counted = _counted(logs, state.customers, theirs, shown, members, first)
            updates[name] = recount.of(live[name], state, update, counted)
            tallies = state.tallies.with_changes(updates[name].tallies)
            states[name] = ExperimentState(state.members, update.customers, tallies)
    return replace(opened, logs=united, experiments=states), updates


def _counted(
    logs: PurchaseLogs,
    customers: ExposedCustomers,
    their_logs: PurchaseLogs,
    shown: ExposedCustomers,
    owners: Ints,
    theirs_first: Flags,
) -> Counted:
    """Return what was counted from the first exposures that hold, and from which logs: mine or theirs.

    `logs` are those of the experiment's `customers` (n,), among whom the `owners` are.
    """
    rows, replaced = customers.rows.copy(), np.zeros(len(customers), np.bool_)
    rows[owners[theirs_first]] = shown.rows[theirs_first]
    replaced[owners[theirs_first]] = True
    from_theirs = theirs_first[their_logs.owners]
    mine = logs.only(~replaced[logs.owners], logs.reach)
    return Counted(rows, mine.with_entries(owners[their_logs.owners[from_theirs]], their_logs.entries[from_theirs]))
