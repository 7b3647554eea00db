"""The micro-batch runtime: poll, decode, load, hand over, commit; and what happens when something goes wrong."""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import redis

from consumers.dead_letters import Refused, dead_letter
from consumers.intake import Input, Intake
from consumers.lanes import Lanes
from consumers.ownership import Ownership, is_passing
from consumers.partition_batch import PartitionBatch
from consumers.parts import Claims, Commits, Customers, Handler, Open, Published
from consumers.settings import ConsumerSettings
from consumers.source import KafkaSource, TopicSlice
from events.errors import ShoalError
from events.partitioning import partitions_of
from events.settings import KafkaSettings
from state.partition_store import Fenced, Owned, StateMoved

__all__ = ["Background", "Clock", "MicroBatchRuntime", "Wiring"]

log = logging.getLogger(__name__)

_IDLE_S = 0.1
_CALM_S = 30.0


class Clock(Protocol):
    """What time it is for a partition, in ms since 1970 UTC."""

    def now_ms(self, watermark_ms: int) -> int:
        """Return now, given the largest event time that the partition has seen."""
        ...


class Background(Protocol):
    """Work between the batches: new models and baselines, sweeps."""

    def due(self, owned: Iterable[Owned]) -> bool:
        """Return whether there is anything to do."""
        ...

    def run(self, owned: Iterable[Owned]) -> bool:
        """Do a bounded piece of work; return whether more is waiting."""
        ...

    def claimed(self, owned: Owned) -> None:
        """Take note of a partition that has just been claimed."""
        ...


@dataclass(frozen=True)
class Wiring:
    """The parts that the runtime works with; it has as many lanes as there are committers."""

    kafka: KafkaSettings
    settings: ConsumerSettings
    inputs: Sequence[Input]
    store: Claims
    open: Open
    committers: Sequence[Commits]
    published: Published
    handler: Handler
    background: Background
    clock: Clock


class _Job(NamedTuple):
    owned: Owned
    batch: PartitionBatch
    refused: list[Refused]


class _Confirm(NamedTuple):
    """Wait for what the jobs before it in the same lane have published: once for all their partitions."""


class MicroBatchRuntime:
    """Runs one worker's share of the inputs: fetches and decodes in the calling thread, folds and saves in lanes.

    Owns a partition from the moment its offsets are read until it is revoked or another worker fences it off. After
    any doubt about what Redis holds, the partition is claimed again and continues at the offsets stored there.
    """

    def __init__(self, wiring: Wiring, group: str) -> None:
        self._w = wiring
        settings = wiring.settings
        self._intake = Intake(wiring.kafka, wiring.inputs, int(settings.future_hours * 3_600_000))
        self._lanes = Lanes[_Job | _Confirm](len(wiring.committers), self._carry_out)
        self._stop = threading.Event()
        self._trouble_since = self._trouble_last = 0.0
        self._queued = 0
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
        try:
            while not self._stop.is_set():
                busy = self._step(0.0 if busy else _IDLE_S)
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
        slices = self._source.poll(timeout_s, lambda: self._lanes.busy)
        try:
            self._take_in(slices)
            busy = self._look_after(idle=not slices and timeout_s > 0.0) or bool(slices)
        except Fenced as error:
            self._ownership.lose(error)
        except StateMoved as error:
            self._recover(error)
        except (redis.RedisError, ShoalError) as error:
            self._bear(error)
            self._recover(error)
        else:
            if slices or time.monotonic() - self._trouble_last > _CALM_S:
                self._trouble_since = 0.0
            return busy
        return True

    def _take_in(self, slices: Sequence[TopicSlice]) -> None:
        """Decode while the last batches are being saved, and queue these behind them.

        At most two micro-batches are in the lanes, so that memory stays bounded where Redis or Kafka are slow.
        """
        ends = self._source.ends_reached()
        batches, refused = self._intake.batches(slices, self._ownership.owned, _wall_ms(), ends)
        self._settle(leave=self._queued)
        mine = [batch for batch in batches if batch.partition in self._ownership]
        for batch in mine:
            job = _Job(self._ownership[batch.partition], batch, refused.get(batch.partition, []))
            self._lanes.submit(batch.partition, job)
        lanes = {self._lanes.of(batch.partition): batch.partition for batch in mine}
        for partition in lanes.values():
            self._lanes.submit(partition, _Confirm())
        self._queued = len(mine) + len(lanes)

    def _look_after(self, *, idle: bool) -> bool:
        """Do what needs the partitions at rest; return whether more of that is waiting."""
        owned = self._ownership.owned
        if not (idle or self._ownership.look_due or self._w.background.due(owned.values())):
            return False
        self._settle()
        if idle:
            self._tidy()
        self._ownership.look()
        return self._w.background.run(list(owned.values()))

    def _settle(self, leave: int = 0) -> None:
        """Wait for the lanes, but for their last `leave` jobs.

        A partition that another worker has taken leaves the others alone; any other failure is raised.
        """
        failures = []
        for partition, job, failure in self._lanes.settle(leave):
            if isinstance(failure, Fenced):
                self._ownership.lose(failure)
            elif failure is not None:
                failures.append(failure)
            elif isinstance(job, _Job):
                self._source.commit(partition, job.batch.offsets)
                self.events_seen += sum(len(part.columns) for part in job.batch.events.values())
        if failures:
            raise failures[0]

    def _recover(self, error: redis.RedisError | ShoalError) -> None:
        self._lanes.settle()  # whatever failed, all partitions are claimed again
        self._ownership.reclaim(self.partitions, error)

    def _put_down(self) -> None:
        """Finish what the lanes have in hand, so that the next owner has nothing to repeat."""
        try:
            self._settle()
            self._tidy()
        except (redis.RedisError, ShoalError) as error:
            log.warning(
                "giving partitions up with changes unsent or untrimmed (%s); their next owner sends them", error
            )

    def _tidy(self) -> None:
        for committer in self._w.committers:
            committer.confirm()
        for each in self._ownership.owned.values():
            self._w.committers[0].tidy(each)

    def _assigned(self, partitions: list[int]) -> dict[int, dict[str, int]]:
        self._put_down()
        return self._ownership.assigned(partitions)

    def _revoked(self, partitions: list[int]) -> None:
        self._put_down()
        self._ownership.revoked(partitions)

    def _bear(self, error: redis.RedisError | ShoalError) -> None:
        """Wait a little after a failure that may pass; raise it when the same trouble has lasted too long."""
        self._trouble_last = now = time.monotonic()
        self._trouble_since = self._trouble_since or now
        if not is_passing(error) or now - self._trouble_since > self._w.settings.redis_retry_s:
            raise error
        self._stop.wait(min(2.0, 0.05 + (now - self._trouble_since)))

    def _carry_out(self, lane: int, job: _Job | _Confirm) -> None:
        """Do a job; runs in a lane."""
        if isinstance(job, _Confirm):
            self._w.committers[lane].confirm()
        else:
            self._process(*job, self._w.committers[lane])

    def _process(self, owned: Owned, batch: PartitionBatch, refused: list[Refused], committer: Commits) -> None:
        """Fold and save one partition's part of a micro-batch."""
        ids, slots = batch.customer_ids()
        customers = self._w.open(owned, ids, batch)
        if not customers.known.all() and self._reroute(batch, customers, committer):
            ids, slots = batch.customer_ids()
            customers = self._w.open(owned, ids, batch)
        wall_ms = _wall_ms()
        for each in refused:
            committer.send_elsewhere("dead-letters", None, dead_letter(each, wall_ms))
        watermark_ms = max(owned.watermark_ms, batch.latest_ms())
        columns = {topic: part.columns for topic, part in batch.events.items()}
        outcome = self._w.handler.apply(owned, customers, columns, slots, self._w.clock.now_ms(watermark_ms))
        for topic, part in batch.events.items():
            others = outcome.fates.get(topic, {})
            for fate, events in others.items():
                batch.count(topic, fate, events)
            batch.count(topic, "applied", len(part.columns) - sum(others.values()))
        committer.begin(owned, outcome, batch.offsets, batch.fates, watermark_ms)

    def _reroute(self, batch: PartitionBatch, customers: Customers, committer: Commits) -> bool:
        """Send the events of unknown customers who belong to other partitions there; return whether there were any."""
        strangers = np.flatnonzero(~customers.known)
        names = [customers.ids[i] for i in strangers.tolist()]
        homes = partitions_of(names, self._w.kafka.partitions)
        misplaced = {name: home for name, home in zip(names, homes.tolist(), strict=True) if home != batch.partition}
        if not misplaced:
            return False
        for topic, part in batch.events.items():
            away = np.array([name in misplaced for name in part.columns.customer_ids], np.bool_)
            for i in np.flatnonzero(away).tolist():
                name, value = part.columns.customer_ids[i], part.messages.values[int(part.positions[i])]
                committer.send_elsewhere(topic, name.encode(), value or b"", misplaced[name])
            batch.count(topic, "rerouted", int(away.sum()))
            batch.events[topic] = part.take(np.flatnonzero(~away))
        return True


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
