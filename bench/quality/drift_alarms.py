"""When does the leader's watch alarm: after a change, and never where nothing changes."""

from typing import Any

import numpy as np

from bench.quality.data.in_memory_customers import Population, fold_into
from bench.quality.data.order_logs import OrderLog
from bench.quality.inertia_and_agreement import inertia
from bench.quality.real_log_against_refit import baseline_of
from events.time_units import DAY_MS
from state.customers.records import blank_rows
from stream.model.drift_detection import DriftDetector, Observation
from stream.moves.hysteresis import Hysteresis

__all__ = ["alarms", "drift_detector", "fitted_population", "observation"]


def fitted_population(log: OrderLog, from_ms: int, k: int, hysteresis: Hysteresis) -> tuple[Population, OrderLog]:
    """Return the customers of the log before `from_ms` under a baseline fitted then, and the rest of the log."""
    cut = int(np.searchsorted(log.columns.times, from_ms))
    rows, before = blank_rows(len(log.names)), log.part(0, cut)
    fold_into(rows, before.columns, before.customers)
    return Population(log, baseline_of(rows, from_ms, k), rows, from_ms, hysteresis), log.part(cut, len(log))


def drift_detector(people: Population) -> DriftDetector:
    """Return a watch over a population's segments and features."""
    return DriftDetector([each.name for each in people.segmenter.segments], people.segmenter.features)


def observation(people: Population, at_ms: int) -> Observation:
    """Return what the leader looks at."""
    vectors = people.segmenter.vectors(people.rows[people.rows["placed"] > 0], at_ms)
    return Observation(
        baseline=people.segmenter.baseline,
        at_ms=at_ms,
        error=inertia(vectors, people.segmenter.model.centroids) / len(vectors),
        shares=(people.sums.counts / people.sums.counts.sum()).tolist(),
        means=vectors.mean(axis=0).tolist(),
    )


def alarms(log: OrderLog, from_ms: int, k: int) -> list[dict[str, Any]]:
    """Return the alarms of a log from `from_ms` on, after a baseline then: how many days later, and why."""
    people, rest = fitted_population(log, from_ms, k, Hysteresis.uniform(0.1))
    watch, found = drift_detector(people), []
    for end_ms, orders in rest.days():
        people.day(end_ms, orders)
        reasons = watch.observe(observation(people, end_ms))
        found += [{"day": (end_ms - from_ms) // DAY_MS, "reason": reason} for reason in reasons]
    return found
