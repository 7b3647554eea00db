"""Lloyd's iteration until it converges, as the live model would continue it; missing values are left out."""

import numpy as np

from events.arrays import Floats, Ints
from state.partitions.model_sums import ModelSums
from stream.model.kmeans import OnlineKMeans

__all__ = ["nearest_labels", "run_lloyd"]


_ITERATIONS = 100
_CHUNK = 200_000


def run_lloyd(standard: Floats, labels: Ints, k: int, features: list[str]) -> tuple[Floats, Ints]:
    """Return the centroids (k, d) and labels (n,) on which Lloyd's iteration from these labels converges.

    The live model is this iteration over the live customers, so a baseline that has not run_lloyd would start to drift
    the moment it goes live. `standard` (n, d) may hold NaN; labels of -1 (outliers) do not count at the start.
    """
    known = labels >= 0
    centroids = ModelSums.of(standard[known], labels[known], k).means(np.zeros((k, standard.shape[1])))
    found = labels
    for _ in range(_ITERATIONS):
        model = OnlineKMeans(centroids, features)
        before, found = found, model.learn_many(standard)
        model.recenter()
        centroids = model.centroids
        if np.array_equal(before, found):
            break
    return centroids, nearest_labels(standard, centroids, features)


def nearest_labels(standard: Floats, centroids: Floats, features: list[str]) -> Ints:
    """Return the nearest centroid (n,) of each vector (n, d), -1 where all is missing, in bounded memory."""
    model = OnlineKMeans(centroids, features)
    parts = [model.predict_many(standard[start : start + _CHUNK]) for start in range(0, len(standard), _CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
