"""The micro-batch runtime: poll, decode, load, hand over, commit; and what happens when something goes wrong."""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import redis

from consumers.broker.fetched import TopicSlice
from consumers.broker.kafka_sink import SinkFailed
from consumers.broker.kafka_source import KafkaSource
from consumers.runtime.background_jobs import Background, Chore
from consumers.runtime.intake import Input, Intake
from consumers.runtime.lanes import Lanes
from consumers.runtime.ownership import Ownership
from consumers.runtime.processing import Job, Part, Processing
from consumers.runtime.protocols import Claims, Clock, Commits, Handler, Open, Published
from consumers.runtime.retry_policy import Trouble, is_passing
from consumers.settings import ConsumerSettings
from events.codec.column_decoder import is_compiled
from events.errors import ShoalError
from events.settings import KafkaSettings
from events.time_units import HOUR_MS
from state.partitions.owned_partition import Fenced, OwnedPartition, StateMismatch

__all__ = ["MicroBatchRuntime", "Wiring"]

log = logging.getLogger(__name__)

_IDLE_S = 0.1
_PAUSE_S = 0.01
"""How long nothing must arrive before what was saved last is tidied up."""
_TOGETHER = 4_000
"""Events up to which all partitions of a micro-batch are one job."""
_WORTH_QUEUEING = 5_000
"""Events from which a micro-batch is decoded while the one before it is being saved."""


@dataclass(frozen=True)
class Wiring:
    """The parts that the runtime works with; it has as many lanes as there are committers."""

    kafka: KafkaSettings
    settings: ConsumerSettings
    inputs: Sequence[Input]
    store: Claims
    open_all: Open
    committers: Sequence[Commits]
    published: Published
    handler: Handler
    background: Background
    clock: Clock


class MicroBatchRuntime:
    """Runs one worker's share of the inputs: fetches and decodes in the calling thread, folds and saves in lanes.

    Owns a partition from the moment its offsets are read until it is revoked or another worker fences it off. After
    any doubt about what Redis holds, the partition is claimed again and continues at the offsets stored there.
    """

    def __init__(self, wiring: Wiring, group: str) -> None:
        self._w = wiring
        settings = wiring.settings
        self._intake = Intake(wiring.kafka, wiring.inputs, int(settings.future_hours * HOUR_MS))
        self._processing = Processing(wiring.kafka, wiring.open_all, wiring.committers, wiring.handler, wiring.clock)
        self._lanes = Lanes[Job | Chore](len(wiring.committers), self._work)
        self._stop = threading.Event()
        self._trouble = Trouble(settings.redis_retry_s, self._stop.wait)
        self._queued = self._chores = 0
        self._rest_until = 0.0
        self._together = self._idle = False
        self._tidied = True
        self.events_seen = 0
        self._ownership = Ownership(
            wiring.store,
            wiring.committers[0],
            wiring.published,
            wiring.background.claimed,
            self._stop.wait,
            patience_s=settings.redis_retry_s,
            fence_s=2.0 * settings.session_timeout_s,
        )
        topics = [each.topic for each in wiring.inputs]
        self._source = KafkaSource(wiring.kafka, settings, topics, group, self._assigned, self._revoked)
        self._ownership.source = self._source

    @property
    def partitions(self) -> list[int]:
        """The partitions that this worker owns now."""
        return sorted(self._ownership.owned)

    def stop(self) -> None:
        """Finish the batches in hand and leave; callable from any thread."""
        self._stop.set()

    def run(self) -> None:
        """Work until `stop`. Raises what cannot be healed by trying again."""
        busy = False
        if not is_compiled():
            log.warning(
                "Shoal was installed without a C compiler, so that its compiled parts are missing: "
                "this worker takes half as long again for each event as it would with them"
            )
        try:
            while not self._stop.is_set():
                busy = self._step(0.0 if busy else _IDLE_S if self._tidied else _PAUSE_S)
        except (redis.RedisError, ShoalError) as error:
            if not (self._stop.is_set() and is_passing(error)):
                raise
            log.warning("stopping while this was being tried again: %s", error)
        finally:
            self._put_down()
            self._lanes.close()
            self._source.close()

    def _step(self, timeout_s: float) -> bool:
        """Take in what has arrived, then do a piece of background work; return whether more is waiting.

        Messages are taken in before anything else: whatever claims a partition anew also moves where it is read.
        """
        slices = self._source.poll(timeout_s, self._wanted)
        try:
            self._take_in(slices)
            # After background work nothing is waited for, so that it goes on at once while still nothing arrives.
            self._idle = not slices and (self._idle or timeout_s >= _IDLE_S)
            if timeout_s > 0.0 and not slices and not self._tidied:
                self._tidy()
            busy = self._look_after(idle=self._idle) or bool(slices)
        except Fenced as error:
            self._ownership.lose(error)
        except StateMismatch as error:
            self._recover(error)
        except (redis.RedisError, ShoalError) as error:
            self._trouble.bear(error)
            self._recover(error)
        else:
            self._trouble.went_well(worked=bool(slices))
            return busy
        return True

    def _wanted(self, events: int, timeout_s: float) -> bool:
        """Wait, at most for so long, until a batch of so many events can be made use of; return whether it can.

        It can when nothing is being saved; a larger one also while one other batch is, since decoding it takes a while.
        """
        return self._lanes.rest(timeout_s, leave=self._queued if events >= _WORTH_QUEUEING else 0)

    def _take_in(self, slices: Sequence[TopicSlice]) -> None:
        """Decode while the last batches are being saved, and queue these behind them.

        At most two micro-batches are in the lanes, so that memory stays bounded where Redis or Kafka are slow.
        """
        wall_ms, ends = time.time_ns() // 1_000_000, self._source.ends_reached()
        batches, refused = self._intake.batches(slices, self._ownership.owned, wall_ms, ends)
        self._settle(leave=self._queued)
        parts = [
            Part(self._ownership[batch.partition], batch, refused.get(batch.partition, []))
            for batch in batches
            if batch.partition in self._ownership
        ]
        jobs = self._jobs(parts)
        for lane, job in jobs.items():
            self._lanes.submit(lane, job)
            self._tidied = False
        self._queued = len(jobs)

    def _jobs(self, parts: Sequence[Part]) -> dict[int, Job]:
        """Return the jobs by lane; a partition keeps its lane, so that its parts are saved in their order.

        The partitions of a small micro-batch are one job, as most of its cost is the same for one as for all.
        """
        together = sum(len(part.columns) for each in parts for part in each.batch.events.values()) <= _TOGETHER
        if together != self._together:
            self._rest()
            self._together = together
        jobs: dict[int, Job] = {}
        for each in parts:
            if each.batch.partition in self._ownership:
                jobs.setdefault(self._lane(each.batch.partition), []).append(each)
        return jobs

    def _look_after(self, *, idle: bool) -> bool:
        """Compare what is known of the partitions with Redis, and do background work; return whether more is waiting.

        While events arrive, that takes its share of the time and no more, in a lane, behind the batches there.
        """
        owned = self._ownership.owned
        if not idle and not self._ownership.reclaim_due:
            self._ownership.look(self._moving())
            self._begin_chore()
            return False
        self._rest()
        self._w.background.due(owned.values())
        self._ownership.look()
        return idle and self._w.background.run(owned.values())

    def _moving(self) -> set[int]:
        """Return the partitions that are just being saved."""
        return {each.partition for job in self._lanes.jobs for each in _owned(job)}

    def _begin_chore(self) -> None:
        """Queue a piece of background work behind the batches of a lane, another lane's the next time.

        One piece at a time, and nothing is asked of it meanwhile, so that it need not mind other threads.
        """
        if any(isinstance(job, Chore) for job in self._lanes.jobs):
            return
        share = self._w.background.due(self._ownership.owned.values())
        if not share or time.monotonic() < self._rest_until:
            return
        lane = self._chores % len(self._lanes)
        self._chores += 1
        mine = [each for each in self._ownership.owned.values() if self._lane(each.partition) == lane]
        if mine:
            self._lanes.submit(lane, Chore(self._w.background, mine, share))
            self._queued += 1

    def _lane(self, partition: int) -> int:
        return 0 if self._together else partition % len(self._lanes)

    def _work(self, lane: int, job: Job | Chore) -> None:
        if isinstance(job, Chore):
            self._processing.do(lane, job)
        else:
            self._processing(lane, job)

    def _settle(self, leave: int = 0) -> None:
        """Wait for the lanes, but for their last `leave` jobs.

        A partition that another worker has taken leaves the others alone; any other failure is raised.
        """
        failures = []
        for job, failure in self._lanes.settle(leave):
            if failure is not None:
                failures.append(failure)
            for owned in _owned(job):
                if owned.fenced:
                    self._ownership.lose(owned.fenced)
            if isinstance(job, Chore):
                self._rest_until = time.monotonic() + job.rest_s
            elif failure is None:
                self._note_saved(job)
        if failures:
            raise failures[0]

    def _rest(self) -> None:
        """Wait for the lanes, and until Kafka has what they published: then another committer may go on."""
        try:
            self._settle()
        finally:
            self._processing.confirm_all()

    def _note_saved(self, job: Job) -> None:
        for owned, batch, _ in job:
            if not owned.fenced:
                self._source.commit(owned.partition, batch.offsets)
                self.events_seen += sum(len(part.columns) for part in batch.events.values())

    def _recover(self, error: redis.RedisError | ShoalError) -> None:
        """Claim all partitions again, whatever has failed, once nothing sent before can arrive after that."""
        self._lanes.settle()
        with suppress(SinkFailed):
            self._processing.confirm_all()
        self._ownership.reclaim(self.partitions, error)

    def _put_down(self) -> None:
        """Finish what the lanes have in hand, so that the next owner has nothing to repeat."""
        try:
            self._tidy()
        except (redis.RedisError, ShoalError) as error:
            log.warning(
                "giving partitions up with changes unsent or untrimmed (%s); their next owner sends them", error
            )

    def _tidy(self) -> None:
        """Trim the outboxes of what Kafka has acknowledged, once the lanes are at rest."""
        self._rest()
        self._tidied = True
        for each in self._ownership.owned.values():
            self._w.committers[0].tidy(each)

    def _assigned(self, partitions: list[int]) -> dict[int, dict[str, int]]:
        self._put_down()
        return self._ownership.assigned(partitions)

    def _revoked(self, partitions: list[int]) -> None:
        self._put_down()
        self._ownership.revoked(partitions)


def _owned(job: Job | Chore) -> Sequence[OwnedPartition]:
    return job.owned if isinstance(job, Chore) else [part.owned for part in job]
