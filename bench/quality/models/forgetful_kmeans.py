"""k-means that learns by event and forgets with time: the alternative to learning by customer."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from events.arrays import Floats
from state.partitions.model_sums import ModelSums
from stream.model.kmeans import OnlineKMeans

__all__ = ["ForgetfulKMeans"]

Labels = npt.NDArray[np.int64]


class ForgetfulKMeans(OnlineKMeans):
    """Every event pulls its nearest centroid along; what was learned t ms ago weighs 2^(-t / half-life).

    The rule of Spark's StreamingKMeans code: n <- a·n, then c <- (n·c + m·mean) / (n + m) and n <- n + m, for a batch
    of m vectors with the given mean that are nearest to c, a being the decay since the last batch. The service does not
    use it: who buys often votes often, and nothing is kept that could be reverted (docs/quality.md compares).

    Parameters
    ----------
    centroids
        Starting centroids (k, d) in standardised units.
    features
        Names of the d features.
    half_life_ms
        Time after which an event counts half; it is a time, unlike river's `halflife`, which is a step.
    weights
        Events (k,) that the starting centroids stand for; none where it is left out.
    at_ms
        When it begins, ms since 1970 UTC.

    Examples:
    --------
    >>> model = ForgetfulKMeans(np.array([[0.0]]), ["recency"], half_life_ms=10.0, weights=np.array([2.0]))
    >>> model.learn_many(np.array([[3.0]]), at_ms=10).tolist()
    [0]
    >>> model.centroids.tolist()
    [[1.5]]

    References:
    ----------
    Apache Spark, StreamingKMeansModel.update (mllib/clustering/StreamingKMeans.scala).
    """

    def __init__(
        self,
        centroids: Floats,
        features: Sequence[Hashable],
        half_life_ms: float,
        weights: Floats | None = None,
        at_ms: int = 0,
    ) -> None:
        super().__init__(centroids, features)
        self.half_life_ms, self.weights, self.at_ms = half_life_ms, weights, at_ms
        start = np.zeros(len(self.centroids)) if weights is None else np.asarray(weights, np.float64)
        self._weights = np.repeat(start[:, None], self.centroids.shape[1], axis=1)
        self._now_ms = at_ms

    def learn_many(self, vectors: Floats, labels: Labels | None = None, at_ms: int | None = None) -> Labels:
        """Learn events (n, d) of one time (the last, unless given) and return the labels (n,) they were learned into.

        A missing feature (NaN) moves nothing; an event that comes late weighs as one of the newest time.
        """
        labels = self.predict_many(vectors) if labels is None else labels
        now_ms = max(self._now_ms, self._now_ms if at_ms is None else at_ms)
        self._weights *= np.exp2((self._now_ms - now_ms) / self.half_life_ms)
        self._now_ms = now_ms
        known = labels >= 0
        batch = ModelSums.of(vectors[known], labels[known], len(self.centroids))
        total = self._weights + batch.weights
        moved = batch.weights > 0
        self.centroids = np.where(
            moved, (self._weights * self.centroids + batch.sums) / np.where(moved, total, 1.0), self.centroids
        )
        self._weights = total
        self._sync_centers()
        return labels

    def recenter(self) -> None:
        """Do nothing: learning has moved the centroids."""

    def revert_many(self, vectors: Floats, labels: Labels) -> None:
        """Raise NotImplementedError: what was learned has been mixed in and faded since."""
        raise NotImplementedError("learning by event keeps nothing that could be taken out again")

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"centroids": np.array([[0.0, 0.0], [1.0, 1.0]]), "features": ["a", "b"], "half_life_ms": 1_000.0}
