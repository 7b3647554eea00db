"""Customers who are in Redis already when a measurement begins: written as a worker would have written them."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from bench.job.end_state import customer_ids
from bench.job.fixed_job import PARTITIONS
from consumers.runtime.commit import SegmentCommitter
from consumers.runtime.partition_batch import SegmentResult
from events.arrays import Ints
from events.codec.amount_columns import SCALE
from events.schema.outputs import Baseline
from events.time_units import DAY_MS, HOUR_MS
from events.topics.partitioning import partitions_of
from state.customers.current_segment_keys import SegmentViews
from state.customers.order_entries import KEY_BITS, order_words
from state.customers.records import CustomerBatch, Rows, blank_rows
from state.partitions.partition_store import OwnedPartition, PartitionStore
from state.settings import StateSettings
from state.store import keys
from stream.customers.decay import contributions
from stream.model.kmeans import OnlineKMeans
from stream.model.segmenter import CentroidSegmenter
from stream.moves.hysteresis import Hysteresis
from stream.moves.segmentation import SegmentationBatch, resegment, sums_for_baseline
from stream.settings import StreamSettings
from stream.worker_wiring import half_life_ms

__all__ = ["buyer_rows", "profile_rows", "store_customers", "with_converged_centroids"]


_CHUNK = 80_000
_ORDERS = 15
_SAMPLE = 50_000
_ITERATIONS = 200


def buyer_rows(numbers: Ints, now_ms: int) -> Rows:
    """Return the records (n,) of customers with 1 to 15 orders, the last of them within 300 days before `now_ms`."""
    rows, half_life = blank_rows(len(numbers)), half_life_ms(StateSettings())
    placed = 1 + numbers * 7 % _ORDERS
    last = now_ms - (numbers * 7_919 % (300 * 24)) * HOUR_MS
    rows["placed"], rows["gross"] = placed, placed * (2_000 + numbers * 31 % 9_000) * (SCALE // 100)
    rows["last_order"], rows["first_order"] = last, last - (placed - 1) * 5 * DAY_MS
    rows["decayed_orders"] = contributions(placed, last, half_life)
    rows["decayed_amount"] = contributions(rows["gross"], last, half_life)
    return rows


def profile_rows(numbers: Ints, now_ms: int) -> Rows:
    """Return the records (n,) of customers known by a profile only; every fifth has told neither age nor income."""
    rows = blank_rows(len(numbers))
    rows["signed_up"] = now_ms - (numbers * 131 % 1_000) * DAY_MS
    rows["profile_at"] = now_ms
    told = numbers % 5 != 0
    rows["profile_numbers"][told, 0] = (18 + numbers * 13 % 70)[told]
    rows["profile_numbers"][told, 1] = (10_000 + numbers * 577 % 90_000)[told]
    return rows


def with_converged_centroids(baseline: Baseline, rows_of: Callable[[Ints, int], Rows], now_ms: int) -> Baseline:
    """Return the baseline with its centroids where Lloyd's iteration over such customers ends.

    Otherwise the live model would still be on its way there, and sweeps would move customers for that.
    """
    segmenter = CentroidSegmenter(baseline, half_life_ms(StateSettings()))
    vectors = segmenter.vectors(rows_of(np.arange(_SAMPLE), now_ms), now_ms)
    labels, model = np.full(_SAMPLE, -1), segmenter.model
    for _ in range(_ITERATIONS):
        model = OnlineKMeans(model.centroids, segmenter.features)
        before, labels = labels, model.learn_many(vectors)
        model.recenter()
        if np.array_equal(before, labels):
            break
    segments = [
        each.model_copy(update={"centroid": centroid})
        for each, centroid in zip(baseline.segments, model.centroids.tolist(), strict=True)
    ]
    return baseline.model_copy(update={"segments": segments})


class RedisTarget(Protocol):
    """A shop whose Redis is filled: a run, or a Redis without Kafka."""

    @property
    def redis(self) -> Any:
        """Return the client."""
        ...

    @property
    def baseline(self) -> Baseline:
        """Return the baseline that the customers are under."""
        ...


def store_customers(run: RedisTarget, customers: int, rows_of: Callable[[Ints, int], Rows], now_ms: int) -> None:
    """Write customers 0 to `customers` - 1 as they stand at `now_ms`: records, sums, views; nothing is published.

    `rows_of` gives the records (n,) of customer numbers (n,), without segments. A record remembers as many orders
    as it has.
    """
    store = PartitionStore(run.redis, keys.SEGMENTS_GROUP)
    committer = SegmentCommitter(store, SegmentViews(run.redis), _NullSink())  # type: ignore[arg-type]
    segmenter = CentroidSegmenter(run.baseline, half_life_ms(StateSettings()))
    owned = [store.claim(partition) for partition in range(PARTITIONS)]
    for numbers, names in _chunks(customers):
        homes = partitions_of(names, PARTITIONS)
        for each in owned:
            mine = np.flatnonzero(homes == each.partition)
            ids = [names[i] for i in mine.tolist()]
            committer.commit(
                each, _with_segments(segmenter, each, ids, rows_of(numbers[mine], now_ms), now_ms), {}, {}, 0
            )


def _with_segments(
    segmenter: CentroidSegmenter, owned: OwnedPartition, ids: list[str], rows: Rows, now_ms: int
) -> SegmentResult:
    """Return new customers with their segments, as the worker's handler does."""
    sums = sums_for_baseline(segmenter, owned.baseline, owned.sums)
    causes = np.full(len(ids), "activity", object)
    batch = SegmentationBatch(ids, rows, rows, causes, now_ms)
    result = resegment(segmenter, Hysteresis.from_settings(StreamSettings()), batch, sums)
    customers = CustomerBatch.blank(ids)
    customers.rows = result.rows
    owners = np.repeat(np.arange(len(ids)), rows["placed"])
    keys = np.random.default_rng(len(ids)).integers(0, 1 << KEY_BITS, len(owners))
    amounts = (rows["gross"] // np.maximum(rows["placed"], 1))[owners]
    customers.orders = customers.orders.appended(owners, order_words(keys, rows["last_order"][owners], amounts))
    return SegmentResult(customers, {}, segmenter.baseline, result.sums, result.changes, {}, segmenter.baseline)


def _chunks(customers: int) -> Iterator[tuple[Ints, list[str]]]:
    for start in range(0, customers, _CHUNK):
        numbers = np.arange(start, min(start + _CHUNK, customers))
        yield numbers, customer_ids(numbers)


class _NullSink:
    """A sink that acknowledges at once: the changes of the population belong to the past."""

    def send_all(self, *_messages: object) -> None:
        """Forget them."""

    def flush(self) -> None:
        """Have nothing left to send."""
