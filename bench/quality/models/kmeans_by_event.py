"""Learning by event, to be compared with learning by customer: river's constant step, fast enough for a log."""

import numpy as np

from events.arrays import Floats, Ints
from stream.model.kmeans import nearest

__all__ = ["ConstantStep"]


class ConstantStep:
    """river's rule: with each event the nearest centroid moves by a share `step` of the way (river calls it halflife).

    >>> model = ConstantStep(np.array([[0.0], [10.0]]), step=0.5)
    >>> model.learn_many(np.array([[4.0], [8.0]]), at_ms=0)
    >>> model.centroids.tolist()
    [[2.0], [9.0]]
    """

    def __init__(self, centroids: Floats, step: float) -> None:
        self.centroids = np.array(centroids, np.float64)
        self._step = step

    def learn_many(self, vectors: Floats, at_ms: int) -> None:
        """Learn vectors (n, d) one after the other."""
        for vector in vectors:
            closest = int(((self.centroids - vector) ** 2).sum(axis=1).argmin())
            self.centroids[closest] += self._step * (vector - self.centroids[closest])

    def predict_many(self, vectors: Floats) -> Ints:
        """Return the nearest centroid (n,) of each vector (n, d)."""
        return nearest(np.sqrt(((vectors[:, None, :] - self.centroids[None, :, :]) ** 2).sum(axis=2)))
