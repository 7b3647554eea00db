"""The live segmenter: the newest baseline and model, from Redis at the start, then from Kafka as they are published."""

import logging
import time

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from consumers.broker.message_coordinates import coordinates
from events.base_error import ShoalError
from events.schema.outputs import Baseline, ModelVersion
from events.settings import KafkaSettings
from state.model.baselines import BaselineStore, ModelStore
from stream.model.baseline_zero import RfmTiers
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
        if self._pending is not None:  # the two topics are not read in step
            self.segmenter.follow(self._pending)
        log.info("baseline %d is live: %s", baseline.baseline, ", ".join(each.segment for each in baseline.segments))
        return True

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

    def __init__(self, kafka: KafkaSettings) -> None:
        self._baselines, self._models = kafka.topic("baselines"), kafka.topic("models")
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka.kafka,
                "group.id": kafka.topic("model-feed"),  # required by the library; nothing is committed
                "client.id": "shoal-model-feed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
            }
        )
        topics = (self._baselines, self._models)
        self._consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in topics])

    def poll(self, live: LiveSegmenter, timeout_s: float = 0.0) -> bool:
        """Apply what has arrived; return whether the segmenter changed."""
        changed = False
        for message in self._consumer.consume(100, timeout_s):
            value = message.value()
            if message.error() is not None or value is None:
                continue
            try:
                changed |= self._apply(live, message.topic() == self._baselines, value)
            except (ValueError, ShoalError) as error:
                partition, offset = coordinates(message)
                log.warning("%s offset %d cannot be read and is skipped: %s", partition[0], offset, error)
        return changed

    def _apply(self, live: LiveSegmenter, baseline: bool, value: bytes) -> bool:
        if baseline:
            return live.follow_baseline(Baseline.model_validate_json(value))
        return live.follow_model(ModelVersion.model_validate_json(value))

    def read_all(self, live: LiveSegmenter, timeout_s: float) -> None:
        """Apply everything there is; the end is where nothing came for `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.poll(live, 0.1):
                deadline = time.monotonic() + timeout_s

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()
