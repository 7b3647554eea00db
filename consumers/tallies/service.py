"""`shoal experiments` as a process: the micro-batch runtime in a thread, a heartbeat beside it.

A plain thread hosts it rather than Faust: there is no leader, no table and no agent here (docs/decisions/0008).
"""

import contextlib
import gc
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

import redis

from consumers.broker.kafka_sink import KafkaSink
from consumers.continuity.group_claims import group_claims
from consumers.entries.entry_log import EntryLog
from consumers.inputs.base_currency import shop_money
from consumers.inputs.bounds import EventBounds
from consumers.runtime.letter_sending import LetterSender
from consumers.runtime.micro_batch_runtime import MicroBatchRuntime, Wiring
from consumers.runtime.retry_policy import is_retriable
from consumers.settings import ConsumerSettings
from consumers.tallies.commit import NoRollbackRecovery, TallyCommitter
from consumers.tallies.definitions import Definitions
from consumers.tallies.handler import TallyHandler
from consumers.tallies.inputs import ConversionInput, ExposureInput, PurchaseInput
from consumers.tallies.settings import ExperimentSettings
from events.base_error import ShoalError
from events.settings import KafkaSettings
from events.topics.specs import EXPERIMENT_INPUTS, SEGMENT_INPUTS
from state.customers.merged_customers import MergedCustomers
from state.experiments.definitions import ExperimentStore
from state.experiments.tally_partitions import TallyPartitions
from state.operations.background_jobs import BackgroundJobs
from state.operations.skipped_messages import SkippedMessages
from state.partitions.partition_fence import OwnedPartition
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from state.settings import StateSettings
from state.store import keys
from state.store.connection import connect_for_service
from state.store.format_settings import require_same_format

__all__ = ["ExperimentService", "ServiceSettings", "build_service"]

log = logging.getLogger(__name__)

_BEAT_S = 1.0
_BEATS_BETWEEN_COLLECTIONS = 10
_BEATS_BETWEEN_ENTRIES = 2


@dataclass(frozen=True)
class ServiceSettings:
    """The parts of the settings that the experiment consumer needs."""

    kafka: KafkaSettings
    state: StateSettings
    consumer: ConsumerSettings
    experiments: ExperimentSettings


class ExperimentService:
    """One process of the experiment consumer."""

    def __init__(
        self, runtime: MicroBatchRuntime, registry: WorkerRegistry, entries: EntryLog, jobs: BackgroundJobs
    ) -> None:
        self.health = runtime.health
        self._runtime, self._registry, self._entries, self._jobs = runtime, registry, entries, jobs
        self._name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._failure: BaseException | None = None
        self._stop = threading.Event()

    def stop(self) -> None:
        """Finish the current batches and leave the group; callable from a signal handler."""
        self._stop.set()

    @property
    def partitions(self) -> list[int]:
        """The partitions that this process owns now."""
        return self._runtime.partitions

    def run(self) -> int:
        """Work until `stop`, and return the process's exit code."""
        thread = threading.Thread(target=self._work, name="runtime")
        gc.collect()
        gc.freeze()  # what is imported by now stays: the collector need not look at it again
        gc.disable()  # it would look at every message of a batch, over and over; it is called between beats instead
        thread.start()
        beats = 0
        while not self._stop.wait(_BEAT_S if beats else 0.0):
            beats += 1
            self._beat()
            if beats % _BEATS_BETWEEN_ENTRIES == 0:
                self._restore_entries()
            if beats % _BEATS_BETWEEN_COLLECTIONS == 0:
                gc.collect()
        self._runtime.stop()
        thread.join()
        with contextlib.suppress(redis.RedisError):  # what ended the service matters more
            self._registry.leave(self._name)
        if self._failure is not None:
            known = is_retriable(self._failure) or isinstance(self._failure, ShoalError)
            log.error("the experiment consumer stopped: %s", self._failure, exc_info=None if known else self._failure)
            return 1
        return 0

    def _restore_entries(self) -> None:
        try:
            with self._jobs.running("restore what people entered"):
                self._entries.follow()
        except (redis.RedisError, ShoalError) as error:
            log.warning("could not restore what people entered: %s", error)

    def _work(self) -> None:
        try:
            self._runtime.run()
        except BaseException as error:
            self._failure = error
        finally:
            self._stop.set()

    def _beat(self) -> None:
        beat = WorkerHeartbeat(
            worker=self._name,
            at_ms=time.time_ns() // 1_000_000,
            partitions=self._runtime.partitions,
            events=self._runtime.events_seen,
        )
        try:
            self._registry.beat(beat)
        except redis.RedisError as error:
            log.warning("could not write the heartbeat: %s", error)


def build_service(settings: ServiceSettings) -> ExperimentService:
    """Connect and wire; the runtime joins its consumer group here.

    Raises RedisUnreachable, RedisRefuses, or FormatMismatch where Redis was written under other settings.
    """
    client = connect_for_service(settings.state)
    require_same_format(client, {"partitions": str(settings.kafka.partitions)})
    money, skipped = shop_money(client, settings.consumer), SkippedMessages(client).add
    entries = EntryLog(settings.kafka, client, skipped)
    entries.follow()
    definitions = Definitions(ExperimentStore(client), settings.experiments.definitions_s, entries=entries)
    store, largest = TallyPartitions(client), settings.kafka.max_event_bytes
    bounds = EventBounds.from_settings(settings.consumer)
    handler = TallyHandler(store, definitions, settings.experiments, settings.state.duplicate_window)
    wiring = Wiring(
        kafka=settings.kafka,
        settings=settings.consumer,
        inputs=[
            PurchaseInput(money, largest, bounds),
            ConversionInput(definitions, money, largest, bounds),
            ExposureInput(definitions, largest, bounds),
        ],
        claims=group_claims(store, client, settings.kafka, keys.EXPERIMENTS_GROUP, entries, skipped),
        load=handler.load,
        committers=[TallyCommitter(store, KafkaSink(settings.kafka)) for _ in range(settings.consumer.lanes)],
        recovery=NoRollbackRecovery(),
        handler=handler,
        background=_NoBackground(),
        clock=EventTime(),
        merged=MergedCustomers(client, keys.EXPERIMENTS_GROUP, settings.kafka.partitions),
        letters=LetterSender.of(client, settings.kafka, settings.consumer),
        left_to={topic: keys.SEGMENTS_GROUP for topic in EXPERIMENT_INPUTS if topic in SEGMENT_INPUTS},
    )
    registry = WorkerRegistry(client, keys.EXPERIMENT_WORKERS)
    return ExperimentService(
        MicroBatchRuntime(wiring, keys.EXPERIMENTS_GROUP), registry, entries, BackgroundJobs(client)
    )


class _NoBackground:
    """Tallies change by events alone."""

    def due(self, owned: Iterable[OwnedPartition]) -> float:
        return 0.0

    def run(self, owned: Iterable[OwnedPartition]) -> bool:
        return False

    def claimed(self, owned: OwnedPartition) -> None:
        """Nothing is kept of a partition beside what Redis holds."""


class EventTime:
    """How an event counts depends on the times of events, never on when it is read."""

    def now_ms(self, watermark_ms: int, wall_ms: int) -> int:
        return watermark_ms
