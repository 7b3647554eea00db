"""Rule-based RFM tiers: the segments until enough customers exist for a first baseline. They are baseline 0."""

from typing import Final

import numpy as np

from events.arrays import Floats, Ints
from events.schema.outputs import Lifecycle, Stage
from state.customers.records import Rows
from stream.customers.features import feature_matrix, recent_orders, units_of
from stream.customers.lifecycle import STAGE_FEATURES, STAGE_NAMES, STAGES, stages_of
from stream.model.kmeans import OnlineKMeans
from stream.model.segmenter import Segment

__all__ = ["SEGMENT_NAMES", "RfmTiers", "tiers_of"]


_STAGES: Final[tuple[Stage | None, ...]] = (None, None, None, "new", "at-risk", "inactive", "no-order", "one-order")
SEGMENT_NAMES: Final = (
    "High-Value Loyalists",
    "Frequent Buyers",
    "Occasional Shoppers",
    *(STAGE_NAMES[each] for each in _STAGES if each is not None),
)
"""The tiers' names, which the first baselines use too; name i has the segment id s<i + 1>."""

LOYAL, FREQUENT, OCCASIONAL, NEW, AT_RISK, INACTIVE, NO_ORDER, ONE_ORDER = range(8)
_TIER_OF_STAGE: Final = np.array([_STAGES.index(stage) for stage in STAGES])


def tiers_of(rows: Rows, at_ms: Ints | int, half_life_ms: float) -> Ints:
    """Return the tier (n,) of customers at a time.

    The stages of the lifecycle come first. Of the others, who have ordered twice and are not late, those with 8 recent
    orders (decayed, as seen at the last one) or more are High-Value Loyalists, with 3 or more Frequent Buyers, the rest
    Occasional Shoppers.
    """
    stages = stages_of(rows, at_ms, Lifecycle())
    orders = np.expm1(recent_orders(rows, at_ms, half_life_ms))
    rest = np.select([orders >= 8.0, orders >= 3.0], [LOYAL, FREQUENT], OCCASIONAL)
    return np.where(stages >= 0, _TIER_OF_STAGE[stages], rest).astype(np.int64)


class RfmTiers:
    """A segmenter by rule: distance 0 to the customer's tier, infinite to the others; it has no vectors to learn."""

    baseline = 0
    version = borders_version = 0
    dimensions = 0
    border_centroids = None

    def __init__(self, half_life_ms: float) -> None:
        self._half_life_ms = half_life_ms
        self.segments = [Segment(i + 1, f"s{i + 1}", name, _STAGES[i]) for i, name in enumerate(SEGMENT_NAMES)]
        self.explaining_features = [*STAGE_FEATURES]
        self.retired: list[Segment] = []

    def vectors(self, rows: Rows, at_ms: Ints | int) -> Floats:
        """Return (n, 0): rules learn nothing."""
        return np.empty((len(rows), 0))

    def distances(self, rows: Rows, vectors: Floats, at_ms: Ints | int) -> Floats:
        """Return (n, 8): 0 in the column of the tier."""
        distances = np.full((len(rows), len(SEGMENT_NAMES)), np.inf)
        distances[np.arange(len(rows)), tiers_of(rows, at_ms, self._half_life_ms)] = 0.0
        return distances

    @property
    def border_model(self) -> None:
        """None: rules have no centroids."""

    def border_distances(self, vectors: Floats, distances: Floats, borders: OnlineKMeans | None = None) -> Floats:
        """Return the distances: rules stay as they are."""
        return distances

    def explaining_vectors(self, rows: Rows, at_ms: Ints | int, vectors: Floats) -> Floats:
        """Return (n, 2): recency and orders, before any scaling."""
        return feature_matrix(rows, self.explaining_features, at_ms, self._half_life_ms)

    def in_units(self, vectors: Floats) -> Floats:
        """Return explaining vectors (n, 2) in days and orders."""
        return units_of(vectors, self.explaining_features)
