"""Monitors the live model for drift and for starving segments, once a day of the shop's time."""

import logging
import time
from typing import Any, Final

import numpy as np
import redis

from events.schema.outputs import Baseline
from events.time_units import DAY_MS
from state.model.baselines import BaselineStore, ModelStore
from state.model.drift_alarm import DriftAlarm, DriftAlarms
from state.partitions.watermarks_and_outcomes import read_agreed_watermark
from state.partitions.worker_heartbeats import WorkerRegistry
from state.store import keys
from stream.customers.wall_or_event_time import SegmentClock
from stream.model.drift_detection import DriftDetector, Observation
from stream.model.model_publisher import total_sums
from stream.model.starving_clusters import starving_segments

__all__ = ["DriftMonitor"]

log = logging.getLogger(__name__)

_KEPT: Final = 400


class DriftMonitor:
    """Observes the model of all partitions and raises alarms, which the batch service answers with a proposal.

    The observations are kept in Redis, so that a new leader continues where the last one stopped.
    """

    def __init__(
        self, client: redis.Redis, partitions: int, clock: SegmentClock, *, days: float, starving_share: float
    ) -> None:
        self._redis: Any = client
        self._client, self._partitions, self._clock = client, partitions, clock
        self._every_ms, self._starving_share = round(days * DAY_MS), starving_share
        self._baselines, self._models = BaselineStore(client), ModelStore(client)
        self._registry, self._alarms = WorkerRegistry(client), DriftAlarms(client)
        self._detector: DriftDetector | None = None
        self._baseline = self._last_ms = 0
        self.starving: list[str] = []
        self.alarm = ""

    def check(self) -> list[str]:
        """Observe the model if a day has passed, and return the reasons of the alarms that were raised."""
        baseline = self._baselines.current()
        if baseline is None:
            return []
        total = total_sums(baseline, self._models.partition_sums(self._partitions))
        if total is None or not total.counts.sum():
            return []
        if self._detector is None or self._baseline != baseline.baseline:
            self._resume(baseline)
        now_ms = self._clock.now_ms(read_agreed_watermark(self._client, self._partitions, keys.SEGMENTS_GROUP))
        reasons = self._starving_reasons(baseline, total.counts)
        if now_ms - self._last_ms >= self._every_ms:
            observation = Observation(
                baseline=baseline.baseline,
                at_ms=now_ms,
                error=self._error(baseline.baseline),
                shares=(total.counts / total.counts.sum()).tolist(),
                means=(total.sums.sum(axis=0) / np.maximum(total.weights.sum(axis=0), 1)).tolist(),
            )
            self._keep(observation)
            reasons += self._observe(observation)
        for reason in reasons:
            self._raise_alarm(reason, now_ms, baseline.baseline)
        return reasons

    def _resume(self, baseline: Baseline) -> None:
        """Begin with a baseline, from the observations of an earlier leader where there are any."""
        self._baseline, self._last_ms, self.starving, self.alarm = baseline.baseline, 0, [], ""
        self._detector = DriftDetector([each.segment for each in baseline.segments], baseline.features)
        for value in self._redis.lrange(keys.DRIFT_OBSERVATIONS, 0, -1):
            observation = Observation.model_validate_json(value)
            if observation.baseline == baseline.baseline:
                self._observe(observation)

    def _observe(self, observation: Observation) -> list[str]:
        self._last_ms = observation.at_ms
        return self._detector.observe(observation) if self._detector else []

    def _keep(self, observation: Observation) -> None:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.rpush(keys.DRIFT_OBSERVATIONS, observation.model_dump_json())
            pipe.ltrim(keys.DRIFT_OBSERVATIONS, -_KEPT, -1)
            pipe.execute()

    def _error(self, baseline: int) -> float | None:
        alive = self._registry.alive(time.time_ns() // 1_000_000)
        beats = [beat for beat in alive if beat.baseline == baseline and beat.measured > 0]
        customers = sum(beat.measured for beat in beats)
        return sum(beat.squared_distance for beat in beats) / customers if customers else None

    def _starving_reasons(self, baseline: Baseline, counts: np.ndarray[Any, Any]) -> list[str]:
        """Return a reason for each segment that has begun to starve since the last check."""
        fitted = [each.customers for each in baseline.segments]
        dying = np.flatnonzero(starving_segments(baseline, counts, self._starving_share)).tolist()
        before, self.starving = self.starving, [baseline.segments[label].segment_id for label in dying]
        return [
            f"segment {baseline.segments[label].segment} ({baseline.segments[label].segment_id}) starves: "
            f"{counts[label]:,} of {counts.sum():,} customers, {fitted[label]:,} of {sum(fitted):,} when it was fitted"
            for label in dying
            if baseline.segments[label].segment_id not in before
        ]

    def _raise_alarm(self, reason: str, at_ms: int, baseline: int) -> None:
        log.warning("drift under baseline %d: %s", baseline, reason)
        self.alarm = reason
        self._alarms.raise_alarm(DriftAlarm(reason, at_ms, baseline))
