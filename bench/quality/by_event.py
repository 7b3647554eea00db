"""Learning by event, to be compared with learning by customer: river's constant step and Spark's forgetful average."""

import numpy as np
import numpy.typing as npt

from stream.kmeans import nearest

__all__ = ["ConstantStep", "ForgetfulMean"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class _Centroids:
    """Centroids (k, d) that label by the nearest."""

    def __init__(self, centroids: Floats) -> None:
        self.centroids = np.array(centroids, np.float64)

    def predict_many(self, vectors: Floats) -> Ints:
        """Return the nearest centroid (n,) of each vector (n, d)."""
        return nearest(np.sqrt(((vectors[:, None, :] - self.centroids[None, :, :]) ** 2).sum(axis=2)))


class ConstantStep(_Centroids):
    """river's rule: with each event the nearest centroid moves by a share `step` of the way (river calls it halflife).

    >>> model = ConstantStep(np.array([[0.0], [10.0]]), step=0.5)
    >>> model.learn_many(np.array([[4.0], [8.0]]), at_ms=0)
    >>> model.centroids.tolist()
    [[2.0], [9.0]]
    """

    def __init__(self, centroids: Floats, step: float) -> None:
        super().__init__(centroids)
        self._step = step

    def learn_many(self, vectors: Floats, at_ms: int) -> None:
        """Learn vectors (n, d) one after the other."""
        for vector in vectors:
            closest = int(((self.centroids - vector) ** 2).sum(axis=1).argmin())
            self.centroids[closest] += self._step * (vector - self.centroids[closest])


class ForgetfulMean(_Centroids):
    """The rule of Spark's StreamingKMeans: what was learned t ms ago weighs 2^(-t / half-life).

    n ← a·n, then c ← (n·c + m·mean) / (n + m) and n ← n + m, for m vectors with the given mean that are nearest to c.
    `weights` (k,) are the customers that each centroid starts with.

    >>> model = ForgetfulMean(np.array([[0.0]]), np.array([2.0]), half_life_ms=10.0, at_ms=0)
    >>> model.learn_many(np.array([[3.0]]), at_ms=10)
    >>> model.centroids.tolist()
    [[1.5]]
    """

    def __init__(self, centroids: Floats, weights: Floats, half_life_ms: float, at_ms: int) -> None:
        super().__init__(centroids)
        self._weights, self._half_life_ms, self._at_ms = np.array(weights, np.float64), half_life_ms, at_ms

    def learn_many(self, vectors: Floats, at_ms: int) -> None:
        """Learn a batch of vectors (n, d) at a time (ms)."""
        self._weights *= np.exp2((self._at_ms - at_ms) / self._half_life_ms)
        self._at_ms = at_ms
        labels = self.predict_many(vectors)
        for label in np.unique(labels).tolist():
            members = vectors[labels == label]
            m, n = len(members), self._weights[label]
            self.centroids[label] = (n * self.centroids[label] + m * members.mean(axis=0)) / (n + m)
            self._weights[label] = n + m
