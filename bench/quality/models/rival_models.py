"""Online clusterers behind one face: the live model, and what river and scikit-learn offer."""

from typing import Any, Final, Protocol

import numpy as np
from river import cluster
from sklearn.cluster import MiniBatchKMeans

from bench.quality.models.forgetful_kmeans import ForgetfulKMeans
from events.arrays import Floats, Ints
from stream.model.border_update_policy import BorderCost, BorderPolicy
from stream.model.kmeans import OnlineKMeans, nearest
from stream.settings import StreamSettings

__all__ = [
    "NAMES",
    "EventByEvent",
    "PartialFit",
    "Rival",
    "ShoalModel",
    "ShoalPublished",
    "StreamingKMeans",
    "river_from_centroids",
]


NAMES: Final = ("recency", "frequency", "monetary")
_SEED: Final = 42
_SEEN_BEFORE: Final = 5_000


class Rival(Protocol):
    """Learns and labels customers."""

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Learn vectors (m, d) of distinct customers (m,), and return the labels (m,) that they have after that."""
        ...

    def labels(self, customers: Ints, vectors: Floats) -> Ints:
        """Return the labels (n,) of customers (n,) as it stands, without learning."""
        ...


class ShoalModel:
    """Shoal's model: each customer votes once; the centroids move after each batch."""

    def __init__(self, centroids: Floats, customers: int, everyone: Floats, there: Ints) -> None:
        self.model = OnlineKMeans(centroids, list(NAMES))
        self._vectors = np.zeros((customers, centroids.shape[1]))
        self._own = np.full(customers, -1, np.int64)
        self.day(there, everyone, 0)

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Take the old vectors out and put the new ones in."""
        self.model.revert_many(self._vectors[customers], self._own[customers])
        own = self.model.learn_many(vectors)
        self._vectors[customers], self._own[customers] = vectors, own
        self.model.recenter()
        return own

    def labels(self, customers: Ints, vectors: Floats) -> Ints:
        """Label by the centroids."""
        return self.model.predict_many(vectors)


class ShoalPublished(ShoalModel):
    """Shoal as the world sees it: the same model, with held borders and hysteresis."""

    def __init__(self, centroids: Floats, customers: int, everyone: Floats, there: Ints) -> None:
        self._shown = np.full(customers, -1, np.int64)
        self._borders = centroids
        super().__init__(centroids, customers, everyone, there)

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Learn, decide what to show, and let the borders follow where they cost too much."""
        super().day(customers, vectors, at_ms)
        settings = StreamSettings()
        distances = OnlineKMeans(self._borders, list(NAMES)).distances_many(vectors)
        closest, shown, rows = nearest(distances), self._shown[customers], np.arange(len(vectors))
        stays = (shown >= 0) & ~(distances[rows, closest] < (1 - settings.hysteresis) * distances[rows, shown])
        self._shown[customers] = np.where(stays, shown, closest)
        near = self.model.distances_many(vectors).min(axis=1)
        cost = BorderCost(len(vectors), float((near**2).sum()), float((distances.min(axis=1) ** 2).sum()))
        if BorderPolicy(settings.border_tolerance).exceeds_tolerance(cost, len(self._borders)):
            self._borders = self.model.centroids
        return self._shown[customers]

    def labels(self, customers: Ints, vectors: Floats) -> Ints:
        """Tell what is shown."""
        return self._shown[customers]


class StreamingKMeans:
    """The rule of Spark's StreamingKMeans."""

    def __init__(self, model: ForgetfulKMeans) -> None:
        self._model = model

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Learn, then label."""
        self._model.learn_many(vectors, at_ms=at_ms)
        return self._model.predict_many(vectors)

    def labels(self, customers: Ints, vectors: Floats) -> Ints:
        """Label."""
        return self._model.predict_many(vectors)


class PartialFit:
    """scikit-learn's MiniBatchKMeans, fed by partial_fit, from the baseline's centroids and customers."""

    def __init__(self, centroids: Floats, everyone: Floats) -> None:
        self._model = MiniBatchKMeans(len(centroids), init=centroids, n_init=1, random_state=_SEED)
        self._model.partial_fit(everyone)

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Learn, then label."""
        self._model.partial_fit(vectors)
        return self.labels(customers, vectors)

    def labels(self, customers: Ints, vectors: Floats) -> Ints:
        """Label."""
        return np.asarray(self._model.predict(vectors), np.int64)


class EventByEvent:
    """A river clusterer; one that cannot be given centroids first learns a sample of the baseline's customers."""

    def __init__(self, model: Any, everyone: Floats | None = None) -> None:
        self._model = model
        if everyone is not None:
            for x in _dicts(np.random.default_rng(_SEED).permutation(everyone)[:_SEEN_BEFORE]):
                self._model.learn_one(x)

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Learn and label one after the other."""
        found = []
        for x in _dicts(vectors):
            self._model.learn_one(x)
            found.append(self._model.predict_one(x))
        return np.array(found, np.int64)

    def labels(self, customers: Ints, vectors: Floats) -> Ints:
        """Label."""
        return np.array([self._model.predict_one(x) for x in _dicts(vectors)], np.int64)


def river_from_centroids(centroids: Floats, step: float) -> Any:
    """Return river's KMeans that begins with centroids (k, d)."""
    model = cluster.KMeans(n_clusters=len(centroids), halflife=step, seed=_SEED)
    for center, row in zip(model.centers.values(), _dicts(centroids), strict=True):
        center.update(row)
    return model


def _dicts(vectors: Floats) -> list[dict[str, float]]:
    return [dict(zip(NAMES, row, strict=True)) for row in vectors.tolist()]
