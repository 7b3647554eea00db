"""river's k-means, extended to micro-batches, to taking customers out again, and to missing features."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
from river import cluster

from events.arrays import Floats, Ints
from state.partitions.model_sums import ModelSums

__all__ = ["OnlineKMeans"]


class OnlineKMeans(cluster.KMeans):
    """Incremental Lloyd iteration over a live population: a centroid is the mean of its present members.

    river's KMeans moves a centre by a constant step with every event. Here every customer votes once: when its
    features change, `revert_many` takes the old vector out of the sums (river's update/revert idiom) and
    `learn_many` puts the new one in. Labels come from `centroids`, which stay put until `recenter`, so that all
    workers label by the same centroids until the leader publishes new ones.

    Parameters
    ----------
    centroids
        Starting centroids (k, d) in standardised units, from a baseline; never random.
    features
        Names of the d features; the keys of `x` in the one-by-one methods.
    step
        Where it is set, `learn_one` is river's own rule (its `halflife`): each event moves the nearest centroid by
        this share of the way, and nothing is kept that could be reverted. For comparison; the service leaves it out.

    Examples:
    --------
    >>> model = OnlineKMeans(np.array([[0.0, 0.0], [4.0, 4.0]]), ["recency", "frequency"])
    >>> labels = model.learn_many(np.array([[1.0, 1.0], [3.0, 5.0], [5.0, np.nan]]))
    >>> labels.tolist()
    [0, 1, 1]
    >>> model.recenter()
    >>> dict(model.centers[1])
    {'recency': 4.0, 'frequency': 5.0}
    >>> model.revert_many(np.array([[3.0, 5.0]]), np.array([1]))
    >>> model.recenter()
    >>> model.predict_one({"recency": 4.6}), dict(model.centers[1])
    (1, {'recency': 5.0, 'frequency': 5.0})

    References:
    ----------
    S. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28 (1982).
    """

    def __init__(self, centroids: Floats, features: Sequence[Hashable], step: float | None = None) -> None:
        super().__init__(n_clusters=len(centroids), halflife=step or 0.5, seed=0)
        self.step = step
        self.centroids = np.array(centroids, np.float64)
        self.features = list(features)
        self.sums = ModelSums.zeros(*self.centroids.shape)
        self._sync_centers()

    def distances_many(self, vectors: Floats) -> Floats:
        """Return the Euclidean distances (n, k) of vectors (n, d) to the centroids.

        Missing features (NaN) are left out and the rest scaled up to d (the nan-Euclidean distance of
        scikit-learn); where all are missing, the distances are NaN.
        """
        squared = np.zeros((len(vectors), len(self.centroids)))
        missing = np.isnan(vectors)
        filled = np.where(missing, 0.0, vectors) if missing.any() else vectors
        for feature, centers in enumerate(self.centroids.T):  # several times as fast as summing rows of three
            difference = filled[:, feature, None] - centers
            difference *= difference
            if filled is not vectors:
                difference[missing[:, feature]] = 0.0
            squared += difference
        if filled is not vectors:
            present = (~missing).sum(axis=1)
            squared *= np.where(present > 0, vectors.shape[1] / np.maximum(present, 1), np.nan)[:, None]
        return np.asarray(np.sqrt(squared))

    def predict_many(self, vectors: Floats) -> Ints:
        """Return the nearest centroid (n,) of each vector (n, d), -1 where all its features are missing."""
        return nearest(self.distances_many(vectors))

    def learn_many(self, vectors: Floats, labels: Ints | None = None) -> Ints:
        """Add vectors (n, d) to the sums of their clusters (the nearest, unless given) and return the labels."""
        labels = self.predict_many(vectors) if labels is None else labels
        assigned = labels >= 0
        self.sums = self.sums.plus(vectors[assigned], labels[assigned])
        return labels

    def revert_many(self, vectors: Floats, labels: Ints) -> None:
        """Take vectors (n, d) out of the sums of the clusters (n,) that they were learned into."""
        assigned = labels >= 0
        self.sums = self.sums.minus(vectors[assigned], labels[assigned])

    def recenter(self) -> None:
        """Move each centroid to the mean of its members; one without members stays where it is."""
        self.centroids = self.sums.means(otherwise=self.centroids)
        self._sync_centers()

    def learn_one(self, x: dict[Hashable, float]) -> None:
        """Learn one customer and move its centroid."""
        self.learn_predict_one(x)

    def predict_one(self, x: dict[Hashable, float]) -> int:
        """Return the nearest centroid; unlike river's, without changing the model on unknown keys."""
        return int(self.predict_many(self._vector(x))[0])

    def learn_predict_one(self, x: dict[Hashable, float]) -> int:
        """Learn one customer and return the cluster that it was learned into."""
        vector = self._vector(x)
        if self.step is not None:
            return self._step_to(vector[0])
        label = int(self.learn_many(vector)[0])
        self.recenter()
        return label

    def _step_to(self, vector: Floats) -> int:
        label = int(self.predict_many(vector[None, :])[0])
        if label >= 0:
            self.centroids[label] += np.nan_to_num(self.halflife * (vector - self.centroids[label]))
            self._sync_centers()
        return label

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"centroids": np.array([[0.0, 0.0], [1.0, 1.0]]), "features": ["recency", "frequency"]}
        yield {"centroids": np.array([[0.0], [1.0]]), "features": ["recency"], "step": 0.1}

    def _vector(self, x: dict[Hashable, float]) -> Floats:
        return np.array([[x.get(name, np.nan) for name in self.features]], np.float64)

    def _sync_centers(self) -> None:
        self.centers = {
            label: defaultdict(float, zip(self.features, row, strict=True))
            for label, row in enumerate(self.centroids.tolist())
        }


def nearest(distances: Floats) -> Ints:
    """Return the column (n,) of the smallest distance of each row of (n, k), -1 for rows of NaN."""
    if not distances.size:
        return np.full(len(distances), -1, np.int64)
    if not np.isnan(distances.sum()):  # one pass, where every distance is known
        return np.asarray(np.argmin(distances, axis=1))
    known = np.asarray(~np.isnan(distances).any(axis=1))
    return np.where(known, np.argmin(np.where(known[:, None], distances, 0.0), axis=1), -1)
