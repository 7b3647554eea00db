"""How far the online model is from a refit after a change, left alone, and with the baselines that alarms propose."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from bench.quality.data.in_memory_customers import Population
from bench.quality.data.order_logs import OrderLog
from bench.quality.drift_alarms import drift_detector, fitted_population, observation
from bench.quality.inertia_and_agreement import Refit, inertia
from bench.quality.real_log_against_refit import baseline_of
from events.time_units import DAY_MS
from stream.moves.hysteresis import Hysteresis
from stream.settings import StreamSettings

__all__ = ["after_change"]

_EVERY: Final = 10
_WITHIN: Final = 1.05
_SEEDS: Final = (0, 1)


@dataclass
class _InertiaHistory:
    """Inertia of a population over that of a refit, by days from the change: of its centroids, and of its borders."""

    people: Population
    centroids: dict[int, float] = field(default_factory=dict)
    borders: dict[int, float] = field(default_factory=dict)

    def look(self, day: int, at_ms: int) -> None:
        """Compare with a fresh fit."""
        segmenter = self.people.segmenter
        vectors = segmenter.vectors(self.people.rows[self.people.rows["placed"] > 0], at_ms)
        fresh = Refit(vectors, len(segmenter.segments), _SEEDS).inertia
        self.centroids[day] = inertia(vectors, segmenter.model.centroids) / fresh
        self.borders[day] = inertia(vectors, segmenter.border_centroids) / fresh


class _WithProposedBaselines(_InertiaHistory):
    """A population that takes the baseline which an alarm of drift proposes, on the day of the alarm."""

    def __init__(self, people: Population) -> None:
        super().__init__(people)
        self._watch = drift_detector(people)
        self.alarms: list[int] = []

    def observe(self, log: OrderLog, day: int, at_ms: int) -> None:
        """Look as the leader does, and approve what is proposed."""
        if self._watch.observe(observation(self.people, at_ms)):
            segmenter, rows = self.people.segmenter, self.people.rows
            baseline = baseline_of(rows, at_ms, len(segmenter.segments), segmenter.baseline + 1)
            self.people = Population(log, baseline, rows, at_ms, self.people.hysteresis)
            self._watch = drift_detector(self.people)
            self.alarms.append(day)


def after_change(
    log: OrderLog, groups: list[str], affected: tuple[str, ...], from_ms: int, turn_ms: int, k: int
) -> dict[str, Any]:
    """Return the inertia against a refit from `turn_ms` on, and when each affected group had 3 orders a customer.

    The baseline is fitted at `from_ms`; `groups` are those of the log's customers.
    """
    hysteresis = Hysteresis.from_settings(StreamSettings())
    people, rest = fitted_population(log, from_ms, k, hysteresis)
    left, tended = _InertiaHistory(people), _WithProposedBaselines(fitted_population(log, from_ms, k, hysteresis)[0])
    of, sizes = np.array(groups), {name: groups.count(name) for name in affected}
    orders_of, due = dict.fromkeys(affected, 0), None
    for end_ms, orders in rest.days():
        for each in (left, tended):
            each.people.day(end_ms, orders)
        day = (end_ms - turn_ms) // DAY_MS
        tended.observe(log, day, end_ms)
        if end_ms <= turn_ms:
            continue
        for name in affected:
            orders_of[name] += int((of[orders.customers] == name).sum())
        now_due = due is None and all(orders_of[name] >= 3 * sizes[name] for name in affected)
        due = day if now_due else due
        if day % _EVERY == 0 or now_due:
            left.look(day, end_ms)
            tended.look(day, end_ms)
    fewest = min(orders_of[name] / sizes[name] for name in affected)
    return {**_figures(left, due), "events_per_customer": fewest, "tended": _figures_with_baselines(tended)}


def _figures(course: _InertiaHistory, due: int | None) -> dict[str, Any]:
    ratios, last = course.centroids, max(course.centroids)
    worst = max(ratios, key=lambda day: ratios[day])
    return {
        "worst": ratios[worst],
        "worst_day": worst,
        "due_day": due,
        "at_due": None if due is None else ratios[due],
        "at_end": ratios[last],
        "end_day": last,
        "borders_worst": max(course.borders.values()),
        "borders_at_end": course.borders[last],
        "out_from_day": min((day for day, ratio in ratios.items() if ratio > _WITHIN), default=0),
        "back_by_day": max((day for day, ratio in ratios.items() if ratio > _WITHIN), default=0),
    }


def _figures_with_baselines(course: _WithProposedBaselines) -> dict[str, Any]:
    found = _figures(course, None)
    kept = ("worst", "worst_day", "at_end", "out_from_day", "back_by_day")
    return {"alarms": course.alarms} | {name: found[name] for name in kept}
