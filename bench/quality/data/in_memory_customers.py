"""Customers in memory: the service's fold, features and segmentation without Redis, for runs by the dozen."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from bench.quality.data.order_logs import OrderLog
from bench.quality.data.worker_on_redis import HALF_LIFE_MS
from consumers.inputs.columns import Columns
from events.arrays import Floats, Ints
from events.schema.outputs import Baseline, ModelVersion
from state.customers.records import Rows
from state.partitions.model_sums import ModelSums
from stream.customers.fold import fold, merge
from stream.model.border_update_policy import BorderCost, BorderPolicy
from stream.model.segmenter import CentroidSegmenter
from stream.moves.hysteresis import Hysteresis
from stream.moves.segmentation import SegmentationBatch, resegment
from stream.settings import StreamSettings

__all__ = ["Population", "fold_into", "vector_days"]


def fold_into(rows: Rows, columns: Columns, customers: Ints, half_life_ms: float = HALF_LIFE_MS) -> Ints:
    """Fold events into the rows of their customers, in place, and return the customers that they touched."""
    touched, slots = np.unique(customers, return_inverse=True)
    rows[touched] = merge(rows[touched], fold(columns, slots, len(touched), half_life_ms))
    return touched


def vector_days(log: OrderLog, rows: Rows, segmenter: CentroidSegmenter) -> Iterator[tuple[int, Ints, Floats]]:
    """Yield each day's end (ms), the customers (m,) that ordered on it, and their vectors (m, d) then.

    `rows` (all customers) are folded into.
    """
    for end_ms, orders in log.days():
        touched = fold_into(rows, orders.columns, orders.customers)
        yield end_ms, touched, segmenter.vectors(rows[touched], end_ms)


class Population:
    """All customers of a log under a baseline; the centroids follow at the end of each day, as the service's do."""

    def __init__(
        self,
        log: OrderLog,
        baseline: Baseline,
        rows: Rows,
        now_ms: int,
        hysteresis: Hysteresis,
        border_tolerance: float | None = None,
    ) -> None:
        self.names, self._baseline = log.names, baseline
        self._tolerance = StreamSettings().border_tolerance if border_tolerance is None else border_tolerance
        self._version: ModelVersion | None = None
        self.segmenter = CentroidSegmenter(baseline, HALF_LIFE_MS)
        self.rows, self.hysteresis = rows, hysteresis
        self.sums = ModelSums.zeros(len(baseline.segments), len(baseline.features))
        self._reevaluate(rows.copy(), now_ms)

    def day(self, end_ms: int, orders: OrderLog) -> None:
        """Take in a day's orders, re-evaluate everyone, and move the centroids to the means of their members."""
        before = self.rows.copy()  # as learned: what is taken out of the sums must be what was put in
        if len(orders):
            fold_into(self.rows, orders.columns, orders.customers)
        self._reevaluate(before, end_ms)

    def _reevaluate(self, last: Rows, now_ms: int) -> None:
        there = np.flatnonzero(self.rows["placed"] > 0)
        before, after = last[there], self.rows[there]
        causes = np.full(len(there), "time", object)
        names = [self.names[i] for i in there.tolist()]
        customers = SegmentationBatch(names, before, after, causes, now_ms)
        result = resegment(self.segmenter, self.hysteresis, customers, self.sums)
        self.rows[there], self.sums = result.rows, result.sums
        self._lead(now_ms)

    def _lead(self, now_ms: int) -> None:
        """Publish a version, as the leader does: the borders stay while they cost less than is allowed."""
        segmenter, cost = self.segmenter, self.cost(now_ms)
        centroids = self.sums.means(otherwise=segmenter.model.centroids)
        borders = self._borders(cost).kept(self._baseline, self._version, centroids, self.sums.counts)
        self._version = ModelVersion(
            version=segmenter.version + 1,
            baseline=segmenter.baseline,
            features=segmenter.features,
            centroids=centroids.tolist(),
            counts=self.sums.counts.tolist(),
            borders=borders and borders.centroids,
            borders_version=borders.version if borders else 0,
            updated_at=datetime.fromtimestamp(now_ms / 1000, UTC),
        )
        segmenter.follow(self._version)

    def _borders(self, cost: BorderCost) -> BorderPolicy:
        return BorderPolicy(self._tolerance, lambda _baseline, _borders: cost)

    def cost(self, now_ms: int) -> BorderCost:
        """Return the customers' squared distances to the centroids and to the borders."""
        rows = self.rows[self.rows["placed"] > 0]
        vectors = self.segmenter.vectors(rows, now_ms)
        distances = self.segmenter.distances(rows, vectors, now_ms)
        near = [each.min(axis=1) for each in (distances, self.segmenter.border_distances(vectors, distances))]
        return BorderCost(len(rows), *(float((each * each).sum()) for each in near))

    def published(self) -> Ints:
        """Return the cluster (n,) whose segment each customer shows, -1 for none."""
        at = np.full(1 + max(each.number for each in self.segmenter.segments), -1)
        at[[each.number for each in self.segmenter.segments]] = np.arange(len(self.segmenter.segments))
        at[0] = -1
        return at[self.rows["segment"].astype(np.int64)]

    def own(self) -> Ints:
        """Return the model's own cluster (n,) of each customer, -1 for none."""
        return self.rows["cluster"].astype(np.int64)
