"""A Shoal deployment of a test's own: topics with a prefix, worker processes, and readers of what they wrote."""

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from cli.local.embedded import ChildProcess
from consumers.broker.consumer_lag import behind, end_offsets, stored_offsets, unsent_changes
from consumers.broker.kafka_sink import KafkaSink
from consumers.dead_letters.stored_letters import DeadLetterLog
from consumers.history.segment_changes_reader import ChangeLog, read_changes
from events.schema.outputs import DeadLetter
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.specs import SEGMENT_TOPICS, topic_specs
from state.customers.current_segment_keys import SegmentView, SegmentViews
from state.partitions.partition_store import PartitionStore
from state.partitions.watermarks_and_outcomes import read_outcome_counts
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from state.store import keys
from state.store.connection import connect
from tests.waiting import PATIENCE_S, until, until_within

T = TypeVar("T")


class Message(NamedTuple):
    """One event on its way to a topic; `partition` is chosen by the key where it is None."""

    topic: str
    key: str | bytes | None
    value: bytes | None
    partition: int | None = None


class Deployment:
    """What a test starts, feeds and reads."""

    def __init__(self, kafka: str, redis_url: str, prefix: str, directory: Path, partitions: int = 4) -> None:
        self.kafka = KafkaSettings(kafka=kafka, topic_prefix=prefix, partitions=partitions)
        self.redis = connect(redis_url)
        self.directory = directory
        self.environment = {
            "SHOAL_KAFKA": kafka,
            "SHOAL_REDIS": redis_url,
            "SHOAL_TOPIC_PREFIX": prefix,
            "SHOAL_PARTITIONS": str(partitions),
            "SHOAL_CLOCK": "event",
            "SHOAL_SESSION_TIMEOUT_S": "3",
            "SHOAL_SWEEP_S": "0.5",
            "SHOAL_MODEL_S": "0.2",
            "SHOAL_TRIGGER_ADDRESSES": "any",  # receivers of webhooks are on this host
        }
        self._children: list[ChildProcess] = []
        create_topics(kafka, topic_specs(self.kafka))

    def spawn(self, *arguments: str, **settings: str) -> ChildProcess:
        """Start `shoal …` with settings given as SHOAL_…=value."""
        name = f"{arguments[0]}-{len(self._children)}"
        child = ChildProcess(
            name,
            [sys.executable, "-P", "-m", "cli.main", *arguments],
            log=self.directory / f"{name}.log",
            env={**os.environ, **self.environment, **settings},
        )
        child.spawn()
        self._children.append(child)
        return child

    def worker(self, **settings: str) -> ChildProcess:
        """Start a worker; it is not waited for."""
        return self.spawn("worker", **settings)

    def close(self) -> None:
        for child in self._children:
            child.kill()
        self.redis.close()

    def publish(self, messages: Iterable[Message]) -> int:
        """Publish messages and wait for their acknowledgement; return how many."""
        producer = Producer(
            {
                "bootstrap.servers": self.kafka.kafka,
                "partitioner": "murmur2_random",
                "message.max.bytes": 16 << 20,
                "linger.ms": 5,
            }
        )
        count = 0
        for topic, key, value, partition in messages:
            place = {} if partition is None else {"partition": partition}
            producer.produce(self.kafka.topic(topic), value, key, **place)
            producer.poll(0)
            count += 1
        assert producer.flush(60) == 0
        return count

    def until(self, done: Callable[[], T], timeout_s: float = PATIENCE_S, what: str = "") -> T:
        """Wait for a condition and return what met it; on failure say what, and show the logs' ends."""
        with self._logs_shown():
            return until(done, timeout_s, what)

    def until_within(self, promised_s: float, done: Callable[[], T], what: str = "") -> T:
        """As `until`, for what is promised within seconds of a machine that has room."""
        with self._logs_shown():
            return until_within(promised_s, done, what)

    @contextmanager
    def _logs_shown(self) -> Iterator[None]:
        try:
            yield
        except AssertionError as failure:
            logs = "\n".join(f"{child.service}: {child.log_tail(8)}" for child in self._children)
            raise AssertionError(f"{failure}\n{logs}") from None

    def kill_while(self, worker: ChildProcess, holds: Callable[[], bool]) -> None:
        """Kill a worker at a moment at which a condition holds, and goes on to hold: it is looked at while paused."""
        while True:
            while not holds():  # without a pause, so as not to miss it
                assert worker.running, worker.log_tail(20)
            os.kill(worker.pid, signal.SIGSTOP)
            if holds() and holds():  # the second time, after all that was on its way to Redis
                worker.kill()
                return
            os.kill(worker.pid, signal.SIGCONT)

    def until_processed(self, timeout_s: float = PATIENCE_S) -> dict[tuple[str, int], int]:
        """Wait until all that is published is processed and sent; return the ends of the topics.

        What partitions send each other meanwhile is waited for too: then no topic has grown since.
        """
        while True:
            ends = end_offsets(self.kafka, SEGMENT_TOPICS)
            self.until(partial(self._is_processed, ends), timeout_s, f"everything processed; ends {ends}")
            if end_offsets(self.kafka, SEGMENT_TOPICS) == ends:
                return ends

    def _is_processed(self, ends: Mapping[tuple[str, int], int]) -> bool:
        return not behind(ends, self.stored()) and not unsent_changes(self.redis, self.kafka.partitions)

    def until_owned(self, workers: int = 1, key: str = keys.WORKERS) -> None:
        """Wait until that many workers own all partitions between them."""
        self.until(lambda: self.owned_by(workers, key), what=f"{workers} workers own all partitions")

    def owned_by(self, workers: int, key: str = keys.WORKERS) -> bool:
        """Whether that many workers own all partitions between them."""
        owned = [beat.partitions for beat in self.beats(key) if beat.partitions]
        return len(owned) == workers and sorted(itertools.chain(*owned)) == list(range(self.kafka.partitions))

    def beats(self, key: str = keys.WORKERS) -> list[WorkerHeartbeat]:
        """Return the last heartbeat of each worker whose process runs; Redis remembers the killed ones as well."""
        running = {child.pid for child in self._children if child.running}
        beats = WorkerRegistry(self.redis, key).beats(time.time_ns() // 1_000_000)
        return [beat for beat in beats if process_id(beat) in running]

    def heard_from(self) -> list[WorkerHeartbeat] | None:
        """Return the heartbeats of the workers that run, None until each of them has told one."""
        beats = self.beats()
        running = {child.pid for child in self._children if child.running and child.service.startswith("worker-")}
        return beats if running <= {process_id(beat) for beat in beats} else None

    def process_of(self, beat: WorkerHeartbeat) -> ChildProcess:
        """Return the running worker that a heartbeat is of."""
        (child,) = [each for each in self._children if each.running and each.pid == process_id(beat)]
        return child

    def stored(self) -> dict[tuple[str, int], int]:
        return stored_offsets(self.redis, self.kafka.partitions, keys.SEGMENTS_GROUP)

    def outcome_counts(self) -> dict[str, int]:
        return read_outcome_counts(self.redis, self.kafka.partitions, keys.SEGMENTS_GROUP)

    def snapshot(self) -> dict[bytes, bytes]:
        """What Redis holds, but for the workers' heartbeats."""
        return {key: self.redis.dump(key) for key in self.redis.keys("*") if key != b"workers"}

    def come_back_older(self, older: Mapping[bytes, bytes]) -> None:
        """Put Redis back to what it was, at once, as a restart from an older file would."""
        with self.redis.pipeline(transaction=True) as pipe:
            pipe.flushdb()
            for key, value in older.items():
                pipe.restore(key, 0, value)
            pipe.execute()

    def records(self) -> dict[str, np.void]:
        """Return every customer's row, whatever the partition."""
        store, found = PartitionStore(self.redis, keys.SEGMENTS_GROUP), {}
        for partition in range(self.kafka.partitions):
            cursor, rows = 0, {}
            while True:
                cursor, batch = store.scan(partition, cursor, 5_000)
                rows.update(zip(batch.ids, batch.rows, strict=True))
                if cursor == 0:
                    break
            assert not rows.keys() & found.keys(), "a customer is in two partitions"
            found |= rows
        return found

    def changes(self) -> ChangeLog:
        return read_changes(self.kafka)

    def view(self, customer_id: str) -> SegmentView | None:
        return SegmentViews(self.redis).read(customer_id)

    def views(self, customer_ids: Iterable[str]) -> dict[str, SegmentView | None]:
        ids = list(customer_ids)
        return dict(zip(ids, SegmentViews(self.redis).read_many(ids), strict=True))

    def sink(self) -> KafkaSink:
        return KafkaSink(self.kafka)

    def dead_letters(self) -> list[DeadLetter]:
        """Return the letters that are not deleted."""
        return [each.letter for each in DeadLetterLog(self.kafka, self.redis).read()]

    def compacted(self, topic: str) -> dict[bytes | None, bytes | None]:
        """Return a topic as compaction leaves it."""
        return dict(self._read(topic))

    def read(self, topic: str) -> list[bytes]:
        """Return the values of a whole topic."""
        return [value for _, value in self._read(topic) if value is not None]

    def read_with_keys(self, topic: str) -> list[tuple[bytes | None, bytes | None]]:
        """Return the keys and values of a whole topic."""
        return list(self._read(topic))

    def _read(self, topic: str) -> Iterator[tuple[bytes | None, bytes | None]]:
        consumer = Consumer({"bootstrap.servers": self.kafka.kafka, "group.id": "test", "enable.auto.commit": False})
        try:
            name = self.kafka.topic(topic)
            partitions = consumer.list_topics(name, timeout=60).topics[name].partitions
            open_places = {}
            for partition in partitions:
                _, end = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=60)
                if end:
                    open_places[partition] = end
            consumer.assign([TopicPartition(name, partition, OFFSET_BEGINNING) for partition in open_places])
            heard = True
            while open_places or heard:  # the embedded broker reports ends too low: read on until nothing comes
                messages = consumer.consume(10_000, 0.5)
                heard = bool(messages)
                for message in messages:
                    assert message.error() is None, message.error()
                    yield message.key(), message.value()
                    if message.offset() + 1 >= open_places.get(message.partition(), 0):
                        open_places.pop(message.partition(), None)
        finally:
            consumer.close()


def process_id(beat: WorkerHeartbeat) -> int:
    """Return the process that a heartbeat is of: workers are named for their host, their process, and by chance."""
    return int(beat.worker.split("-")[-2])
