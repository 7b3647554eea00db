"""The clustering algorithms by name."""

import warnings
from collections.abc import Callable, Sequence
from typing import Final

from sklearn.exceptions import ConvergenceWarning

from batch.clustering.clustering_result import ClusteringResult
from batch.clustering.density import dbscan, hdbscan
from batch.clustering.kmeans import k_means, mini_batch_k_means
from batch.clustering.mixture import gaussian_mixture
from batch.clustering.rfm_rules import RFM, rfm_rules
from batch.clustering.ward import ward
from batch.errors import AlgorithmUnknown, FeatureMissing
from events.arrays import Floats

__all__ = ["ALGORITHMS", "FIND_K", "cluster"]

_OF_POINTS: Final[dict[str, Callable[[Floats, int, int], ClusteringResult]]] = {
    "k-means": k_means,
    "mini-batch-k-means": mini_batch_k_means,
    "ward": ward,
    "gaussian-mixture": gaussian_mixture,
    "dbscan": dbscan,
    "hdbscan": hdbscan,
}
ALGORITHMS: Final = (*_OF_POINTS, "rfm-rules")
FIND_K: Final = frozenset({"dbscan", "hdbscan", "rfm-rules"})
"""Those that find their own number of clusters."""


def cluster(algorithm: str, points: Floats, k: int, seed: int, features: Sequence[str]) -> ClusteringResult:
    """Return the clusters of points (n, d; no NaN), whose columns are these features.

    Raises AlgorithmUnknown; FeatureMissing where the rules of RFM are asked for without recency, frequency, monetary.
    """
    if algorithm == "rfm-rules":
        if not set(RFM) <= set(features):
            raise FeatureMissing(f"rfm-rules needs the features {', '.join(RFM)}; here are {', '.join(features)}")
        return rfm_rules(points, features)
    if algorithm not in _OF_POINTS:
        raise AlgorithmUnknown(f"there is no algorithm {algorithm!r}; choose from {', '.join(ALGORITHMS)}")
    with warnings.catch_warnings():
        # Fewer clusters than asked for, or more steps wanted: the figures show it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _OF_POINTS[algorithm](points, k, seed)
