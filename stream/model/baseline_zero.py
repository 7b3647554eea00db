"""Rule-based RFM tiers: the segments until enough customers exist for a first baseline. They are baseline 0."""

from typing import Final

import numpy as np

from events.arrays import Floats, Ints
from state.customers.records import Rows
from stream.customers.features import feature_matrix, frequency, recency, tenure, units_of
from stream.model.segmenter import Segment

__all__ = ["AT_RISK_DAYS", "INACTIVE_DAYS", "SEGMENT_NAMES", "RfmTiers", "tiers_of"]


SEGMENT_NAMES: Final = (
    "High-Value Loyalists",
    "Frequent Buyers",
    "Occasional Shoppers",
    "New Customers",
    "At-Risk Customers",
    "Inactive",
)
"""The tiers' names, which the first baselines use too; name i has the segment id s<i + 1>."""

AT_RISK_DAYS: Final = 120.0
"""Days without an order from which on a customer is at risk."""
INACTIVE_DAYS: Final = 360.0
"""And from which on the customer is inactive."""

LOYAL, FREQUENT, OCCASIONAL, NEW, AT_RISK, INACTIVE = range(6)


def tiers_of(rows: Rows, at_ms: Ints | int, half_life_ms: float) -> Ints:
    """Return the tier (n,) of customers at a time.

    By days since the last order: over 360 (or no order at all) Inactive, over 120 At-Risk. Of the others: 8 recent
    orders (decayed) or more High-Value Loyalists, 3 or more Frequent Buyers, first seen within 60 days New Customers,
    the rest Occasional Shoppers.
    """
    silent = np.expm1(recency(rows, at_ms, half_life_ms))
    orders = np.expm1(frequency(rows, at_ms, half_life_ms))
    known = np.expm1(tenure(rows, at_ms, half_life_ms))
    fresh = np.where(np.isnan(known), np.inf, known) <= 60.0
    return np.select(
        [np.isnan(silent) | (silent > INACTIVE_DAYS), silent > AT_RISK_DAYS, orders >= 8.0, orders >= 3.0, fresh],
        [INACTIVE, AT_RISK, LOYAL, FREQUENT, NEW],
        OCCASIONAL,
    ).astype(np.int64)


class RfmTiers:
    """A segmenter by rule: distance 0 to the customer's tier, infinite to the others; it has no vectors to learn."""

    baseline = 0
    version = borders_version = 0
    dimensions = 0
    border_centroids = None

    def __init__(self, half_life_ms: float) -> None:
        self._half_life_ms = half_life_ms
        self.segments = [Segment(i + 1, f"s{i + 1}", name) for i, name in enumerate(SEGMENT_NAMES)]
        self.explaining_features = ["recency", "frequency"]
        self.retired: list[Segment] = []

    def vectors(self, rows: Rows, at_ms: Ints | int) -> Floats:
        """Return (n, 0): rules learn nothing."""
        return np.empty((len(rows), 0))

    def distances(self, rows: Rows, vectors: Floats, at_ms: Ints | int) -> Floats:
        """Return (n, 6): 0 in the column of the tier."""
        distances = np.full((len(rows), len(SEGMENT_NAMES)), np.inf)
        distances[np.arange(len(rows)), tiers_of(rows, at_ms, self._half_life_ms)] = 0.0
        return distances

    @property
    def border_model(self) -> None:
        """None: rules have no centroids."""

    def border_distances(self, vectors: Floats, distances: Floats) -> Floats:
        """Return the distances: rules stay as they are."""
        return distances

    def explaining_vectors(self, rows: Rows, at_ms: Ints | int) -> Floats:
        """Return (n, 2): recency and frequency, before any scaling."""
        return feature_matrix(rows, self.explaining_features, at_ms, self._half_life_ms)

    def in_units(self, vectors: Floats) -> Floats:
        """Return explaining vectors (n, 2) in days and orders."""
        return units_of(vectors, self.explaining_features)
