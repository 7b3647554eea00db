"""Name clusters by what their members do, with the names of the RFM tiers; no two share one."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from stream.tiers import SEGMENT_NAMES

__all__ = ["name_clusters"]

Floats = npt.NDArray[np.float64]

# What a name stands for, in standard deviations from the shop's mean customer.
_PROTOTYPES: Final = {
    "High-Value Loyalists": {"recency": -1.0, "frequency": 2.0, "monetary": 1.6},
    "Frequent Buyers": {"recency": -0.8, "frequency": 0.7, "monetary": 0.7},
    "Occasional Shoppers": {"recency": 0.0, "frequency": -0.1, "monetary": 0.2},
    "New Customers": {"recency": -0.8, "frequency": -0.5, "monetary": -0.6, "tenure": -1.5},
    "At-Risk Customers": {"recency": 0.5, "frequency": -0.4, "monetary": -0.3},
    "Inactive": {"recency": 0.7, "frequency": -0.8, "monetary": -1.0, "tenure": 0.5},
}


def name_clusters(centroids: Floats, features: list[str]) -> list[str]:
    """Return a name for each centroid (k, d; standardised units; k at most 6), all different.

    Clusters and names are matched so that the summed squared distance between centroids and the names' prototypes,
    over the features that both know, is least (the Hungarian method).

    >>> name_clusters(np.array([[1.2, -1.0, -1.0], [-1.0, 2.1, 1.9]]), ["recency", "frequency", "monetary"])
    ['Inactive', 'High-Value Loyalists']
    """
    prototypes = np.array([[_PROTOTYPES[name].get(feature, np.nan) for feature in features] for name in SEGMENT_NAMES])
    distance = np.nansum((centroids[:, None, :] - prototypes[None, :, :]) ** 2, axis=2)
    rows, columns = linear_sum_assignment(distance)
    names = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    return [SEGMENT_NAMES[names[cluster]] for cluster in range(len(centroids))]
