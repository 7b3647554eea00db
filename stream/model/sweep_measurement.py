"""What a sweep measures: whether the model's sums are right, and how far customers are from their centroids.

The sums are made of terms that float64 adds exactly (docs/decisions/0001), so the difference to a recomputation is 0.0
unless something is wrong: it is measured because that is a claim about every line that touches them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from events.arrays import Floats, Ints
from state.partitions.model_sums import ModelSums
from state.partitions.partition_fence import OwnedPartition
from stream.model.name_truth import NameCounts, add_counts

__all__ = ["SweepCheck", "SweepPass", "SweepResult"]


_BORDERS_MOVED: Final = -1
"""In place of the version of the borders: they moved during the sweep."""


@dataclass(frozen=True)
class SweepResult:
    """What one sweep of a partition measured.

    `squared_distance` sums the squared distances of the `customers` in learned segments to their centroids,
    `squared_to_borders` those to the nearest border centroid, of version `borders`; `sums_difference` is the largest
    difference between the model's sums and those recomputed, None where events came in between, so that they cannot be
    compared. `names` says for how many members the segments' names hold (`stream.model.name_truth`).
    """

    baseline: int
    customers: int
    squared_distance: float
    borders: int
    squared_to_borders: float
    sums_difference: float | None
    names: NameCounts = field(default_factory=dict)


class SweepPass(NamedTuple):
    """When a sweep that is over began, ms of the wall clock, and how many customers it moved."""

    began_ms: int
    reassigned: int


class SweepCheck:
    """Adds up the measurements of one partition's sweep, chunk by chunk."""

    def __init__(self, owned: OwnedPartition, baseline: int, borders: int, d: int, staged: Sequence[bool]) -> None:
        """Begin; `staged` (k,) says which clusters are stages of the lifecycle, which have no place."""
        self._baseline, self._borders, self._revision = baseline, borders, owned.revision
        self._staged = np.array(staged, np.bool_)
        self._sums = ModelSums.zeros(len(staged), d)
        self._seen = self._customers = 0
        self._squared = self._squared_to_borders = 0.0
        self._unchanged = True
        self._names: NameCounts = {}

    def add(self, owned: OwnedPartition, vectors: Floats, clusters: Ints, distances: Floats, borders: Floats) -> None:
        """Take in a chunk as it will stand: vectors (n, d), own clusters (n,), distances now, and those to the borders.

        Both distances are (n, k).
        """
        self._unchanged &= owned.revision == self._revision
        self._seen += len(vectors)
        held, placed = borders is not distances, clusters >= 0
        if not placed.all():  # copying costs as much as all the arithmetic
            vectors, distances, borders = (each[placed] for each in (vectors, distances, borders))
            clusters = clusters[placed]
        self._sums = self._sums.plus(vectors, clusters)
        squared = _squared(distances)
        self._squared += squared
        self._squared_to_borders += _squared(borders) if held else squared
        self._customers += len(clusters) - int(self._staged[clusters].sum())

    def add_names(self, counts: NameCounts) -> None:
        """Take in for how many members of a chunk the names of their segments hold, as they stand after it."""
        self._names = add_counts([self._names, counts])

    def note_write(self, owned: OwnedPartition) -> None:
        """Take note that what was written since `add` is the sweep's own write, no event's."""
        self._revision = owned.revision

    def finish(self, owned: OwnedPartition, customers: int, borders: int) -> SweepResult:
        """Return what the sweep measured, of a partition with so many customers; `borders` is their version now."""
        difference = None
        # A hash that is rehashed while it is scanned may show a customer twice.
        if self._unchanged and self._seen == customers and owned.sums is not None and owned.baseline == self._baseline:
            difference = float(np.abs(owned.sums.sums - self._sums.sums).max(initial=0.0))
            difference = max(difference, float(np.abs(owned.sums.counts - self._sums.counts).max(initial=0)))
        return SweepResult(
            baseline=self._baseline,
            customers=self._customers,
            squared_distance=self._squared,
            borders=self._borders if borders == self._borders else _BORDERS_MOVED,
            squared_to_borders=self._squared_to_borders,
            sums_difference=difference,
            names=self._names,
        )


def _squared(distances: Floats) -> float:
    near = distances.min(axis=1, initial=np.inf)
    return float((near * near).sum())
