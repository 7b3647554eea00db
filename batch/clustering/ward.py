"""Agglomerative clustering by Ward's criterion."""

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from batch.clustering.clustering_result import ClusteringResult, cluster_means, nearest_mean, with_consecutive_labels
from events.arrays import Floats

__all__ = ["ward"]

_SAMPLE = 1_500
"""Its time and memory grow with the square of the points."""


def ward(points: Floats, k: int, seed: int) -> ClusteringResult:
    """Return Ward's clusters of a sample of 1,500, the other points in the cluster with the nearest mean.

    J. H. Ward, "Hierarchical Grouping to Optimize an Objective Function", JASA 58 (1963).
    """
    sample = points
    if len(points) > _SAMPLE:
        sample = points[np.random.default_rng(seed).choice(len(points), _SAMPLE, replace=False)]
    labels = np.asarray(AgglomerativeClustering(k, linkage="ward").fit(sample).labels_, np.int64)
    if sample is points:
        return with_consecutive_labels(labels)
    return with_consecutive_labels(nearest_mean(points, cluster_means(sample, labels, k)))
