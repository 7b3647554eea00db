"""Exposures fold into who was exposed: the first by event time counts, in whatever order they arrive."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from consumers.inputs.deduplication import first_occurrences
from consumers.tallies.definitions import LiveExperiment
from consumers.tallies.inputs import ExposureColumns
from events.arrays import Flags, Ints
from state.experiments.exposed_customers import MERGED, ExposedCustomers

__all__ = ["ExposureUpdate", "apply_exposures"]


class ExposureUpdate(NamedTuple):
    """n customers with exposures folded in; `first` and `touched` (n,) say whose first, or any, exposure is new.

    `others` counts the events that were not applied, by outcome.
    """

    customers: ExposedCustomers
    first: Flags
    touched: Flags
    others: dict[str, int]


def apply_exposures(
    before: ExposedCustomers, events: ExposureColumns, owners: Ints, experiment: LiveExperiment, window: int
) -> ExposureUpdate:
    """Fold exposures (m,) to one experiment into the customers at `owners` (m,).

    Of exposures at the same time the smaller event hash is the first. `window` exposures of a customer are remembered
    to recognise repeated events.
    """
    early, late = events.times < experiment.start_ms, events.times >= experiment.end_ms
    running = np.flatnonzero(~early & ~late)
    events, owners = events.take(running), owners[running]
    fresh = first_occurrences(before.remembered, owners, events.event_hashes)
    fresh &= events.event_hashes != before.rows["first_event"][owners]
    others = {
        "before_start": int(np.count_nonzero(early)),
        "after_stop": int(np.count_nonzero(late)),
        "duplicate": int(np.count_nonzero(~fresh)),
    }
    kept = np.flatnonzero(fresh)
    events, owners = events.take(kept), owners[kept]
    rows = before.rows.copy()
    rows["exposures"] += np.bincount(owners, minlength=len(rows)).astype(np.uint32)
    seen = np.uint32(1) << events.variants.astype(np.uint32)
    np.bitwise_or.at(rows["variants"], owners, np.where(events.merged, seen | MERGED, seen))
    first = _first_exposures(rows, events, owners)
    recent = before.remembered.appended(owners, events.event_hashes).newest(window)
    touched = np.zeros(len(rows), np.bool_)
    touched[owners] = True
    return ExposureUpdate(ExposedCustomers(rows, before.known, recent.values, recent.starts), first, touched, others)


def _first_exposures(rows: npt.NDArray[Any], events: ExposureColumns, owners: Ints) -> Flags:
    """Move the first exposure of rows to an earlier one; return where that was so (n,)."""
    moved = np.zeros(len(rows), np.bool_)
    order = np.lexsort((events.event_hashes, events.times, owners))
    mine = order[np.flatnonzero(np.diff(owners[order], prepend=-1))]
    who = owners[mine]
    times, hashes = events.times[mine], events.event_hashes[mine]
    known_at = rows["first_at"][who]
    sooner = (times < known_at) | ((times == known_at) & (hashes < rows["first_event"][who]))
    mine, who = mine[sooner], who[sooner]
    rows["first_at"][who], rows["first_event"][who] = events.times[mine], events.event_hashes[mine]
    rows["variant"][who] = events.variants[mine]
    moved[who] = True
    return moved
