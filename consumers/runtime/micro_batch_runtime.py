"""The micro-batch runtime: poll, decode, load, process, commit; and recovery from failures."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic

import redis

from consumers.broker.fetched import TopicSlice
from consumers.broker.kafka_sink import SinkFailed
from consumers.broker.kafka_source import KafkaSource
from consumers.runtime.intake import Input, Intake
from consumers.runtime.lane_processing import BatchJob, Job, OwnedBatch, Processing
from consumers.runtime.lane_schedule import LaneSchedule, fit_one_lane, owned_by
from consumers.runtime.lanes import FinishedJob, Lanes
from consumers.runtime.letter_sending import LetterSender
from consumers.runtime.loop_phase import Phase, State
from consumers.runtime.merge_routing import MergeRouting
from consumers.runtime.ownership import Ownership
from consumers.runtime.protocols import C, Clock, Committer, Handler, Load, PartitionClaims, RollbackRecovery, U
from consumers.runtime.retry_policy import RetryPolicy, is_retriable
from consumers.runtime.runtime_metrics import FAILED_TRIES, PROCESSED_EVENTS
from consumers.runtime.work_between_batches import BackgroundJob, BackgroundWork
from consumers.settings import ConsumerSettings
from events.base_error import ShoalError
from events.codec.column_decoder import is_compiled
from events.settings import KafkaSettings
from events.time_units import HOUR_MS
from events.topics.specs import merges_topic
from state.customers.merged_customers import MergedCustomers
from state.operations.service_health import ServiceHealth
from state.partitions.partition_fence import Fenced, StateMismatch

__all__ = ["MicroBatchRuntime", "Wiring"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wiring(Generic[C, U]):
    """The parts that the runtime works with; it has as many lanes as there are committers.

    `left_to` names, by topic, the group that answers for events that are invalid or misplaced, where that is another.
    """

    kafka: KafkaSettings
    settings: ConsumerSettings
    inputs: Sequence[Input]
    claims: PartitionClaims
    load: Load[C]
    committers: Sequence[Committer[U]]
    recovery: RollbackRecovery
    handler: Handler[C, U]
    background: BackgroundWork
    clock: Clock
    merged: MergedCustomers
    letters: LetterSender
    left_to: Mapping[str, str] = field(default_factory=dict)

    def processing(self, group: str) -> Processing[C, U]:
        """Return what lanes do with batches of this consumer group."""
        merges = MergeRouting(group, self.merged)
        return Processing(
            self.kafka, self.load, self.committers, self.handler, self.clock, merges, self.left_to, self.letters
        )


class MicroBatchRuntime:
    """Runs one worker's share of the inputs: fetches and decodes in the calling thread, folds and saves in lanes.

    Owns a partition from the moment its offsets are read until it is revoked or another worker fences it off. Where
    Redis may not hold what was saved, all partitions are claimed again and continue at the offsets stored there.
    `sleep` waits between two tries, and returns True to stop trying: by default once `stop` is called.
    """

    def __init__(
        self,
        wiring: Wiring[Any, Any],
        group: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], bool | None] | None = None,
    ) -> None:
        self._background, self._committer = wiring.background, wiring.committers[0]
        settings, merges = wiring.settings, merges_topic(group)
        future_ms = int(settings.future_hours * HOUR_MS)
        self._intake = Intake(wiring.kafka, wiring.inputs, future_ms, wiring.left_to, merges=merges)
        self._processing = wiring.processing(group)
        self._schedule = LaneSchedule(Lanes[Job](len(wiring.committers), self._processing), clock)
        self._phase = Phase()
        self._stop = threading.Event()
        self._wait = sleep or self._stop.wait
        self.health = ServiceHealth("its partitions, which the consumer group is assigning")
        self._retries = RetryPolicy(settings.redis_retry_s, clock)
        self.events_seen = 0
        self._assigned_once = False
        topics = [*(each.topic for each in wiring.inputs), merges]
        self._source = KafkaSource(wiring.kafka, settings, topics, group, clock)
        self._ownership = Ownership(
            self._source,
            wiring.claims,
            self._committer,
            wiring.recovery,
            wiring.background.claimed,
            retry_s=settings.redis_retry_s,
            fence_s=2.0 * settings.session_timeout_s,
            sleep=self._sleep,
            clock=clock,
        )
        self._source.subscribe(self._assigned, self._revoked)

    @property
    def partitions(self) -> list[int]:
        """The partitions that this worker owns now."""
        return sorted(self._ownership.owned)

    def stop(self) -> None:
        """Finish the current batches and leave; callable from any thread."""
        self._stop.set()

    def run(self) -> None:
        """Work until `stop`. Raises errors that retries cannot resolve."""
        if not is_compiled():
            log.warning(
                "Shoal was installed without a C compiler, so that its compiled parts are missing: "
                "each event takes this worker 50% longer than with them"
            )
        try:
            while not self._stop.is_set():
                self._step()
        except (redis.RedisError, ShoalError) as error:
            if not (self._stop.is_set() and is_retriable(error)):
                raise
            log.warning("stopping before a retry succeeded: %s", error)
        finally:
            self._finish_in_flight()
            self._schedule.close()
            self._source.close()

    def _step(self) -> None:
        """Queue what has arrived, then do what the phase says.

        Messages are queued before anything else: whatever claims a partition anew also moves where it is read.
        """
        self.health.progressed()
        slices = self._source.poll(self._phase.poll_timeout_s, self._schedule.has_room)
        try:
            self._submit(slices)
            state = self._phase.polled(events=bool(slices))
            if state is State.TRIMMED:
                self._trim_outboxes()
            if state is State.BACKGROUND:
                self._phase.background_done(more=self._run_background())
            else:
                self._look_after_owned()
        except Fenced as error:
            self._failed(error)
            self._ownership.lost(error)
        except StateMismatch as error:
            self._failed(error)
            self._recover(error)
        except (redis.RedisError, ShoalError) as error:
            self._failed(error)
            wait_s = self._retries.backoff_s(error)
            if wait_s is None:
                raise
            self._sleep(wait_s)
            self._recover(error)
        else:
            self._retries.succeeded(worked=bool(slices))
            if self._assigned_once:
                self.health.ready()

    def _failed(self, error: Exception) -> None:
        self._phase.failed()
        self.health.not_ready(str(error))
        FAILED_TRIES.labels(type(error).__name__).inc()

    def _sleep(self, seconds: float) -> bool | None:
        self.health.progressed()
        return self._wait(seconds)

    def _submit(self, slices: Sequence[TopicSlice]) -> None:
        """Decode while the last batches are being saved, and queue these behind them.

        At most two micro-batches are in the lanes, so that memory stays bounded where Redis or Kafka are slow.
        """
        wall_ms, ends = time.time_ns() // 1_000_000, self._source.ends_reached()
        batches, rejected = self._intake.batches(slices, self._ownership.owned, wall_ms, ends)
        self._finish(self._schedule.join_earlier())
        mine = [
            OwnedBatch(self._ownership[batch.partition], batch, rejected.get(batch.partition, []))
            for batch in batches
            if batch.partition in self._ownership
        ]
        one_lane = fit_one_lane(mine)
        if one_lane != self._schedule.one_lane:
            self._wait_for_lanes()
            self._schedule.one_lane = one_lane
        self._schedule.submit([each for each in mine if each.batch.partition in self._ownership])

    def _look_after_owned(self) -> None:
        """While events arrive, compare the partitions that no lane is saving with Redis, and queue background work.

        That takes its share of the time and no more, in a lane, behind the batches there.
        """
        if self._ownership.reclaim_due:
            self._wait_for_lanes()
            self._background.due(self._ownership.owned.values())
            self._ownership.verify()
        else:
            self._ownership.verify(self._schedule.in_flight())
            self._schedule.submit_background(self._background, self._ownership.owned.values())

    def _run_background(self) -> bool:
        """While no events arrive, compare all partitions with Redis and do background work; say whether more is due."""
        self._wait_for_lanes()
        self._background.due(self._ownership.owned.values())
        self._ownership.verify()
        return self._background.run(self._ownership.owned.values())

    def _finish(self, jobs: Iterable[FinishedJob[Job]]) -> None:
        """Take note of how jobs have ended.

        A partition that another worker has taken leaves the others alone; any other failure is raised.
        """
        failures = []
        for job, failure in jobs:
            if failure is not None:
                failures.append(failure)
            for owned in owned_by(job):
                if owned.fenced:
                    self._ownership.lost(owned.fenced)
            if failure is None and not isinstance(job, BackgroundJob):
                self._note_saved(job)
        if failures:
            raise failures[0]

    def _note_saved(self, job: BatchJob) -> None:
        for owned, batch, _ in job:
            if not owned.fenced:
                self._source.commit(owned.partition, batch.offsets)
                self.events_seen += batch.event_count
                PROCESSED_EVENTS.add(batch.outcome_counts)

    def _wait_for_lanes(self) -> None:
        """Wait for the lanes, and until Kafka has what they published: then another committer may go on."""
        try:
            self._finish(self._schedule.join())
        finally:
            self._processing.confirm_all()

    def _recover(self, error: redis.RedisError | ShoalError) -> None:
        """Claim all partitions again, whatever has failed, once nothing sent before can arrive after that."""
        self._schedule.join()
        with suppress(SinkFailed):
            self._processing.confirm_all()
        self._ownership.reclaim(self.partitions, error)

    def _trim_outboxes(self) -> None:
        """Trim the outboxes of what Kafka has acknowledged, once the lanes are idle."""
        self._wait_for_lanes()
        for each in self._ownership.owned.values():
            self._committer.trim_outbox(each)

    def _finish_in_flight(self) -> None:
        """Finish the jobs in the lanes, so that the next owner has nothing to repeat."""
        try:
            self._trim_outboxes()
        except (redis.RedisError, ShoalError) as error:
            log.warning(
                "releasing partitions whose outboxes are not empty (%s); their next owner sends the changes", error
            )

    def _assigned(self, partitions: list[int]) -> dict[int, dict[str, int]]:
        self._finish_in_flight()
        self._assigned_once = True
        return self._ownership.assigned(partitions)

    def _revoked(self, partitions: list[int]) -> None:
        self._finish_in_flight()
        self._ownership.revoked(partitions)
