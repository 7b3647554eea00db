"""The second half of a real log after a baseline on the first, against a fresh batch fit at the end."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import redis
from sklearn.cluster import KMeans

from bench.quality.data.in_memory_customers import fold_into, vector_days
from bench.quality.data.order_logs import OrderLog
from bench.quality.data.worker_on_redis import HALF_LIFE_MS, Service
from bench.quality.inertia_and_agreement import Refit, flaps, inertia
from bench.quality.models.forgetful_kmeans import ForgetfulKMeans
from bench.quality.models.kmeans_by_event import ConstantStep
from bench.quality.models.self_feeding import MARGIN, SelfFeeding
from events.arrays import Floats, Ints
from events.schema.outputs import Baseline, BaselineSegment, Lifecycle, Stage
from events.segment_changes import Change, segment_number
from events.time_units import DAY_MS
from state.customers.records import Rows, blank_rows
from stream.customers.features import DEFAULT_FEATURES, feature_matrix
from stream.customers.lifecycle import STAGE_NAMES, STAGES, stages_of
from stream.model.baseline_zero import SEGMENT_NAMES
from stream.model.segmenter import CentroidSegmenter
from stream.settings import StreamSettings

__all__ = ["baseline_of", "by_customer", "by_event", "halves", "moves_of", "self_feeding", "with_stages"]

Figures = dict[str, Any]

_RFM: Final = ("recency", "frequency", "monetary")
_SEED = 42
_STEP = 0.02
_SPARK_DAYS = 30.0


def halves(log: OrderLog) -> tuple[OrderLog, OrderLog]:
    """Return the log's first and second half by number of orders; a day is not divided."""
    middle = int(log.columns.times[len(log) // 2]) // DAY_MS * DAY_MS
    cut = int(np.searchsorted(log.columns.times, middle))
    return log.part(0, cut), log.part(cut, len(log))


def baseline_of(rows: Rows, now_ms: int, k: int, number: int = 1, rule: Lifecycle | None = None) -> Baseline:
    """Fit a baseline to the customers that are there: standardised features, k-means++ with ten starts.

    With the rule of a lifecycle it is what the service has: its default features, of those who are in none of the
    stages. Without, RFM of all, so that rules of learning are compared with nothing else between them.
    """
    features = list(DEFAULT_FEATURES if rule else _RFM)
    there = rows[rows["placed"] > 0]
    stages = np.full(len(there), -1, np.int64) if rule is None else stages_of(there, now_ms, rule)
    matrix = feature_matrix(there, features, now_ms, HALF_LIFE_MS)
    center, scale = matrix[stages < 0].mean(axis=0), matrix[stages < 0].std(axis=0)
    standard = (matrix - center) / scale
    fitted = KMeans(k, n_init=10, random_state=_SEED).fit(standard[stages < 0])
    tiers = len(SEGMENT_NAMES) if rule else 0  # else the margin would hold customers in the tier of the same number
    segments = [_segment(tiers + i, f"Group {i + 1}", standard[stages < 0][fitted.labels_ == i]) for i in range(k)]
    if rule is not None:
        segments += [
            _segment(tiers + k + i, STAGE_NAMES[stage], standard[stages == i], stage) for i, stage in enumerate(STAGES)
        ]
    return Baseline(
        baseline=number,
        status="approved",
        created_at=datetime.fromtimestamp(now_ms / 1000, UTC),
        algorithm="k-means",
        features=features,
        center=center.tolist(),
        scale=scale.tolist(),
        segments=segments,
        k=k,
        silhouette=None,
        inertia=float(fitted.inertia_),
        lifecycle=rule,
    )


def _segment(place: int, name: str, members: Floats, stage: Stage | None = None) -> BaselineSegment:
    mean = np.nan_to_num(members.mean(axis=0)) if len(members) else np.zeros(members.shape[1])
    return BaselineSegment(
        segment_id=f"s{place + 1}",
        segment=name,
        centroid=mean.tolist(),
        profile={},
        customers=len(members),
        stage=stage,
    )


def self_feeding(client: redis.Redis, log: OrderLog, k: int) -> Figures:
    """Run the service over a log with published segments that feed the sums, and borders that follow at once."""
    following = StreamSettings(border_tolerance=0.0, hysteresis=MARGIN)
    found = _compared(Service(client, following, rule=SelfFeeding), log, k)
    return {name: found[name] for name in ("inertia", "published")}


def by_customer(client: redis.Redis, log: OrderLog, k: int) -> Figures:
    """Run the service over a log and compare where it stands at the end."""
    return _compared(Service(client), log, k)


def with_stages(client: redis.Redis, log: OrderLog, k: int) -> Figures:
    """Run the service over a log as it is by default: the stages of the lifecycle, and k learned segments of the rest.

    Compared is the rest, in the same features.
    """
    return _compared(Service(client), log, k, Lifecycle())


def _compared(service: Service, log: OrderLog, k: int, rule: Lifecycle | None = None) -> Figures:
    first, second = halves(log)
    began = time.monotonic()
    for end_ms, orders in first.days():
        service.day(end_ms, orders, sweep=False)
    service.approve(baseline_of(service.customers().rows, service.clock.now, k, rule=rule))
    earlier = len(service.log.changes)
    for end_ms, orders in second.days():
        service.day(end_ms, orders)
    seconds = time.monotonic() - began
    changes = service.log.changes[earlier:]
    batch = service.customers()
    segmenter = service.live.segmenter
    assert isinstance(segmenter, CentroidSegmenter)  # noqa: S101 - the baseline is live
    rows, now_ms = batch.rows, service.clock.now
    rows = rows if rule is None else rows[stages_of(rows, now_ms, rule) < 0]
    vectors = segmenter.vectors(rows, now_ms)
    fresh = Refit(vectors, k)
    moves = [each for each in changes if each.previous]
    return {
        "customers": len(rows),
        "inertia": inertia(vectors, segmenter.model.centroids[:k]) / fresh.inertia,
        "published": fresh.agreement(rows["segment"].astype(np.int64)),
        "nearest": fresh.agreement(rows["cluster"].astype(np.int64)),
        "unique": fresh.unique,
        "changes_per_event": len(moves) / len(second),
        "flaps_per_event": flaps(*moves_of(moves)) / len(second),
        "model_changes_per_event": sum(each.cause == "model" for each in moves) / len(second),
        "seconds": seconds,
    }


def moves_of(changes: Sequence[Change]) -> tuple[Ints, Ints, Ints, Ints]:
    """Return whose each change is (by number), when it was (ms), from which segment number, and to which."""
    return (
        np.unique([each.customer_id for each in changes], return_inverse=True)[1].astype(np.int64),
        np.array([round(datetime.fromisoformat(each.changed_at).timestamp() * 1000) for each in changes], np.int64),
        np.array([segment_number(each.previous or "") for each in changes], np.int64),
        np.array([segment_number(each.segment_id or "") for each in changes], np.int64),
    )


def by_event(log: OrderLog, k: int) -> Figures:
    """Run the rules that learn by event over a log, from the same baseline."""
    first, second = halves(log)
    rows = blank_rows(len(log.names))
    fold_into(rows, first.columns, first.customers)
    now_ms = int(first.columns.times[-1]) // DAY_MS * DAY_MS + DAY_MS
    baseline = baseline_of(rows, now_ms, k)
    segmenter = CentroidSegmenter(baseline, HALF_LIFE_MS)
    start = segmenter.model.centroids
    counts = np.array([each.customers for each in baseline.segments], np.float64)
    river = ConstantStep(start, _STEP)
    spark = ForgetfulKMeans(start, segmenter.features, _SPARK_DAYS * DAY_MS, counts, now_ms)
    end_ms = now_ms
    for end_ms, _, vectors in vector_days(second, rows, segmenter):
        river.learn_many(vectors, end_ms)
        spark.learn_many(vectors, at_ms=end_ms)
    final = segmenter.vectors(rows, end_ms)
    fresh = Refit(final, k)
    found: Figures = {}
    for name, centroids in (("frozen", start), ("river", river.centroids), ("spark", spark.centroids)):
        labels = ConstantStep(centroids, 0.0).predict_many(final)
        found[name] = {"inertia": inertia(final, centroids) / fresh.inertia, "nearest": fresh.agreement(labels)}
    return found
