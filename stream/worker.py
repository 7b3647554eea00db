"""Wire a segment worker together: settings in, runtime and leader out. Nothing here runs by itself."""

import logging
import os
import socket
import time
import uuid
from dataclasses import dataclass
from typing import Any

import redis

from consumers.broker.kafka_sink import KafkaSink
from consumers.history.erasure_log import ErasureLog
from consumers.inputs.customers import ProfileInput
from consumers.inputs.money import Money
from consumers.inputs.orders import OrderInput
from consumers.inputs.web_sessions import SessionInput
from consumers.runtime.commit import SegmentCommitter
from consumers.runtime.erasure_claims import ErasureAwareClaims
from consumers.runtime.micro_batches import MicroBatchRuntime, Wiring
from consumers.runtime.redis_rollback import SegmentRollbackRecovery
from consumers.settings import ConsumerSettings
from events.settings import KafkaSettings
from events.time_units import DAY_MS
from state.customers.attribute_columns import AttributeColumns
from state.customers.segment_views import SegmentViews
from state.model.baselines import BaselineStore, ModelStore
from state.partitions.partition_store import PartitionStore
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from state.settings import StateSettings
from state.store import keys
from state.store.connection import connect
from state.store.data_format import require_same_format, shop_currency
from stream.customers.clock import SegmentClock
from stream.customers.features import FEATURES
from stream.erasure.partition_eraser import Chores, PartitionEraser
from stream.model.borders import BorderPolicy, common_borders_version, cost_from_heartbeats
from stream.model.drift_monitor import DriftMonitor
from stream.model.live_segmenter import LiveSegmenter, ModelFeed
from stream.model.model_lag import ModelLagMonitor
from stream.model.model_publisher import ModelPublisher
from stream.moves.handler import SegmentHandler
from stream.moves.hysteresis import Hysteresis
from stream.settings import StreamSettings
from stream.sweep.sweeper import Sweeper

__all__ = ["SegmentWorker", "WorkerSettings", "build_worker", "half_life_ms"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerSettings:
    """The parts of the settings that a worker needs."""

    kafka: KafkaSettings
    state: StateSettings
    consumer: ConsumerSettings
    stream: StreamSettings


@dataclass(frozen=True)
class SegmentWorker:
    """The running parts of one worker process."""

    name: str
    runtime: MicroBatchRuntime
    sweeper: Sweeper
    leader: ModelPublisher
    live: LiveSegmenter
    feed: ModelFeed
    registry: WorkerRegistry
    baselines: BaselineStore
    models: ModelStore
    watch: DriftMonitor
    behind: ModelLagMonitor

    def beat(self, *, leader: bool) -> None:
        """Say in Redis that this worker is alive, what it does, and what it finds."""
        segmenter = self.live.segmenter
        progress = self.behind.look(segmenter, self.baselines.current(), self.models.current())
        if progress.too_long:
            log.warning(
                "behind the newest model for %.0f s: still at baseline %d, version %d",
                progress.seconds,
                segmenter.baseline,
                segmenter.version,
            )
        found = self.sweeper.findings(self.runtime.partitions)
        differences = [each.difference for each in found if each.difference is not None]
        self.registry.beat(
            WorkerHeartbeat(
                worker=self.name,
                at_ms=time.time_ns() // 1_000_000,
                partitions=self.runtime.partitions,
                events=self.runtime.events_seen,
                swept=self.sweeper.swept,
                baseline=segmenter.baseline,
                model_version=segmenter.version,
                leader=leader,
                behind_s=progress.seconds,
                behind=progress.too_long,
                measured=sum(each.customers for each in found),
                squared_distance=sum(each.squared for each in found),
                squared_to_borders=sum(each.squared_to_borders for each in found),
                borders_version=common_borders_version(found),
                sums_difference=max(differences, default=None),
                starving=self.watch.starving if leader else [],
                drift=self.watch.alarm if leader else "",
            )
        )


def half_life_ms(settings: StateSettings) -> float:
    """Return the half-life of decayed sums in ms."""
    return settings.half_life_days * DAY_MS


def build_worker(settings: WorkerSettings) -> SegmentWorker:
    """Connect and wire; the runtime joins its consumer group here.

    Raises RedisUnreachable, or FormatMismatch where Redis was written under other settings.
    """
    client = connect(settings.state.redis)
    require_same_format(
        client,
        {
            "partitions": str(settings.kafka.partitions),
            "half_life_days": f"{settings.state.half_life_days:g}",
        },
    )
    attributes = AttributeColumns(client, settings.stream.attributes, excluded=FEATURES)
    store = PartitionStore(client, keys.SEGMENTS_GROUP, flow_days=settings.state.flow_days)
    live = LiveSegmenter(client, half_life_ms(settings.state))
    live.refresh()
    feed = ModelFeed(settings.kafka)
    clock = SegmentClock(settings.stream.clock, settings.stream.replay_days)
    views = SegmentViews(client)
    # A sink of its own for each lane: waiting for what one has sent must not take another's failure for its own.
    committers = [SegmentCommitter(store, views, KafkaSink(settings.kafka)) for _ in range(settings.consumer.lanes)]
    aside = SegmentCommitter(
        store, views, KafkaSink(settings.kafka)
    )  # for the background work, which may be in any lane
    sweeper = Sweeper(store, aside, live, feed, clock, settings.stream, attributes)
    handler = SegmentHandler(
        live,
        half_life_ms=half_life_ms(settings.state),
        hysteresis=Hysteresis.from_settings(settings.stream),
        duplicate_window=settings.state.duplicate_window,
    )
    wiring = Wiring(
        kafka=settings.kafka,
        settings=settings.consumer,
        inputs=_inputs(client, settings, attributes),
        claims=ErasureAwareClaims(store, ErasureLog(settings.kafka), client, settings.kafka.partitions),
        load=lambda wanted: store.open_all([(each.owned, each.ids) for each in wanted]),
        committers=committers,
        recovery=SegmentRollbackRecovery(settings.kafka, store, views),
        handler=handler,
        background=Chores(PartitionEraser(client, store, aside, live), sweeper),
        clock=clock,
    )
    return SegmentWorker(
        name=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}",
        runtime=MicroBatchRuntime(wiring, keys.SEGMENTS_GROUP),
        sweeper=sweeper,
        leader=_leader(client, settings, live),
        live=live,
        feed=feed,
        registry=WorkerRegistry(client),
        baselines=BaselineStore(client),
        models=ModelStore(client),
        watch=_watch(client, settings),
        behind=ModelLagMonitor(settings.stream.behind_s),
    )


def _leader(client: redis.Redis, settings: WorkerSettings, live: LiveSegmenter) -> ModelPublisher:
    return ModelPublisher(
        BaselineStore(client),
        ModelStore(client),
        KafkaSink(settings.kafka),
        settings.kafka.partitions,
        live,
        settings.stream.starving_share,
        BorderPolicy(settings.stream.border_tolerance, cost_from_heartbeats(WorkerRegistry(client))),
    )


def _watch(client: redis.Redis, settings: WorkerSettings) -> DriftMonitor:
    stream = settings.stream
    return DriftMonitor(
        client,
        settings.kafka.partitions,
        SegmentClock(stream.clock, stream.replay_days),
        days=stream.drift_days,
        starving=stream.starving_share,
    )


def _inputs(client: redis.Redis, settings: WorkerSettings, attributes: AttributeColumns) -> list[Any]:
    largest = settings.kafka.max_event_bytes
    money = Money(settings.consumer.currency, settings.consumer.currency_rates, adopt=shop_currency(client))
    if money.currency:
        require_same_format(client, {"currency": money.currency})
    return [
        OrderInput(money, largest),
        SessionInput(largest),
        ProfileInput(largest, attributes),
    ]
