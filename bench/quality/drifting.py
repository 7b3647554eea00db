"""When does the leader's watch alarm: after a change, and never where nothing changes."""

from typing import Any

import numpy as np

from bench.quality.event_log import DAY_MS, EventLog
from bench.quality.halves import baseline_of
from bench.quality.measures import inertia
from bench.quality.population import Population, fold_into
from state.records import blank_rows
from stream.damping import Damping
from stream.drift import DriftWatch, Observation

__all__ = ["alarms"]


def alarms(log: EventLog, from_ms: int, k: int) -> list[dict[str, Any]]:
    """Return the alarms of a log from `from_ms` on, after a baseline then: how many days later, and why."""
    cut = int(np.searchsorted(log.columns.times, from_ms))
    rows = blank_rows(len(log.names))
    before = log.part(0, cut)
    fold_into(rows, before.columns, before.customers)
    baseline = baseline_of(rows, from_ms, k)
    people = Population(log, baseline, rows, from_ms, Damping.by(0.1))
    watch = DriftWatch([each.segment for each in baseline.segments], baseline.features)
    found = []
    for end_ms, orders in log.part(cut, len(log)).days():
        people.day(end_ms, orders)
        there = people.rows["placed"] > 0
        vectors = people.segmenter.vectors(people.rows[there], end_ms)
        seen = Observation(
            baseline=1,
            at_ms=end_ms,
            error=inertia(vectors, people.segmenter.model.centroids) / len(vectors),
            shares=(people.sums.counts / people.sums.counts.sum()).tolist(),
            means=vectors.mean(axis=0).tolist(),
        )
        found += [{"day": (end_ms - from_ms) // DAY_MS, "reason": reason} for reason in watch.observe(seen)]
    return found
