"""The running parts of one segment worker, and what it says of itself: its heartbeat and its metrics."""

import logging
import time
from dataclasses import dataclass
from typing import Final

import redis
from prometheus_client import Gauge

from consumers.entries.entry_log import EntryLog
from consumers.runtime.micro_batch_runtime import MicroBatchRuntime
from state.model.baselines import BaselineStore, ModelStore
from state.operations.background_jobs import BackgroundJobs
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from stream.model.border_update_policy import common_borders_version
from stream.model.drift_monitor import DriftMonitor
from stream.model.live_segmenter import LiveSegmenter, ModelFeed
from stream.model.model_lag import ModelLagMonitor
from stream.model.model_publisher import ModelPublisher
from stream.model.name_guard import NameGuard
from stream.model.name_truth import add_counts
from stream.model.sweep_measurement import SweepPass
from stream.sweep.sweeper import Sweeper

__all__ = ["SegmentWorker"]

log = logging.getLogger(__name__)

_OWNED: Final = Gauge("shoal_owned_partitions", "Partitions that this process owns")
_SWEEP_AGE: Final = Gauge(
    "shoal_sweep_age_seconds", "Seconds since the oldest of the last sweeps of this worker's partitions began"
)
_MODEL_AGE: Final = Gauge("shoal_model_behind_seconds", "Seconds that this worker has been behind the newest model")
_MODEL: Final = Gauge("shoal_worker_model_version", "Version of the model that this worker uses")
_BASELINE: Final = Gauge("shoal_worker_baseline", "Number of the baseline that this worker uses")


@dataclass(frozen=True)
class SegmentWorker:
    """The running parts of one worker process."""

    name: str
    client: redis.Redis
    runtime: MicroBatchRuntime
    sweeper: Sweeper
    publisher: ModelPublisher
    live: LiveSegmenter
    feed: ModelFeed
    registry: WorkerRegistry
    baselines: BaselineStore
    models: ModelStore
    drift_monitor: DriftMonitor
    name_guard: NameGuard
    model_lag: ModelLagMonitor
    entries: EntryLog
    jobs: BackgroundJobs

    def beat(self, *, leader: bool) -> None:
        """Write this worker's heartbeat to Redis: what it owns, how far it is, what its sweeps measured."""
        segmenter = self.live.segmenter
        lag = self.model_lag.measure(segmenter, self.baselines.current(), self.models.current())
        if lag.too_long:
            log.warning(
                "behind the newest model for %.0f s: still at baseline %d, version %d",
                lag.seconds,
                segmenter.baseline,
                segmenter.version,
            )
        sweeps = self.sweeper.last_results(self.runtime.partitions)
        passed = self.sweeper.last_passes(self.runtime.partitions)
        self._measure(lag.seconds, passed)
        differences = [each.sums_difference for each in sweeps if each.sums_difference is not None]
        self.registry.beat(
            WorkerHeartbeat(
                worker=self.name,
                at_ms=time.time_ns() // 1_000_000,
                partitions=self.runtime.partitions,
                events=self.runtime.events_seen,
                swept=self.sweeper.customers_swept,
                baseline=segmenter.baseline,
                model_version=segmenter.version,
                leader=leader,
                behind_s=lag.seconds,
                behind=lag.too_long,
                measured=sum(each.customers for each in sweeps),
                squared_distance=sum(each.squared_distance for each in sweeps),
                squared_to_borders=sum(each.squared_to_borders for each in sweeps),
                borders_version=common_borders_version(sweeps),
                sums_difference=max(differences, default=None),
                names=add_counts(each.names for each in sweeps),
                reassigned=passed.reassigned,
                swept_since_ms=passed.began_ms,
                starving=self.drift_monitor.starving if leader else [],
                drift=self.drift_monitor.alarm if leader else "",
            )
        )

    def _measure(self, behind_s: float, passed: SweepPass) -> None:
        _OWNED.set(len(self.runtime.partitions))
        _MODEL_AGE.set(behind_s)
        _MODEL.set(self.live.segmenter.version)
        _BASELINE.set(self.live.segmenter.baseline)
        if passed.began_ms:
            _SWEEP_AGE.set(max(0.0, time.time() - passed.began_ms / 1000))
