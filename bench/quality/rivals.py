"""The same stream of vectors through other online clusterers: agreement, flapping, throughput."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from river import cluster
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score

from bench.quality.by_event import ConstantStep, ForgetfulMean
from bench.quality.event_log import DAY_MS, EventLog
from bench.quality.halves import baseline_of
from bench.quality.measures import Refit, flaps
from bench.quality.population import fold_into, vector_days
from bench.quality.service import HALF_LIFE_MS
from state.records import blank_rows
from stream.kmeans import OnlineKMeans
from stream.segmenter import CentroidSegmenter

__all__ = ["measure_rivals"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Figures = dict[str, Any]

_NAMES: Final = ("recency", "frequency", "monetary")
_SECONDS: Final = 4.0
_SPARK_DAYS: Final = 30.0
_SEED: Final = 42
_river: Any = cluster  # partly without types


class Rival(Protocol):
    """Learns and labels the customers of a day."""

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Learn vectors (m, d) of distinct customers (m,), and return their labels (m,) after that."""
        ...

    def labels(self, vectors: Floats) -> Ints:
        """Return the labels (n,) of everyone at the end."""
        ...


class ByCustomer:
    """Shoal's model: each customer votes once; the centroids move at the end of the day."""

    def __init__(self, centroids: Floats, everyone: Floats, there: Ints) -> None:
        self._model = OnlineKMeans(centroids, list(_NAMES))
        self._vectors = np.zeros((int(there.max(initial=0)) + 1, centroids.shape[1]))
        self._labels = np.full(len(self._vectors), -1, np.int64)
        self._vectors[there] = everyone
        self._labels[there] = self._model.learn_many(everyone)
        self._model.recenter()

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Take the old vectors out and put the new ones in."""
        self._grow(int(customers.max(initial=0)) + 1)
        self._model.revert_many(self._vectors[customers], self._labels[customers])
        labels = self._model.learn_many(vectors)
        self._vectors[customers], self._labels[customers] = vectors, labels
        self._model.recenter()
        return labels

    def labels(self, vectors: Floats) -> Ints:
        """Sweep: everyone's vector as it is now, until the next model."""
        self._model = OnlineKMeans(self._model.centroids, list(_NAMES))
        for _ in range(10):
            labels = self._model.learn_many(vectors)
            self._model.recenter()
            self._model = OnlineKMeans(self._model.centroids, list(_NAMES))
        return labels

    def _grow(self, n: int) -> None:
        more = n - len(self._labels)
        if more > 0:
            self._vectors = np.vstack([self._vectors, np.zeros((more, self._vectors.shape[1]))])
            self._labels = np.append(self._labels, np.full(more, -1))


class Batchwise:
    """A model with `learn_many(vectors, at_ms)` and `predict_many`."""

    def __init__(self, model: ConstantStep | ForgetfulMean) -> None:
        self._model = model

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Learn, then label."""
        self._model.learn_many(vectors, at_ms)
        return self._model.predict_many(vectors)

    def labels(self, vectors: Floats) -> Ints:
        """Label."""
        return self._model.predict_many(vectors)


class PartialFit:
    """scikit-learn's MiniBatchKMeans, fed by partial_fit, from the baseline's centroids."""

    def __init__(self, centroids: Floats, everyone: Floats) -> None:
        self._model = MiniBatchKMeans(len(centroids), init=centroids, n_init=1, random_state=_SEED)
        self._model.partial_fit(everyone)

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Learn, then label."""
        self._model.partial_fit(vectors)
        return self.labels(vectors)

    def labels(self, vectors: Floats) -> Ints:
        """Label."""
        return np.asarray(self._model.predict(vectors), np.int64)


class OneByOne:
    """A river clusterer."""

    def __init__(self, model: Any, everyone: Floats) -> None:
        self._model = model
        for x in _dicts(everyone[:2_000]):  # what it would have seen before
            self._model.learn_one(x)

    def day(self, customers: Ints, vectors: Floats, at_ms: int) -> Ints:
        """Learn and label one after the other."""
        found = []
        for x in _dicts(vectors):
            self._model.learn_one(x)
            found.append(self._model.predict_one(x))
        return np.array(found, np.int64)

    def labels(self, vectors: Floats) -> Ints:
        """Label."""
        return np.array([self._model.predict_one(x) for x in _dicts(vectors)], np.int64)


def _dicts(vectors: Floats) -> list[dict[str, float]]:
    return [dict(zip(_NAMES, row, strict=True)) for row in vectors.tolist()]


def _warm(centroids: Floats) -> Any:
    model = cluster.KMeans(n_clusters=len(centroids), halflife=0.1, seed=_SEED)
    for center, row in zip(model.centers.values(), _dicts(centroids), strict=True):
        center.update(row)
    return model


def measure_rivals(log: EventLog, from_ms: int, k: int, truth: Sequence[str] | None = None) -> list[Figures]:
    """Run every model over the days of a log from `from_ms` on; all see the same vectors, from the same baseline.

    Agreement is with `truth` (a group for each customer number) or else with a fresh batch fit. A model that is slow is
    stopped after some seconds, and judged where it stands: `share` is the part of the stream that it got through.
    """
    cut = int(np.searchsorted(log.columns.times, from_ms))
    before, after = log.part(0, cut), log.part(cut, len(log))
    rows = blank_rows(len(log.names))
    fold_into(rows, before.columns, before.customers)
    baseline = baseline_of(rows, from_ms, k)
    segmenter = CentroidSegmenter(baseline, HALF_LIFE_MS)
    start = segmenter.model.centroids
    there = np.flatnonzero(rows["placed"] > 0)
    everyone = segmenter.vectors(rows[there], from_ms)
    counts = np.array([each.customers for each in baseline.segments], np.float64)
    all_days = list(vector_days(after, rows, segmenter))
    now_ms, days = all_days[-1][0], [day for day in all_days if len(day[1])]
    final_of = np.flatnonzero(rows["placed"] > 0)
    final = segmenter.vectors(rows[final_of], now_ms)
    fresh = Refit(final, k)
    wanted = fresh.labels if truth is None else np.unique(np.array(truth)[final_of], return_inverse=True)[1]
    makers: dict[str, Callable[[], Rival]] = {
        "Shoal, by customer": lambda: ByCustomer(start, everyone, there),
        "river KMeans, warm, step 0.1": lambda: OneByOne(_warm(start), everyone),
        "river KMeans, random centres": lambda: OneByOne(cluster.KMeans(k, halflife=0.1, seed=_SEED), everyone),
        "river STREAMKMeans": lambda: OneByOne(
            _river.STREAMKMeans(chunk_size=100, n_clusters=k, halflife=0.5, seed=_SEED), everyone
        ),
        "river CluStream": lambda: OneByOne(
            cluster.CluStream(n_macro_clusters=k, max_micro_clusters=50, time_window=1_000, seed=_SEED), everyone
        ),
        "river DBSTREAM": lambda: OneByOne(cluster.DBSTREAM(clustering_threshold=0.6), everyone),
        "MiniBatchKMeans.partial_fit": lambda: PartialFit(start, everyone),
        "Spark's rule, half-life 30 days": lambda: Batchwise(
            ForgetfulMean(start, counts, _SPARK_DAYS * DAY_MS, from_ms)
        ),
    }
    return [{"model": name, **_run(make(), days, len(rows), final, wanted)} for name, make in makers.items()]


def _run(model: Rival, days: Sequence[tuple[int, Ints, Floats]], n: int, final: Floats, wanted: Ints) -> Figures:
    last = np.full(n, -1, np.int64)
    moves: list[tuple[Ints, Ints, Ints, Ints]] = []
    seconds, events, total = 0.0, 0, sum(len(customers) for _, customers, _ in days)
    for at_ms, customers, vectors in days:
        began = time.perf_counter()
        labels = model.day(customers, vectors, at_ms)
        seconds += time.perf_counter() - began
        moved = (last[customers] >= 0) & (last[customers] != labels)
        who = customers[moved]
        moves.append((who, np.full(len(who), at_ms), last[who], labels[moved]))
        last[customers] = labels
        events += len(customers)
        if seconds > _SECONDS:
            break
    who, when, source, target = (np.concatenate([each[i] for each in moves]) for i in range(4))
    return {
        "agreement": float(adjusted_rand_score(wanted, model.labels(final))),
        "changes_per_event": len(who) / events,
        "returns_per_event": flaps(who, when, source, target) / events,
        "events_per_s": events / seconds,
        "share": events / total,
    }
