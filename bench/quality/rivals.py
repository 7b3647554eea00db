"""The same stream of vectors through other online clusterers: agreement, flapping, throughput."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from river import cluster
from sklearn.metrics import adjusted_rand_score

from bench.quality.data.in_memory_customers import fold_into, vector_days
from bench.quality.data.order_logs import OrderLog
from bench.quality.data.worker_on_redis import HALF_LIFE_MS
from bench.quality.inertia_and_agreement import Refit, flaps
from bench.quality.models.forgetful_kmeans import ForgetfulKMeans
from bench.quality.models.rival_models import (
    NAMES,
    EventByEvent,
    PartialFit,
    Rival,
    ShoalModel,
    ShoalPublished,
    StreamingKMeans,
    river_from_centroids,
)
from bench.quality.real_log_against_refit import baseline_of
from events.arrays import Floats, Ints
from events.time_units import DAY_MS
from state.customers.records import blank_rows
from stream.model.segmenter import CentroidSegmenter

__all__ = ["measure_rivals"]

Figures = dict[str, Any]

_SECONDS: Final = 10.0
_SWEEP_DAYS: Final = 7
_FEW: Final = 5_000
_SPARK_DAYS: Final = 30.0
_SEED: Final = 42
_river: Any = cluster  # partly without types


class Stream(NamedTuple):
    """What every model gets: the baseline's centroids and customers, then vectors day by day.

    A day is its end (ms), the customers (m,), their vectors (m, d) then, and how many of them had an event.
    """

    start: Floats
    counts: Floats
    there: Ints
    everyone: Floats
    from_ms: int
    days: list[tuple[int, Ints, Floats, int]]
    final_of: Ints
    final: Floats
    customers: int


def measure_rivals(
    log: OrderLog, from_ms: int, k: int, groups: Mapping[str, str] | None = None
) -> dict[str, list[Figures]]:
    """Run every model over the days of a log from `from_ms` on; all get the same vectors, from the same baseline.

    Twice: with the customers of each day who had an event, and with everyone's vector every seventh day, as a sweep
    sees them. Agreement is with a fresh batch fit of all at the end, of the model as it stands then; `truth` with the
    customers' true `groups`, where these are known. A model that is slow is stopped after some seconds: `share` is the
    part that it got through. Of a large log 5,000 customers are taken.
    """
    log = _fewer(log)
    found = {}
    for name, swept in (("events", False), ("sweep", True)):
        stream = _stream(log, from_ms, k, swept=swept)
        fit = Refit(stream.final, k)
        wanted = {"agreement": fit.labels}
        if groups is not None:
            names = np.array([groups[log.names[i]] for i in stream.final_of])
            wanted["truth"] = np.unique(names, return_inverse=True)[1].astype(np.int64)
        runs = [{"model": model, **_run(make(), stream, wanted)} for model, make in _makers(stream).items()]
        fitted = {what: float(adjusted_rand_score(labels, fit.labels)) for what, labels in wanted.items()}
        found[name] = [{"model": "a fresh batch fit at the end", **fitted}, *runs]
    return found


def _fewer(log: OrderLog) -> OrderLog:
    if len(log.names) <= _FEW:
        return log
    chosen = np.random.default_rng(_SEED).choice(len(log.names), _FEW, replace=False)
    return OrderLog.of(log.columns.take(np.flatnonzero(np.isin(log.customers, chosen))))


def _stream(log: OrderLog, from_ms: int, k: int, *, swept: bool) -> Stream:
    cut = int(np.searchsorted(log.columns.times, from_ms))
    before, after = log.part(0, cut), log.part(cut, len(log))
    rows = blank_rows(len(log.names))
    fold_into(rows, before.columns, before.customers)
    baseline = baseline_of(rows, from_ms, k)
    segmenter = CentroidSegmenter(baseline, HALF_LIFE_MS)
    there = np.flatnonzero(rows["placed"] > 0)
    everyone = segmenter.vectors(rows[there], from_ms)
    days, now_ms, held = [], from_ms, 0
    end_ms = (int(after.columns.times[-1]) // DAY_MS + 1) * DAY_MS
    for now_ms, customers, vectors in vector_days(after, rows, segmenter):
        events = len(customers)
        if swept and (end_ms - now_ms) // DAY_MS % _SWEEP_DAYS:
            held += events
            continue
        if swept:
            events, held = events + held, 0
            customers = np.flatnonzero(rows["placed"] > 0)
            vectors = segmenter.vectors(rows[customers], now_ms)
        if len(customers):
            days.append((now_ms, customers, vectors, events))
    final_of = np.flatnonzero(rows["placed"] > 0)
    counts = np.array([each.customers for each in baseline.segments], np.float64)
    return Stream(
        *(segmenter.model.centroids, counts, there, everyone, from_ms, days),
        *(final_of, segmenter.vectors(rows[final_of], now_ms), len(rows)),
    )


def _makers(stream: Stream) -> dict[str, Callable[[], Rival]]:
    k, start, everyone = len(stream.start), stream.start, stream.everyone
    mine = (start, stream.customers, everyone, stream.there)
    return {
        "Shoal, published": lambda: ShoalPublished(*mine),
        "Shoal, own cluster": lambda: ShoalModel(*mine),
        "river KMeans, warm, step 0.1": lambda: EventByEvent(river_from_centroids(start, 0.1)),
        "river KMeans, warm, step 0.02": lambda: EventByEvent(river_from_centroids(start, 0.02)),
        "river KMeans, random centres": lambda: EventByEvent(cluster.KMeans(k, halflife=0.1, seed=_SEED), everyone),
        "river STREAMKMeans": lambda: EventByEvent(
            _river.STREAMKMeans(chunk_size=100, n_clusters=k, halflife=0.5, seed=_SEED), everyone
        ),
        "river CluStream": lambda: EventByEvent(
            cluster.CluStream(n_macro_clusters=k, max_micro_clusters=50, time_window=1_000, seed=_SEED), everyone
        ),
        "river DBSTREAM": lambda: EventByEvent(cluster.DBSTREAM(clustering_threshold=0.6), everyone),
        "MiniBatchKMeans.partial_fit": lambda: PartialFit(start, everyone),
        "Spark's rule, half-life 30 days": lambda: StreamingKMeans(
            ForgetfulKMeans(start, NAMES, _SPARK_DAYS * DAY_MS, stream.counts, stream.from_ms)
        ),
    }


def _run(model: Rival, stream: Stream, wanted: Mapping[str, Ints]) -> Figures:
    last = np.full(stream.customers, -1, np.int64)
    moves: list[tuple[Ints, Ints, Ints, Ints]] = []
    seconds, events, learned, last_day = 0.0, 0, 0, False
    for at_ms, customers, vectors, happened in stream.days:
        began = time.perf_counter()
        labels = model.day(customers, vectors, at_ms)
        seconds += time.perf_counter() - began
        moves.append(_moved(last, customers, labels, at_ms))
        last[customers] = labels
        events, learned = events + happened, learned + len(customers)
        last_day = at_ms == stream.days[-1][0]
        if seconds > _SECONDS:
            break
    final = model.labels(stream.final_of, stream.final) if last_day else None
    who, when, source, target = (np.concatenate([each[i] for each in moves]) for i in range(4))
    return {
        **{
            what: None if final is None else float(adjusted_rand_score(labels, final))
            for what, labels in wanted.items()
        },
        "changes_per_event": len(who) / events,
        "returns_per_event": flaps(who, when, source, target) / events,
        "vectors_per_s": learned / seconds,
        "share": learned / sum(len(customers) for _, customers, _, _ in stream.days),
    }


def _moved(last: Ints, customers: Ints, labels: Ints, at_ms: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Return whose label changed, when, from what, and to what."""
    moved = (last[customers] >= 0) & (last[customers] != labels)
    who = customers[moved]
    return who, np.full(len(who), at_ms), last[who], labels[moved]
