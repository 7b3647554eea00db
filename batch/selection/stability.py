"""Stability of a clustering: agreement between refits on bootstrap samples."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from sklearn.metrics import adjusted_rand_score

from batch.clustering import cluster
from batch.clustering.clustering_result import cluster_means, nearest_mean
from events.arrays import Floats

__all__ = ["stability"]


_REFITS = 4
_SAMPLE = 1_000


def stability(algorithm: str, points: Floats, k: int, seed: int, features: Sequence[str]) -> float | None:
    """Return the mean adjusted Rand index between refits on bootstrap samples; None where fewer than two succeed.

    Each refit is carried over to the same points (at most 1,000 of the n) by the nearest mean: C. Hennig,
    "Cluster-wise assessment of cluster stability", CSDA 52 (2007), with the adjusted Rand index of L. Hubert and
    P. Arabie, "Comparing partitions", Journal of Classification 2 (1985).
    """
    random = np.random.default_rng(seed)
    common = points[random.permutation(len(points))[:_SAMPLE]]
    labels = []
    for refit in range(_REFITS):
        drawn = common[random.integers(0, len(common), len(common))]
        if len(np.unique(drawn, axis=0)) < k:
            continue
        fitted = cluster(algorithm, drawn, k, seed + refit, features)
        if fitted.k:
            labels.append(nearest_mean(common, cluster_means(drawn, fitted.labels, fitted.k)))
    pairs = [adjusted_rand_score(one, other) for one, other in combinations(labels, 2)]
    return float(np.mean(pairs)) if pairs else None
