"""Publishes the model: the leader adds up all partitions' sums and publishes the centroids."""

from datetime import UTC, datetime

import numpy as np

from consumers.broker.kafka_sink import KafkaSink
from events.arrays import Floats
from events.schema.outputs import Baseline, ModelVersion
from state.model.baselines import BaselineStore, ModelStore, PartitionSums
from state.partitions.model_sums import ModelSums
from stream.model.border_update_policy import BorderPolicy, Borders
from stream.model.live_segmenter import LiveSegmenter
from stream.model.starving_clusters import starving_segments

__all__ = ["ModelPublisher", "total_sums"]


def total_sums(baseline: Baseline, parts: list[PartitionSums]) -> ModelSums | None:
    """Return the sums of all partitions under a baseline, None while one of them is still moving over to it."""
    if not parts or any(
        part.baseline != baseline.baseline or part.swept_baseline != baseline.baseline for part in parts
    ):
        return None
    total = ModelSums.zeros(len(baseline.segments), len(baseline.features))
    for part in parts:
        total = total + part.sums
    return total


class ModelPublisher:
    """Publishes a new version of the model whenever the sums have changed.

    Versions are stored by compare-and-set, so two leaders during a change of leadership do no harm. What the leader's
    own worker follows (`live`) outlives a Redis that comes back older: it is put back, and versions count on from it.
    """

    def __init__(
        self,
        baselines: BaselineStore,
        models: ModelStore,
        sink: KafkaSink,
        partitions: int,
        live: LiveSegmenter | None = None,
        *,
        starving_share: float = 0.0,
        borders: BorderPolicy | None = None,
    ) -> None:
        self._baselines, self._models, self._sink, self._partitions = baselines, models, sink, partitions
        self._live, self._starving_share = live, starving_share
        self._border_policy = borders or BorderPolicy()
        self._announced = 0

    def publish(self, now: datetime | None = None) -> ModelVersion | None:
        """Add up, store and publish; return the new version, or None where there is nothing new."""
        baseline = self._live_baseline()
        total = None if baseline is None else total_sums(baseline, self._models.partition_sums(self._partitions))
        if baseline is None or total is None:
            return None
        stored = self._models.current()
        current = stored if stored and stored.baseline == baseline.baseline else None
        centroids = self._centroids(baseline, total, current)
        borders = self._border_policy.kept(baseline, current, centroids, total.counts)
        if current is not None and _is_unchanged(current, centroids, borders):
            if current.version != self._announced:
                self._announce(current)  # a crash may have come between Redis and Kafka
            return None
        model = ModelVersion(
            version=self._next_version(stored),
            baseline=baseline.baseline,
            features=baseline.features,
            centroids=centroids.tolist(),
            counts=total.counts.tolist(),
            borders=borders and borders.centroids,
            borders_version=borders.version if borders else 0,
            updated_at=now or datetime.now(UTC),
        )
        if not self._models.advance(model):
            return None
        self._announce(model)
        return model

    def _centroids(self, baseline: Baseline, total: ModelSums, current: ModelVersion | None) -> Floats:
        """Return the means of the members (k, d); a cluster that starves stays where it last was."""
        last = np.array(current.centroids if current else [each.centroid for each in baseline.segments])
        dying = starving_segments(baseline, total.counts, self._starving_share)
        return np.where(dying[:, None], last, total.means(otherwise=last))

    def _next_version(self, stored: ModelVersion | None) -> int:
        followed = self._live.segmenter.version if self._live else 0
        return max(stored.version if stored else 0, followed) + 1

    def _live_baseline(self) -> Baseline | None:
        baseline, followed = self._baselines.current(), self._live.baseline if self._live else None
        if followed is not None and (baseline is None or _revision_key(baseline) < _revision_key(followed)):
            self._baselines.approve(followed)
            return followed
        return baseline

    def _announce(self, model: ModelVersion) -> None:
        self._sink.send("models", b"current", model.model_dump_json().encode())
        self._sink.flush()
        self._announced = model.version


def _is_unchanged(current: ModelVersion, centroids: Floats, borders: Borders | None) -> bool:
    """Return whether a new version would have the same centroids, and the published segments keep their borders."""
    moved = current.borders is not None and borders is None
    return not moved and np.array_equal(np.array(current.centroids), centroids)


def _revision_key(baseline: Baseline) -> tuple[int, int]:
    return baseline.baseline, baseline.revision
