"""What a customer record means under a baseline: vectors, distances to the segments, and which segment is which."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from events.arrays import Floats, Ints
from events.schema.outputs import Baseline, ModelVersion, Stage
from events.segment_changes import segment_number
from state.customers.records import Rows
from stream.customers.features import feature_matrix, units_of
from stream.customers.lifecycle import STAGE_FEATURES, STAGES, stages_of
from stream.customers.yeo_johnson import inverse_yeo_johnson, yeo_johnson
from stream.model.kmeans import OnlineKMeans

__all__ = ["CentroidSegmenter", "Segment", "Segmenter", "borders_version", "segments_of"]


_GRID = 2.0**20
_FAR = 100.0


@dataclass(frozen=True)
class Segment:
    """What a cluster is published as: the number in records, the id, the name, and the stage where a rule finds it."""

    number: int
    segment_id: str
    name: str
    stage: Stage | None = None


def segments_of(baseline: Baseline) -> list[Segment]:
    """Return the segments of a baseline, in the order of its clusters."""
    return [
        Segment(segment_number(each.segment_id), each.segment_id, each.segment, each.stage)
        for each in baseline.segments
    ]


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

    def border_distances(self, vectors: Floats, distances: Floats, borders: OnlineKMeans | None = None) -> Floats:
        """Return the distances (n, k) that published segments are decided by; `distances` are those to the segments.

        `borders` are others than the present ones.
        """
        ...

    @property
    def border_model(self) -> OnlineKMeans | None:
        """The model that decides published segments, None under rules."""
        ...

    def explaining_vectors(self, rows: Rows, at_ms: Ints | int, vectors: Floats) -> Floats:
        """Return the explaining vectors (n, number of explaining features) at a time, NaN where missing.

        `vectors` are the customers' own at that time.
        """
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
        beside = STAGE_FEATURES if baseline.lifecycle else ()
        self._beside = [name for name in beside if name not in self.features]
        self.explaining_features = self.features + self._beside
        self._attributes = tuple(baseline.attributes)
        self._bounds = _bounds(baseline)
        self._powers = [(column, power) for column, power in enumerate(baseline.power) if power is not None]
        self._center, self._scale = np.array(baseline.center), np.array(baseline.scale)
        self._half_life_ms = half_life_ms
        self.model = OnlineKMeans(np.array([each.centroid for each in baseline.segments]), self.features)
        self._lifecycle, self._k = baseline.lifecycle, baseline.k
        place = {each.stage: column for column, each in enumerate(self.segments)}
        self._columns = np.array([place.get(stage, -1) for stage in STAGES])
        self._near = self._near_borders = self._of_learned(self.model)
        self._borders = self.model
        self.borders_version = 0

    def follow(self, model: ModelVersion) -> bool:
        """Take the centroids of a newer version of this baseline's model; return whether it was one."""
        if model.baseline != self.baseline or model.version <= self.version:
            return False
        self.model = OnlineKMeans(np.array(model.centroids), self.features)
        self._near = self._of_learned(self.model)
        self.version = model.version
        if (of := borders_version(model)) != self.borders_version:
            self.borders_version = of
            self._borders = (
                self.model if model.borders is None else OnlineKMeans(np.array(model.borders), self.features)
            )
            self._near_borders = self._near if self._borders is self.model else self._of_learned(self._borders)
        return True

    def _of_learned(self, model: OnlineKMeans) -> OnlineKMeans:
        """Return the model of the learned segments alone; they come before the stages, which have no place."""
        return model if self._lifecycle is None else OnlineKMeans(model.centroids[: self._k], self.features)

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
        """Return the Euclidean distances (n, k) to the centroids.

        A customer in a stage of the lifecycle is at distance 0 from its segment and infinitely far from all others;
        one who is in none is infinitely far from those of the stages.
        """
        learned = self._near.distances_many(vectors)
        if self._lifecycle is None:
            return learned
        distances = np.full((len(rows), len(self.segments)), np.inf)
        distances[:, : self._k] = learned
        stages = stages_of(rows, at_ms, self._lifecycle)
        staged = np.flatnonzero(stages >= 0)
        if len(staged):
            distances[staged, : self._k] = np.inf
            distances[staged, self._columns[stages[staged]]] = 0.0
        return distances

    @property
    def border_model(self) -> OnlineKMeans:
        """The model that decides published segments."""
        return self._borders

    def border_distances(self, vectors: Floats, distances: Floats, borders: OnlineKMeans | None = None) -> Floats:
        """Return the Euclidean distances (n, k) to the borders' centroids; who is in a stage is there in any case."""
        near = self._near_borders if borders is None else self._of_learned(borders)
        if near is self._near:
            return distances
        learned = near.distances_many(vectors)
        if self._lifecycle is None:
            return learned
        found = distances.copy()
        found[:, : self._k] = np.where(np.isinf(distances[:, : self._k]), np.inf, learned)
        return found

    @property
    def border_centroids(self) -> Floats:
        """The centroids (k, d) that decide published segments."""
        return self._borders.centroids

    def explaining_vectors(self, rows: Rows, at_ms: Ints | int, vectors: Floats) -> Floats:
        """Return the vectors, and beside them, not standardised, what the stages of the lifecycle go by."""
        if not self._beside:
            return vectors
        return np.hstack([vectors, feature_matrix(rows, self._beside, at_ms, self._half_life_ms)])

    def in_units(self, vectors: Floats) -> Floats:
        """Return vectors (n, d), or explaining vectors, in the features' own units."""
        raw = vectors.copy()
        raw[:, : self.dimensions] = vectors[:, : self.dimensions] * self._scale + self._center
        for column, power in self._powers:
            raw[:, column] = inverse_yeo_johnson(raw[:, column], power)
        return units_of(raw, self.explaining_features[: raw.shape[1]], self._attributes)


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
