"""What a customer record means under a baseline: vectors, distances to the segments, and which segment is which."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from events.changes import segment_number
from events.outputs import Baseline, ModelVersion
from state.records import Rows
from stream.features import FEATURES, feature_matrix
from stream.kmeans import OnlineKMeans

__all__ = ["CentroidSegmenter", "Segment", "Segmenter"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GRID = 2.0**20
_FAR = 100.0


@dataclass(frozen=True)
class Segment:
    """Who a cluster is to the world: the number in records, the id and the name."""

    number: int
    segment_id: str
    name: str


class Segmenter(Protocol):
    """Assigns customers to segments; cluster i is `segments[i]`."""

    baseline: int
    version: int
    segments: list[Segment]
    dimensions: int

    def vectors(self, rows: Rows, at_ms: Ints | int) -> Floats:
        """Return the standardised features (n, d) at a time, NaN where missing."""
        ...

    def distances(self, rows: Rows, vectors: Floats, at_ms: Ints | int) -> Floats:
        """Return the distances (n, k) to the segments; all NaN where a customer cannot be placed."""
        ...


class CentroidSegmenter:
    """Nearest centroid in the standardised features of a baseline, moved along by the model's versions.

    Vectors lie on a grid of 2^-20 within 100 standard deviations: float64 sums of them are exact up to 8.6e9, so they
    depend neither on the order of the customers nor on how often one was taken out and put in again.
    """

    def __init__(self, baseline: Baseline, half_life_ms: float) -> None:
        self.baseline = baseline.baseline
        self.version = 0
        self.segments = [
            Segment(segment_number(each.segment_id), each.segment_id, each.segment) for each in baseline.segments
        ]
        self.features = list(baseline.features)
        self.dimensions = len(self.features)
        self._center, self._scale = np.array(baseline.center), np.array(baseline.scale)
        self._half_life_ms = half_life_ms
        self.model = OnlineKMeans(np.array([each.centroid for each in baseline.segments]), self.features)

    def follow(self, model: ModelVersion) -> bool:
        """Take the centroids of a newer version of this baseline's model; return whether it was one."""
        if model.baseline != self.baseline or model.version <= self.version:
            return False
        self.model = OnlineKMeans(np.array(model.centroids), self.features)
        self.version = model.version
        return True

    def vectors(self, rows: Rows, at_ms: Ints | int) -> Floats:
        """Return the standardised features (n, d) at a time, on the grid, NaN where missing."""
        raw = feature_matrix(rows, self.features, at_ms, self._half_life_ms)
        standard = np.clip((raw - self._center) / self._scale, -_FAR, _FAR)
        return np.asarray(np.rint(standard * _GRID) / _GRID)

    def in_units(self, vector: Floats) -> list[float]:
        """Return a standardised vector (d,) in the features' own units, for people."""
        raw = vector * self._scale + self._center
        return [float(FEATURES[name].to_unit(raw[i])) for i, name in enumerate(self.features)]

    def distances(self, rows: Rows, vectors: Floats, at_ms: Ints | int) -> Floats:
        """Return the Euclidean distances (n, k) to the centroids."""
        return self.model.distances_many(vectors)
