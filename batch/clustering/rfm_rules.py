"""RFM by rule: quintile scores and fixed groups, the reference that any clustering has to beat."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import rankdata

from batch.clustering.clustering_result import ClusteringResult, with_consecutive_labels
from events.arrays import Floats, Ints

__all__ = ["RFM", "quintiles", "rfm_rules"]

RFM: Final = ("recency", "frequency", "monetary")


def quintiles(values: Floats) -> Ints:
    """Return the score 1 to 5 of each value (n,), 5 for the largest fifth; equal values score alike, NaN scores 1.

    A. M. Hughes, "Strategic Database Marketing" (1994). Equal values share the mean of their ranks, so that most
    one-time buyers do not get different scores by accident.

    >>> quintiles(np.array([1.0, 2.0, 3.0, 4.0, 5.0])).tolist()
    [1, 2, 3, 4, 5]
    """
    known = ~np.isnan(values)
    scores = np.ones(len(values), np.int64)
    if known.any():
        middle = (rankdata(values[known]) - 0.5) / known.sum()
        scores[known] = np.minimum(1 + np.floor(5 * middle), 5).astype(np.int64)
    return scores


def rfm_rules(points: Floats, features: Sequence[str]) -> ClusteringResult:
    """Return groups by recency score (recent 4–5, cooling 2–3, silent 1) and the mean of the other two (4 or more)."""
    recency, frequency, monetary = (points[:, list(features).index(name)] for name in RFM)
    recent = quintiles(-recency)
    value = (quintiles(frequency) + quintiles(monetary)) / 2
    warmth = np.select([recent >= 4, recent >= 2], [0, 1], 2)
    return with_consecutive_labels(2 * warmth + (value < 4))
