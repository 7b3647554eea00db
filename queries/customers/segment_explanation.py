"""Why a customer is in its segment: how near each segment is, and which features make the difference."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from state.customers.records import Rows
from stream.customers.features import FEATURES
from stream.model.segmenter import CentroidSegmenter, Segmenter

__all__ = ["FeatureContribution", "SegmentDistance", "SegmentExplanation", "explain_segment"]

_FEATURES = 2


@dataclass(frozen=True)
class SegmentDistance:
    """A segment and the customer's distance to its centroid, in standard deviations."""

    segment_id: str
    segment: str
    distance: float


@dataclass(frozen=True)
class FeatureContribution:
    """A feature that makes the nearest segment nearer than the next: the customer's value and both centroids'."""

    feature: str
    unit: str
    value: float
    nearest: float
    other: float


@dataclass(frozen=True)
class SegmentExplanation:
    """The segments, the nearest first, and the features that contribute most to the difference of the first two."""

    segments: list[SegmentDistance]
    reasons: list[FeatureContribution]


def explain_segment(segmenter: Segmenter, rows: Rows, now_ms: int) -> SegmentExplanation | None:
    """Return why the customer of `rows` (1,) is in its segment; None under the RFM tiers, or without the features.

    The squared distance is a sum over features, so a feature's share of the difference between two segments is its own
    term of the two sums.
    """
    if not isinstance(segmenter, CentroidSegmenter):
        return None
    vectors = segmenter.vectors(rows, now_ms)
    distances = segmenter.border_distances(vectors, segmenter.distances(rows, vectors, now_ms))[0]
    if np.isnan(distances).any():
        return None
    # Segments of the lifecycle are rules: nobody is near to them who is not in them.
    order = np.argsort(distances, kind="stable")[: int(np.isfinite(distances).sum())]
    named = [segmenter.segments[i] for i in order]
    segments = [
        SegmentDistance(each.segment_id, each.name, float(distances[i])) for each, i in zip(named, order, strict=True)
    ]
    return SegmentExplanation(segments, _reasons(segmenter, vectors[0], order))


def _reasons(segmenter: CentroidSegmenter, vector: Any, order: Any) -> list[FeatureContribution]:
    if len(order) < 2:
        return []
    first, second = segmenter.border_centroids[order[0]], segmenter.border_centroids[order[1]]
    contributions = np.nan_to_num((vector - second) ** 2 - (vector - first) ** 2)
    values, here, there = segmenter.in_units(np.array([vector, first, second])).tolist()
    return [
        FeatureContribution(segmenter.features[i], _unit(segmenter.features[i]), values[i], here[i], there[i])
        for i in np.argsort(-contributions, kind="stable")[:_FEATURES].tolist()
        if contributions[i] > 0
    ]


def _unit(feature: str) -> str:
    return FEATURES[feature].unit if feature in FEATURES else "profile attribute"
