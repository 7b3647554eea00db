"""The micro-batch runtime: poll, decode, load, hand over, commit; and what happens when something goes wrong."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import redis

from consumers.commit import Committer
from consumers.dead_letters import Refused, dead_letter
from consumers.intake import Input, Intake
from consumers.partition_batch import Handler, PartitionBatch
from consumers.settings import ConsumerSettings
from consumers.sink import KafkaSink, SinkFailed
from consumers.source import KafkaSource
from events.partitioning import partitions_of
from events.settings import KafkaSettings
from state.partition_store import Fenced, Owned, PartitionStore, StateMoved
from state.records import CustomerBatch

__all__ = ["Background", "Clock", "MicroBatchRuntime", "Wiring"]

log = logging.getLogger(__name__)

_IDLE_S = 0.1
_BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Clock(Protocol):
    """What time it is for a partition, in ms since 1970 UTC."""

    def now_ms(self, watermark_ms: int) -> int:
        """Return now, given the largest event time that the partition has seen."""
        ...


class Background(Protocol):
    """Work between the batches: new models and baselines, sweeps."""

    def run(self, owned: Iterable[Owned]) -> bool:
        """Do a bounded piece of work; return whether more is waiting."""
        ...

    def claimed(self, owned: Owned) -> None:
        """Take note of a partition that has just been claimed."""
        ...


@dataclass(frozen=True)
class Wiring:
    """The parts that the runtime works with."""

    kafka: KafkaSettings
    settings: ConsumerSettings
    inputs: Sequence[Input]
    store: PartitionStore
    committer: Committer
    sink: KafkaSink
    handler: Handler
    background: Background
    clock: Clock


class MicroBatchRuntime:
    """Runs one worker's share of the inputs in the calling thread.

    Owns a partition from the moment its offsets are read until it is revoked or another worker fences it off. After
    any doubt about what Redis holds, the partition is claimed again and continues at the offsets stored there.
    """

    def __init__(self, wiring: Wiring, group: str) -> None:
        self._w = wiring
        self._intake = Intake(wiring.kafka, wiring.inputs, int(wiring.settings.future_hours * 3_600_000))
        self._owned: dict[int, Owned] = {}
        self._stop = threading.Event()
        self.events_seen = 0
        topics = [each.topic for each in wiring.inputs]
        self._source = KafkaSource(wiring.kafka, wiring.settings, topics, group, self._assigned, self._revoked)

    @property
    def partitions(self) -> list[int]:
        """The partitions that this worker owns now."""
        return sorted(self._owned)

    def stop(self) -> None:
        """Finish the batch in hand and leave; callable from any thread."""
        self._stop.set()

    def run(self) -> None:
        """Work until `stop`. Raises what cannot be healed by trying again."""
        try:
            busy = False
            while not self._stop.is_set():
                busy = self._step(0.0 if busy else _IDLE_S)
        finally:
            self._source.close()

    def _step(self, timeout_s: float) -> bool:
        slices = self._source.poll(timeout_s)
        try:
            if slices:
                batches, refused = self._intake.batches(slices, self._owned, _wall_ms())
                for batch in batches:
                    self._process_guarded(batch, refused.get(batch.partition, []))
            return self._w.background.run(list(self._owned.values())) or bool(slices)
        except Fenced as error:
            log.warning("%s", error)
            self._owned.pop(error.partition, None)
        except StateMoved as error:
            log.warning("%s", error)
            self._reclaim([error.partition])
        except (redis.RedisError, SinkFailed) as error:
            log.warning("cannot save (%s); claiming the partitions again", error)
            self._reclaim(list(self._owned))
        return True

    def _process_guarded(self, batch: PartitionBatch, refused: list[Refused]) -> None:
        """Process a partition's batch; losing one partition leaves the others alone."""
        try:
            self._process(batch, refused)
        except Fenced as error:
            log.warning("%s", error)
            self._owned.pop(batch.partition, None)
        except StateMoved as error:
            log.warning("%s", error)
            self._reclaim([batch.partition])

    def _process(self, batch: PartitionBatch, refused: list[Refused]) -> None:
        owned = self._owned[batch.partition]
        ids, slots = batch.customer_ids()
        customers = self._w.store.load(batch.partition, ids)
        if not customers.known.all() and self._reroute(batch, customers):
            ids, slots = batch.customer_ids()
            customers = self._w.store.load(batch.partition, ids)
        wall_ms = _wall_ms()
        for each in refused:
            self._w.sink.send("dead-letters", None, dead_letter(each, wall_ms))
        watermark_ms = max(owned.watermark_ms, batch.latest_ms())
        columns = {topic: part.columns for topic, part in batch.events.items()}
        outcome = self._w.handler.apply(owned, customers, columns, slots, self._w.clock.now_ms(watermark_ms))
        for topic, part in batch.events.items():
            repeated = outcome.duplicates.get(topic, 0)
            batch.count(topic, "duplicate", repeated)
            batch.count(topic, "applied", len(part.columns) - repeated)
        self._w.committer.commit(owned, outcome, batch.offsets, batch.fates, watermark_ms)
        self._source.commit(batch.partition, batch.offsets)
        self.events_seen += sum(len(part.columns) for part in batch.events.values())

    def _reroute(self, batch: PartitionBatch, customers: CustomerBatch) -> bool:
        """Send the events of unknown customers who belong to other partitions there; return whether there were any."""
        strangers = np.flatnonzero(~customers.known)
        names = [customers.ids[i] for i in strangers.tolist()]
        homes = partitions_of(names, self._w.kafka.partitions)
        misplaced = {name for name, home in zip(names, homes.tolist(), strict=True) if home != batch.partition}
        if not misplaced:
            return False
        for topic, part in batch.events.items():
            away = np.array([name in misplaced for name in part.columns.customer_ids], np.bool_)
            for i in np.flatnonzero(away).tolist():
                value = part.messages.values[int(part.positions[i])]
                self._w.sink.send(topic, part.columns.customer_ids[i].encode(), value or b"")
            batch.count(topic, "rerouted", int(away.sum()))
            batch.events[topic] = part.take(np.flatnonzero(~away))
        return True

    def _assigned(self, partitions: list[int]) -> dict[int, dict[str, int]]:
        self._owned.clear()
        self._retrying(lambda: self._claim_all(partitions))
        log.info("assigned partitions %s", partitions)
        return {partition: self._owned[partition].offsets for partition in partitions}

    def _revoked(self, partitions: list[int]) -> None:
        for partition in partitions:
            self._owned.pop(partition, None)
        log.info("gave up partitions %s", partitions)

    def _claim_all(self, partitions: list[int]) -> None:
        for partition in partitions:
            self._claim(partition)

    def _claim(self, partition: int) -> None:
        owned = self._w.store.claim(partition)
        sent = self._w.committer.drain(owned)
        if sent:
            log.info("partition %d: sent %d changes that were saved but perhaps not sent", partition, sent)
        self._owned[partition] = owned
        self._w.background.claimed(owned)

    def _reclaim(self, partitions: list[int]) -> None:
        """Claim partitions again and continue each at the offsets that are stored beside its state."""
        self._source.pause(partitions)
        self._retrying(lambda: self._claim_all(partitions))
        for partition in partitions:
            self._source.seek(partition, self._owned[partition].offsets)
        self._source.resume(partitions)

    def _retrying(self, work: Callable[[], object]) -> None:
        """Try until Redis and Kafka answer, at most `redis_retry_s` seconds."""
        deadline = time.monotonic() + self._w.settings.redis_retry_s
        attempt = 0
        while True:
            try:
                work()
            except (redis.RedisError, SinkFailed, StateMoved) as error:
                if time.monotonic() > deadline or self._stop.is_set():
                    raise
                log.warning("not possible now (%s); trying again", error)
                self._stop.wait(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
                attempt += 1
            else:
                return


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
