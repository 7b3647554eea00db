"""What a customer record means under a baseline: vectors, distances to the segments, and which segment is which."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from events.arrays import Floats, Ints
from events.schema.outputs import Baseline, ModelVersion
from events.segment_changes import segment_number
from state.customers.records import Rows
from stream.customers.features import feature_matrix, units_of
from stream.customers.yeo_johnson import inverse_yeo_johnson, yeo_johnson
from stream.model.kmeans import OnlineKMeans

__all__ = ["CentroidSegmenter", "Segment", "Segmenter", "borders_version", "segments_of"]


_GRID = 2.0**20
_FAR = 100.0


@dataclass(frozen=True)
class Segment:
    """What a cluster is published as: the number in records, the id and the name."""

    number: int
    segment_id: str
    name: str


def segments_of(baseline: Baseline) -> list[Segment]:
    """Return the segments of a baseline, in the order of its clusters."""
    return [Segment(segment_number(each.segment_id), each.segment_id, each.segment) for each in baseline.segments]


class Segmenter(Protocol):
    """Assigns customers to segments; cluster i is `segments[i]`. `retired` are segments that ended with the baseline.

    Clusters are decided by the centroids, published segments by the borders: the centroids of an earlier version, which
    are kept while they are good enough (stream/model/border_update_policy.py).
    """

    baseline: int
    version: int
    borders_version: int
    segments: list[Segment]
    retired: list[Segment]
    dimensions: int
    explaining_features: list[str]
    """The features that changes are explained by."""

    @property
    def border_centroids(self) -> Floats | None:
        """The centroids (k, d) that decide published segments, in the explaining features; None under rules."""
        ...

    def vectors(self, rows: Rows, at_ms: Ints | int) -> Floats:
        """Return the standardised features (n, d) at a time, NaN where missing."""
        ...

    def distances(self, rows: Rows, vectors: Floats, at_ms: Ints | int) -> Floats:
        """Return the distances (n, k) to the segments; all NaN where a customer cannot be placed."""
        ...

    def border_distances(self, vectors: Floats, distances: Floats) -> Floats:
        """Return the distances (n, k) that published segments are decided by; `distances` are those to the segments."""
        ...

    @property
    def border_model(self) -> OnlineKMeans | None:
        """The model that decides published segments, None under rules."""
        ...

    def explaining_vectors(self, rows: Rows, at_ms: Ints | int) -> Floats:
        """Return the explaining vectors (n, number of explaining features) at a time, NaN where missing."""
        ...

    def in_units(self, vectors: Floats) -> Floats:
        """Return explaining vectors in the features' own units: days, orders, money."""
        ...


class CentroidSegmenter:
    """Nearest centroid in the standardised features of a baseline, moved along by the model's versions.

    Vectors lie on a grid of 2^-20 within 100 standard deviations: float64 sums of them are exact up to 8.6e9, so they
    depend neither on the order of the customers nor on how often one was taken out and put in again.
    """

    def __init__(self, baseline: Baseline, half_life_ms: float) -> None:
        self.baseline = baseline.baseline
        self.version = 0
        self.segments = segments_of(baseline)
        self.retired = [
            Segment(segment_number(each.segment_id), each.segment_id, each.segment)
            for each in baseline.lineage
            if each.kind == "retired"
        ]
        self.features = list(baseline.features)
        self.dimensions = len(self.features)
        self.explaining_features = self.features
        self._attributes = tuple(baseline.attributes)
        self._bounds = _bounds(baseline)
        self._powers = [(column, power) for column, power in enumerate(baseline.power) if power is not None]
        self._center, self._scale = np.array(baseline.center), np.array(baseline.scale)
        self._half_life_ms = half_life_ms
        self.model = OnlineKMeans(np.array([each.centroid for each in baseline.segments]), self.features)
        self._borders = self.model
        self.borders_version = 0

    def follow(self, model: ModelVersion) -> bool:
        """Take the centroids of a newer version of this baseline's model; return whether it was one."""
        if model.baseline != self.baseline or model.version <= self.version:
            return False
        self.model = OnlineKMeans(np.array(model.centroids), self.features)
        self.version = model.version
        if (of := borders_version(model)) != self.borders_version:
            self.borders_version = of
            self._borders = (
                self.model if model.borders is None else OnlineKMeans(np.array(model.borders), self.features)
            )
        return True

    def vectors(self, rows: Rows, at_ms: Ints | int) -> Floats:
        """Return the standardised features (n, d) at a time, on the grid, NaN where missing."""
        raw = feature_matrix(rows, self.features, at_ms, self._half_life_ms, self._attributes)
        if self._bounds is not None:
            raw = np.clip(raw, *self._bounds)
        for column, power in self._powers:
            raw[:, column] = yeo_johnson(raw[:, column], power)
        standard = np.clip((raw - self._center) / self._scale, -_FAR, _FAR)
        return np.asarray(np.rint(standard * _GRID) / _GRID)

    def distances(self, rows: Rows, vectors: Floats, at_ms: Ints | int) -> Floats:
        """Return the Euclidean distances (n, k) to the centroids."""
        return self.model.distances_many(vectors)

    @property
    def border_model(self) -> OnlineKMeans:
        """The model that decides published segments."""
        return self._borders

    def border_distances(self, vectors: Floats, distances: Floats) -> Floats:
        """Return the Euclidean distances (n, k) to the borders' centroids."""
        return distances if self._borders is self.model else self._borders.distances_many(vectors)

    @property
    def border_centroids(self) -> Floats:
        """The centroids (k, d) that decide published segments."""
        return self._borders.centroids

    def explaining_vectors(self, rows: Rows, at_ms: Ints | int) -> Floats:
        """Return the vectors: the features of the model explain its changes."""
        return self.vectors(rows, at_ms)

    def in_units(self, vectors: Floats) -> Floats:
        """Return vectors (n, d) in the features' own units."""
        raw = vectors * self._scale + self._center
        for column, power in self._powers:
            raw[:, column] = inverse_yeo_johnson(raw[:, column], power)
        return units_of(raw, self.features, self._attributes)


def borders_version(model: ModelVersion) -> int:
    """Return the version that a model's borders are of; 0 is the baseline."""
    return model.version if model.borders is None else model.borders_version


def _bounds(baseline: Baseline) -> tuple[Floats, Floats] | None:
    """Return the least and the largest value (d,) that each feature counts with, None where nothing is bounded."""
    if not baseline.lower and not baseline.upper:
        return None
    free = [None] * len(baseline.features)
    lower = [-np.inf if bound is None else bound for bound in baseline.lower or free]
    upper = [np.inf if bound is None else bound for bound in baseline.upper or free]
    return np.array(lower), np.array(upper)
