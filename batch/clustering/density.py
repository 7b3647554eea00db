"""Clusters as dense regions: DBSCAN and HDBSCAN, which find their own k and leave outliers out."""

import numpy as np
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.neighbors import NearestNeighbors

from batch.clustering.clustering_result import (
    ClusteringResult,
    cluster_means,
    nearest_mean,
    with_consecutive_labels,
)
from batch.clustering.elbow import elbow
from events.arrays import Floats, Ints

__all__ = ["dbscan", "hdbscan"]

_SAMPLE = 5_000
_LEAST = 5
_SHARE = 0.02


def dbscan(points: Floats, _k: int, seed: int) -> ClusteringResult:
    """Return DBSCAN's clusters of a sample of 5,000; the radius is the elbow of the distances to the fifth neighbour.

    M. Ester, H.-P. Kriegel, J. Sander, X. Xu, "A Density-Based Algorithm for Discovering Clusters", KDD 1996.
    """
    sample = _sample(points, seed)
    size = _min_members(sample)
    distances = np.sort(NearestNeighbors(n_neighbors=size).fit(sample).kneighbors(sample)[0][:, -1])
    place = elbow(np.arange(len(distances), dtype=np.float64), distances, increasing=True)
    radius = max(float(distances[-1 if place is None else place]), 1e-9)
    return _extend_to_all(points, sample, DBSCAN(eps=radius, min_samples=size).fit(sample).labels_)


def hdbscan(points: Floats, _k: int, seed: int) -> ClusteringResult:
    """Return HDBSCAN's clusters of a sample of 5,000, none with less than 2% of it.

    R. Campello, D. Moulavi, J. Sander, "Density-Based Clustering Based on Hierarchical Density Estimates", PAKDD 2013.
    """
    sample = _sample(points, seed)
    fitted = HDBSCAN(min_cluster_size=_min_members(sample), copy=True).fit(sample)
    return _extend_to_all(points, sample, fitted.labels_)


def _sample(points: Floats, seed: int) -> Floats:
    if len(points) <= _SAMPLE:
        return points
    return points[np.random.default_rng(seed).choice(len(points), _SAMPLE, replace=False)]


def _min_members(sample: Floats) -> int:
    return min(len(sample), max(_LEAST, round(_SHARE * len(sample))))


def _extend_to_all(points: Floats, sample: Floats, labels: Ints) -> ClusteringResult:
    """Return the sample's labels, or where it is a part of the points, for each the cluster with the nearest mean."""
    found = with_consecutive_labels(np.asarray(labels, np.int64))
    if sample is points or not found.k:
        return found if sample is points else ClusteringResult(np.full(len(points), -1, np.int64), 0)
    return ClusteringResult(nearest_mean(points, cluster_means(sample, found.labels, found.k)), found.k)
