"""The segmenter that is live: the newest baseline and model, from Redis at the start, then from Kafka as they come."""

import logging

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from events.outputs import Baseline, ModelVersion
from events.settings import KafkaSettings
from state.baselines import BaselineStore, ModelStore
from stream.segmenter import CentroidSegmenter, Segmenter
from stream.tiers import RuleTiers

__all__ = ["LiveSegmenter", "ModelFeed"]

log = logging.getLogger(__name__)


class LiveSegmenter:
    """Holds the segmenter that all of a worker's partitions use; it only ever moves forward."""

    def __init__(self, client: redis.Redis, half_life_ms: float) -> None:
        self._baselines, self._models = BaselineStore(client), ModelStore(client)
        self._half_life_ms = half_life_ms
        self.segmenter: Segmenter = RuleTiers(half_life_ms)

    def refresh(self) -> None:
        """Take what Redis has, if it is newer."""
        baseline = self._baselines.current()
        if baseline is not None:
            self.follow_baseline(baseline)
        model = self._models.current()
        if model is not None:
            self.follow_model(model)

    def follow_baseline(self, baseline: Baseline) -> bool:
        """Swap to a newer approved baseline; return whether it was one."""
        if baseline.status != "approved" or baseline.baseline <= self.segmenter.baseline:
            return False
        self.segmenter = CentroidSegmenter(baseline, self._half_life_ms)
        log.info("baseline %d is live: %s", baseline.baseline, ", ".join(each.segment for each in baseline.segments))
        return True

    def follow_model(self, model: ModelVersion) -> bool:
        """Take a newer version of the live baseline's centroids; return whether it was one."""
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

    def poll(self, live: LiveSegmenter) -> bool:
        """Pass on what has arrived; return whether the segmenter changed."""
        changed = False
        for message in self._consumer.consume(100, 0):
            value = message.value()
            if message.error() is not None or value is None:
                continue
            if message.topic() == self._baselines:
                changed |= live.follow_baseline(Baseline.model_validate_json(value))
            else:
                changed |= live.follow_model(ModelVersion.model_validate_json(value))
        return changed

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()
