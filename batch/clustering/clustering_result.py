"""The result of a clustering algorithm, and functions of labels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from events.arrays import Floats, Ints

__all__ = ["ClusteringResult", "cluster_means", "nearest_mean", "with_consecutive_labels"]


@dataclass(frozen=True, eq=False)
class ClusteringResult:
    """Labels (n,) from 0 to k - 1, -1 for outliers; k; and the Bayesian information criterion of a mixture."""

    labels: Ints
    k: int
    bic: float | None = None


def cluster_means(points: Floats, labels: Ints, k: int) -> Floats:
    """Return the mean (k, d) of each cluster's members."""
    return np.stack([points[labels == label].mean(axis=0) for label in range(k)])


def nearest_mean(points: Floats, means: Floats) -> Ints:
    """Return the nearest of the means (k, d) for each point (n, d)."""
    squared = np.stack([((points - mean) ** 2).sum(axis=1) for mean in means], axis=1)
    return np.asarray(np.argmin(squared, axis=1), np.int64)


def with_consecutive_labels(labels: npt.NDArray[np.integer]) -> ClusteringResult:
    """Return labels without gaps: the clusters that have members become 0, 1, 2, …; -1 stays."""
    found = np.unique(labels[labels >= 0])
    place = np.full(int(labels.max(initial=-1)) + 2, -1, np.int64)
    place[found] = np.arange(len(found))
    return ClusteringResult(place[labels], len(found))  # a label of -1 reads the last place, which is -1
