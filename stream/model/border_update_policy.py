"""When the borders of the published segments follow the centroids: not at every version, only when it is worth it.

Even where nothing changes the centroids move, because they are the means of a sample, and they move far where several
clusterings are about equally good. Each step would move customers over a border for nothing. So the published segments
use the centroids of an earlier version, until these increase the squared distance by more than the tolerance and the
effect of sampling (docs/decisions/0015).
"""

import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np

from events.arrays import Floats, Ints
from events.schema.outputs import Baseline, ModelVersion
from state.partitions.worker_heartbeats import WorkerRegistry
from stream.model.segmenter import borders_version
from stream.model.sweep_measurement import SweepResult

__all__ = [
    "BorderCost",
    "BorderPolicy",
    "Borders",
    "allowed_excess",
    "common_borders_version",
    "cost_from_heartbeats",
    "cost_of_sweeps",
]


_BOUND: Final = 10.0
"""Multiple of the allowed excess from which the upper bound of the cost decides; it is usually 5 times the cost."""
_SAMPLING: Final = 10.0
"""Multiple of k / n by which sampling may make the borders worse; measured in stationary shops (docs/quality.md)."""


class BorderCost(NamedTuple):
    """Squared distances of swept customers, summed: to the nearest centroid, and to the nearest border."""

    customers: int = 0
    squared_distance: float = 0.0
    squared_to_borders: float = 0.0

    @property
    def excess(self) -> float:
        """The share by which the borders are worse, 0 where nothing was measured.

        >>> BorderCost(10, 4.0, 5.0).excess
        0.25
        """
        return self.squared_to_borders / self.squared_distance - 1.0 if self.squared_distance > 0.0 else 0.0


def allowed_excess(tolerance: float, k: int, customers: int) -> float:
    """Return the largest excess at which k borders are kept, among so many customers.

    Means of n / k customers lie s^2·k / n (squared) from where those of another sample lie, s^2 being the mean squared
    distance: k / n of the inertia, and several times that where the optimum is flat. A tolerance of 0 allows nothing.

    >>> round(allowed_excess(0.01, 5, 10_000), 4)
    0.015
    """
    return tolerance + _SAMPLING * k / max(customers, 1) if tolerance else 0.0


def cost_of_sweeps(found: Iterable[SweepResult], baseline: int, borders: int) -> BorderCost:
    """Return what sweeps under a baseline and a version of the borders measured."""
    return _total(
        BorderCost(each.customers, each.squared_distance, each.squared_to_borders)
        for each in found
        if (each.baseline, each.borders) == (baseline, borders)
    )


def cost_from_heartbeats(registry: WorkerRegistry) -> Callable[[int, int], BorderCost]:
    """Return a function that reads the cost from the heartbeats of the workers that are alive."""

    def cost(baseline: int, borders: int) -> BorderCost:
        return _total(
            BorderCost(each.measured, each.squared_distance, each.squared_to_borders)
            for each in registry.alive(time.time_ns() // 1_000_000)
            if (each.baseline, each.borders_version) == (baseline, borders)
        )

    return cost


def _total(costs: Iterable[BorderCost]) -> BorderCost:
    return BorderCost(*map(sum, zip(BorderCost(), *costs, strict=True)))


def common_borders_version(found: Iterable[SweepResult]) -> int:
    """Return the version of the borders that all these sweeps measured, -1 where they differ or there are no sweeps."""
    versions = {each.borders for each in found}
    return versions.pop() if len(versions) == 1 else -1


class Borders(NamedTuple):
    """The borders of the published segments: centroids (k, d), and their version, 0 for the baseline."""

    centroids: list[list[float]]
    version: int


class BorderPolicy:
    """Decides whether the published segments keep their borders in the next version of the model.

    `cost` returns what the last sweeps measured under a baseline and a version of the borders.
    """

    def __init__(
        self, tolerance: float = 0.0, cost: Callable[[int, int], BorderCost] = lambda _baseline, _borders: BorderCost()
    ) -> None:
        self._tolerance, self._cost = tolerance, cost

    def kept(self, baseline: Baseline, model: ModelVersion | None, centroids: Floats, counts: Ints) -> Borders | None:
        """Return the borders that the next version keeps, None where they follow its centroids.

        `model` is the present version under the baseline, None before the first; `centroids` (k, d) are those of the
        next, of which each has `counts` (k,) members.
        """
        if not self._tolerance:
            return None
        if model is None:
            current = Borders([each.centroid for each in baseline.segments], 0)
        else:
            current = Borders(model.centroids if model.borders is None else model.borders, borders_version(model))
        if self.exceeds_tolerance(self._cost(baseline.baseline, current.version), baseline.k):
            return None
        return None if self._exceeds_bound(baseline, np.array(current.centroids), centroids, counts) else current

    def _exceeds_bound(self, baseline: Baseline, borders: Floats, centroids: Floats, counts: Ints) -> bool:
        """Return whether the sums alone show that the borders cost too much, before any sweep has measured it.

        n·|step|^2 over all clusters is the most that the borders can cost (k-means: each to the cluster it is in).
        While history is replayed, a shop may grow tenfold between two sweeps.
        """
        learned = np.array([each.stage is None for each in baseline.segments])
        counts = counts * learned
        fitted = sum(each.customers for each in baseline.segments if each.stage is None)
        members = int(counts.sum())
        if not (fitted and members and baseline.inertia > 0.0):
            return False
        most = float((counts * ((borders - centroids) ** 2).sum(axis=1)).sum()) / members
        return most > _BOUND * allowed_excess(self._tolerance, baseline.k, members) * baseline.inertia / fitted

    def exceeds_tolerance(self, cost: BorderCost, k: int) -> bool:
        """Return whether k borders cost more than is allowed."""
        return cost.excess > allowed_excess(self._tolerance, k, cost.customers)
