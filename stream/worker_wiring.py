"""Wire a segment worker together: settings in, runtime and leader out. Nothing here runs by itself."""

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis

from consumers.broker.kafka_sink import KafkaSink
from consumers.continuity.group_claims import group_claims
from consumers.entries.entry_log import EntryLog
from consumers.inputs.base_currency import shop_money
from consumers.inputs.bounds import EventBounds
from consumers.inputs.customers import ProfileInput
from consumers.inputs.identities import IdentityInput
from consumers.inputs.orders import OrderInput
from consumers.inputs.web_sessions import SessionInput
from consumers.runtime.commit import SegmentCommitter
from consumers.runtime.letter_sending import LetterSender
from consumers.runtime.micro_batch_runtime import MicroBatchRuntime, Wiring
from consumers.runtime.protocols import LoadRequest
from consumers.runtime.redis_rollback_recovery import SegmentRollbackRecovery
from consumers.runtime.work_between_batches import CombinedWork
from consumers.settings import ConsumerSettings
from events.settings import KafkaSettings
from events.time_units import DAY_MS
from state.customers.attribute_columns import AttributeColumns
from state.customers.current_segment_keys import SegmentViews
from state.customers.merged_customers import MergedCustomers
from state.customers.records import CustomerBatch
from state.model.baselines import BaselineStore, ModelStore
from state.operations.background_jobs import BackgroundJobs
from state.operations.skipped_messages import SkippedMessages
from state.partitions.partition_store import PartitionStore
from state.partitions.watermarks_and_outcomes import read_agreed_watermark
from state.partitions.worker_heartbeats import WorkerRegistry
from state.settings import StateSettings
from state.store import keys
from state.store.connection import connect_for_service
from state.store.format_settings import require_same_format
from stream.customers.features import FEATURES
from stream.customers.wall_or_event_time import AgreedClock, SegmentClock
from stream.erasure.partition_eraser import PartitionEraser
from stream.model.border_update_policy import BorderPolicy, cost_from_heartbeats
from stream.model.drift_monitor import DriftMonitor
from stream.model.live_segmenter import LiveSegmenter, ModelFeed
from stream.model.model_lag import ModelLagMonitor
from stream.model.model_publisher import ModelPublisher
from stream.model.name_guard import NameGuard
from stream.moves.handler import SegmentHandler
from stream.moves.hysteresis import Hysteresis
from stream.segment_worker import SegmentWorker
from stream.settings import StreamSettings
from stream.sweep.missing_views import MissingViews
from stream.sweep.silent_customers import SilentCustomers
from stream.sweep.sweeper import Sweeper

__all__ = ["WorkerSettings", "build_worker", "half_life_ms"]


@dataclass(frozen=True)
class WorkerSettings:
    """The parts of the settings that a worker needs."""

    kafka: KafkaSettings
    state: StateSettings
    consumer: ConsumerSettings
    stream: StreamSettings


def half_life_ms(settings: StateSettings) -> float:
    """Return the half-life of decayed sums in ms."""
    return settings.half_life_days * DAY_MS


@dataclass(frozen=True)
class _Shared:
    """What several parts of one worker use."""

    client: redis.Redis
    settings: WorkerSettings
    attributes: AttributeColumns
    store: PartitionStore
    views: SegmentViews
    live: LiveSegmenter
    feed: ModelFeed
    clock: AgreedClock
    skipped: SkippedMessages
    entries: EntryLog

    def committer(self) -> SegmentCommitter:
        """Return a committer with a sink of its own: it waits only for, and fails only by, what it has sent itself."""
        return SegmentCommitter(self.store, self.views, KafkaSink(self.settings.kafka))


def build_worker(settings: WorkerSettings) -> SegmentWorker:
    """Connect and wire; the runtime joins its consumer group here.

    Raises RedisUnreachable, RedisRefuses, or FormatMismatch where Redis was written under other settings.
    """
    shared = _shared(_connect(settings), settings)
    shared.live.refresh()
    shared.entries.follow()
    client, background = shared.client, shared.committer()  # background work runs in any lane
    sweeper = Sweeper(
        shared.store,
        background,
        shared.live,
        shared.feed,
        shared.clock,
        settings.stream,
        columns=shared.attributes,
        views=MissingViews(shared.store, shared.views),
        silent=SilentCustomers(client, settings.kafka.partitions, settings.stream.forget_after_days),
    )
    notices = settings.stream.erased_notices
    eraser = PartitionEraser(client, shared.store, background, shared.live, settings.kafka.partitions, notices)
    return SegmentWorker(
        name=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}",
        client=client,
        runtime=MicroBatchRuntime(_wiring(shared, CombinedWork(eraser, sweeper)), keys.SEGMENTS_GROUP),
        sweeper=sweeper,
        publisher=_publisher(client, settings, shared.live),
        live=shared.live,
        feed=shared.feed,
        registry=WorkerRegistry(client),
        baselines=BaselineStore(client),
        models=ModelStore(client),
        drift_monitor=_drift_monitor(client, settings),
        name_guard=NameGuard(client, KafkaSink(settings.kafka), settings.kafka.partitions),
        model_lag=ModelLagMonitor(settings.stream.behind_s),
        entries=shared.entries,
        jobs=BackgroundJobs(client),
    )


def _shared(client: redis.Redis, settings: WorkerSettings) -> _Shared:
    skipped, kafka, stream = SkippedMessages(client), settings.kafka, settings.stream
    agreed = partial(read_agreed_watermark, client, kafka.partitions, keys.SEGMENTS_GROUP)
    return _Shared(
        client,
        settings,
        attributes=AttributeColumns(client, stream.attributes, excluded=FEATURES),
        store=PartitionStore(client, keys.SEGMENTS_GROUP, flow_days=settings.state.flow_days),
        views=SegmentViews(client),
        live=LiveSegmenter(client, half_life_ms(settings.state)),
        feed=ModelFeed(kafka, skipped.add),
        clock=AgreedClock(stream.clock, stream.replay_days, agreed),
        skipped=skipped,
        entries=EntryLog(kafka, client, skipped.add),
    )


def _wiring(shared: _Shared, background: CombinedWork) -> Wiring[Any, Any]:
    client, settings, store, skipped = shared.client, shared.settings, shared.store, shared.skipped.add
    merged = MergedCustomers(client, keys.SEGMENTS_GROUP, settings.kafka.partitions)
    return Wiring(
        kafka=settings.kafka,
        settings=settings.consumer,
        inputs=_inputs(client, settings, shared.attributes),
        claims=group_claims(store, client, settings.kafka, keys.SEGMENTS_GROUP, shared.entries, skipped),
        load=partial(_load, store),
        committers=[shared.committer() for _ in range(settings.consumer.lanes)],
        recovery=SegmentRollbackRecovery(settings.kafka, store, shared.views, merged, skipped),
        handler=_handler(settings, shared.live, shared.attributes),
        background=background,
        clock=shared.clock,
        merged=merged,
        letters=LetterSender.of(client, settings.kafka, settings.consumer),
    )


def _connect(settings: WorkerSettings) -> redis.Redis:
    client = connect_for_service(settings.state)
    partitions, half_life = settings.kafka.partitions, settings.state.half_life_days
    require_same_format(client, {"partitions": str(partitions), "half_life_days": f"{half_life:g}"})
    return client


def _load(store: PartitionStore, wanted: Sequence[LoadRequest]) -> list[CustomerBatch]:
    """Read the customers of each partition, with the profiles of those who have a new one, or who are merged."""
    return store.open_all(
        [(each.owned, each.ids) for each in wanted], [each.batch.profiled_customers() for each in wanted]
    )


def _handler(settings: WorkerSettings, live: LiveSegmenter, attributes: AttributeColumns) -> SegmentHandler:
    return SegmentHandler(
        live,
        half_life_ms=half_life_ms(settings.state),
        hysteresis=Hysteresis.from_settings(settings.stream),
        duplicate_window=settings.state.duplicate_window,
        order_window=settings.state.order_window,
        session_window=settings.state.session_window,
        attributes=lambda: attributes.names,
    )


def _publisher(client: redis.Redis, settings: WorkerSettings, live: LiveSegmenter) -> ModelPublisher:
    return ModelPublisher(
        BaselineStore(client),
        ModelStore(client),
        KafkaSink(settings.kafka),
        settings.kafka.partitions,
        live,
        starving_share=settings.stream.starving_share,
        borders=BorderPolicy(settings.stream.border_tolerance, cost_from_heartbeats(WorkerRegistry(client))),
    )


def _drift_monitor(client: redis.Redis, settings: WorkerSettings) -> DriftMonitor:
    stream = settings.stream
    return DriftMonitor(
        client,
        settings.kafka.partitions,
        SegmentClock(stream.clock, stream.replay_days),
        days=stream.drift_days,
        starving_share=stream.starving_share,
    )


def _inputs(client: redis.Redis, settings: WorkerSettings, attributes: AttributeColumns) -> list[Any]:
    largest, bounds = settings.kafka.max_event_bytes, EventBounds.from_settings(settings.consumer)
    money = shop_money(client, settings.consumer)
    return [
        OrderInput(money, largest, bounds),
        SessionInput(largest, bounds),
        ProfileInput(largest, attributes, bounds),
        IdentityInput(largest, bounds),
    ]
