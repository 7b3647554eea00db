"""The algorithms by name."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans, MiniBatchKMeans

from batch.refusals import AlgorithmUnknown

__all__ = ["ALGORITHMS", "cluster"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def k_means(points: Floats, k: int, seed: int) -> Labels:
    """Return the labels of the best of ten Lloyd runs from k-means++ starts (Arthur and Vassilvitskii 2007)."""
    return np.asarray(KMeans(k, init="k-means++", n_init=10, random_state=seed).fit(points).labels_, np.int64)


def mini_batch_k_means(points: Floats, k: int, seed: int) -> Labels:
    """Return the labels of mini-batch k-means (Sculley 2010)."""
    fitted = MiniBatchKMeans(k, n_init=5, batch_size=4_096, random_state=seed).fit(points)
    return np.asarray(fitted.labels_, np.int64)


ALGORITHMS: Final[dict[str, Callable[[Floats, int, int], Labels]]] = {
    "k-means": k_means,
    "mini-batch-k-means": mini_batch_k_means,
}


def cluster(algorithm: str, points: Floats, k: int, seed: int) -> Labels:
    """Return the labels (n,) of points (n, d; no NaN). Raises AlgorithmUnknown."""
    if algorithm not in ALGORITHMS:
        raise AlgorithmUnknown(f"there is no algorithm {algorithm!r}; choose from {', '.join(ALGORITHMS)}")
    return ALGORITHMS[algorithm](points, k, seed)
