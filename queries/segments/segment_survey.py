"""The segments over all records: sizes now and before, moves, means, and a sample of customers.

A record remembers its last few segments, so the past is read from the present records, in one pass over them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from events.arrays import Floats
from events.time_units import DAY_MS
from state.customers.recent_segments import NO_SEGMENT, UNKNOWN, segments_held_at
from state.customers.records import Rows
from stream.customers.features import FEATURES

__all__ = ["DAYS", "Population", "survey"]


DAYS: Final = (30, 25, 20, 15, 10, 5, 0)
"""Days before now for which the sizes are computed, the earliest first."""
_SAMPLE: Final = 1_500


@dataclass
class Population:
    """The survey of all records at `now_ms`.

    `sizes[day][segment_id]` are customers; `flows[(then, now)]` customers by segment 30 days ago and now; `means` are
    by segment and feature in the feature's unit; `sample` are rows of customers with a segment, the first ones read.
    """

    now_ms: int
    customers: int = 0
    sizes: dict[int, Counter[str]] = field(default_factory=lambda: {day: Counter[str]() for day in DAYS})
    flows: Counter[tuple[str, str]] = field(default_factory=Counter)
    sums: dict[str, dict[str, Floats]] = field(default_factory=dict)
    sample: list[Rows] = field(default_factory=list)

    def add(self, rows: Rows, half_life_ms: float) -> None:
        """Add records."""
        rows = rows[rows["segment"] > 0]
        self.customers += len(rows)
        present = [f"s{number}" for number in rows["segment"].tolist()]
        for day in DAYS:
            at = np.full(len(rows), self.now_ms - day * DAY_MS)
            self.sizes[day].update(present if day == 0 else segments_held_at(rows, at))
        self.flows.update(
            zip(segments_held_at(rows, np.full(len(rows), self.now_ms - DAYS[0] * DAY_MS)), present, strict=True)
        )
        if sum(map(len, self.sample)) < _SAMPLE:
            self.sample.append(rows[:_SAMPLE])
        self._add_means(rows, np.array(present), half_life_ms)

    def _add_means(self, rows: Rows, present: npt.NDArray[Any], half_life_ms: float) -> None:
        for name, feature in FEATURES.items():
            values = feature.to_unit(feature.compute(rows, self.now_ms, half_life_ms))
            known = ~np.isnan(values)
            for segment in np.unique(present[known]).tolist():
                chosen = values[known & (present == segment)]
                parts = self.sums.setdefault(segment, {})
                parts[name] = parts.get(name, np.zeros(2)) + np.array([chosen.sum(), len(chosen)])

    def mean(self, segment_id: str, feature: str) -> float | None:
        """Return the mean of a feature over a segment's members who have it, or None."""
        return self.mean_over([segment_id], feature)

    def mean_over(self, segment_ids: Iterable[str], feature: str) -> float | None:
        """Return the mean of a feature over the members of some segments who have it, or None."""
        parts = [self.sums[each][feature] for each in segment_ids if feature in self.sums.get(each, {})]
        total, count = np.sum(parts, axis=0) if parts else (0.0, 0.0)
        return float(total / count) if count else None

    def change(self, segment_id: str) -> int | None:
        """Return by how much a segment grew in 30 days, by customers whose past is remembered; None if nobody's."""
        known = {pair: count for pair, count in self.flows.items() if pair[0] != UNKNOWN}
        if not known:
            return None
        came = sum(count for (then, now), count in known.items() if now == segment_id and then != segment_id)
        left = sum(count for (then, now), count in known.items() if then == segment_id and now != segment_id)
        return came - left

    def moved(self) -> list[tuple[str, str, int]]:
        """Return who moved in 30 days as (then, now, customers), the most first; newcomers come from "none"."""
        return [(then, now, count) for (then, now), count in self.flows.most_common() if then not in (now, UNKNOWN)]

    def newcomers(self) -> int:
        """Return how many customers had no segment 30 days ago."""
        return sum(count for (then, _), count in self.flows.items() if then == NO_SEGMENT)


def survey(chunks: Iterable[Rows], now_ms: int, half_life_ms: float) -> Population:
    """Return the survey of all records, given in chunks."""
    found = Population(now_ms)
    for rows in chunks:
        found.add(rows, half_life_ms)
    return found
