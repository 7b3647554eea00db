"""The live segmenter: the newest baseline and model, from Redis at the start, then from Kafka as they are published."""

import logging
import time
from functools import partial

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from consumers.broker.internal_messages import NotReadable, OnSkipped, decode_or_skip, log_skipped, stored_message
from events.schema.outputs import Baseline, ModelVersion
from events.settings import KafkaSettings
from state.customers.records import Rows
from state.model.baselines import BaselineStore, ModelStore
from stream.model.baseline_zero import RfmTiers
from stream.model.model_validation import fits, published_baseline, published_model
from stream.model.name_truth import NameCounts, name_counts
from stream.model.segmenter import CentroidSegmenter, Segmenter, segments_of

__all__ = ["LiveSegmenter", "ModelFeed"]

log = logging.getLogger(__name__)


class LiveSegmenter:
    """Holds the segmenter that all of a worker's partitions use; it only ever moves forward."""

    def __init__(self, client: redis.Redis, half_life_ms: float) -> None:
        self._baselines, self._models = BaselineStore(client), ModelStore(client)
        self._half_life_ms = half_life_ms
        self.segmenter: Segmenter = RfmTiers(half_life_ms)
        self.baseline: Baseline | None = None
        self._pending: ModelVersion | None = None

    def refresh(self) -> None:
        """Follow the baseline and model in Redis, if they are newer."""
        baseline = self._baselines.current()
        if baseline is not None:
            self.follow_baseline(baseline)
        model = self._models.current()
        if model is not None:
            self.follow_model(model)

    def follow_baseline(self, baseline: Baseline) -> bool:
        """Swap to a newer approved baseline, or take the live one's new names; return whether it was one."""
        if baseline.status != "approved" or baseline.baseline < self.segmenter.baseline:
            return False
        if baseline.baseline == self.segmenter.baseline:
            return self._renamed(baseline)
        segmenter = CentroidSegmenter(baseline, self._half_life_ms)
        self.segmenter, self.baseline = segmenter, baseline
        if self._pending is not None and fits(self._pending, baseline):  # the two topics are not read in step
            self.segmenter.follow(self._pending)
        log.info("baseline %d is live: %s", baseline.baseline, ", ".join(each.segment for each in baseline.segments))
        return True

    def name_counts(self, rows: Rows, now_ms: int) -> NameCounts:
        """Return for how many of these customers (n,) the names of their segments hold; nothing of the tiers."""
        return {} if self.baseline is None else name_counts(self.baseline, rows, now_ms, self._half_life_ms)

    def _renamed(self, baseline: Baseline) -> bool:
        """Take the names of a later revision of the live baseline; its centroids have moved since it was fitted."""
        if self.baseline is None or baseline.revision <= self.baseline.revision:
            return False
        self.segmenter.segments = segments_of(baseline)
        self.baseline = baseline
        return True

    def follow_model(self, model: ModelVersion) -> bool:
        """Take a newer version of the live baseline's centroids; return whether it was one."""
        if model.baseline > self.segmenter.baseline:
            self._pending = model
            return False
        return isinstance(self.segmenter, CentroidSegmenter) and self.segmenter.follow(model)


class ModelFeed:
    """Reads `baselines` and `models` from their beginning, by itself: every worker gets every message."""

    def __init__(self, kafka: KafkaSettings, on_skipped: OnSkipped = log_skipped) -> None:
        self._on_skipped = on_skipped
        self._baselines, self._models = kafka.topic("baselines"), kafka.topic("models")
        self._consumer = Consumer(
            kafka.librdkafka(
                {
                    "group.id": kafka.topic("model-feed"),  # required by the library; nothing is committed
                    "client.id": "shoal-model-feed",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "fetch.wait.max.ms": 100,
                }
            )
        )
        topics = (self._baselines, self._models)
        self._consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in topics])

    def poll(self, live: LiveSegmenter, timeout_s: float = 0.0) -> bool:
        """Apply what has arrived; return whether the segmenter changed."""
        changed = False
        for fetched in self._consumer.consume(100, timeout_s):
            if fetched.error() is None:
                message = stored_message(fetched)
                follow = self._follow_baseline if message.topic == self._baselines else self._follow_model
                changed |= bool(decode_or_skip(message, partial(follow, live), self._on_skipped))
        return changed

    @staticmethod
    def _follow_baseline(live: LiveSegmenter, key: bytes | None, value: bytes) -> bool:
        return live.follow_baseline(published_baseline(key, value))

    @staticmethod
    def _follow_model(live: LiveSegmenter, key: bytes | None, value: bytes) -> bool:
        model = published_model(key, value)
        if live.baseline is not None and not fits(model, live.baseline):
            raise NotReadable("its centroids are not those of its baseline")
        return live.follow_model(model)

    def read_all(self, live: LiveSegmenter, timeout_s: float) -> None:
        """Apply everything there is; the end is where nothing came for `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.poll(live, 0.1):
                deadline = time.monotonic() + timeout_s

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()
