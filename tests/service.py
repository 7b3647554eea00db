"""A Shoal deployment of a test's own: topics with a prefix, worker processes, and readers of what they wrote."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from cli.local.embedded import ChildProcess
from consumers.broker.consumer_lag import behind, end_offsets, stored_offsets, unsent_changes
from consumers.broker.kafka_sink import KafkaSink
from consumers.history.segment_changes_reader import ChangeLog, read_changes
from events.schema.outputs import DeadLetter
from events.settings import KafkaSettings
from events.time_units import DAY_MS
from events.topics.administration import create_topics
from events.topics.specs import CO_PARTITIONED, topic_specs
from state.customers.records import RECORD
from state.customers.segment_views import SegmentView, SegmentViews
from state.model.baselines import BaselineStore, ModelStore
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import PartitionStore
from state.partitions.watermarks import read_fates
from state.partitions.worker_heartbeats import WorkerRegistry
from state.store import keys
from state.store.connection import connect
from stream.model.live_segmenter import LiveSegmenter

HALF_LIFE_MS = 90.0 * DAY_MS
SEGMENTATION_FIELDS = ("cluster", "segment", "baseline", "change_number", "learned_at", "since", "earlier")
EVENT_FIELDS = tuple(name for name in RECORD.names if name not in SEGMENTATION_FIELDS)
"""The fields of a record that events alone determine, in whatever order they come."""


T = TypeVar("T")


class Message(NamedTuple):
    """One event on its way to a topic; `partition` is chosen by the key where it is None."""

    topic: str
    key: str | bytes | None
    value: bytes | None
    partition: int | None = None


class Written(NamedTuple, Generic[T]):
    """What Kafka was told, and what Redis held at that moment, by customer."""

    told: T
    records: dict[str, np.void]
    views: dict[str, SegmentView | None]


class Service:
    """What a test starts, feeds and looks at."""

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

    def until(self, done: Callable[[], T], timeout_s: float = 60.0, what: str = "") -> T:
        """Wait for a condition and return what met it; on failure say what, and show the logs' ends."""
        deadline = time.monotonic() + timeout_s
        while not (met := done()):
            if time.monotonic() > deadline:
                logs = "\n".join(f"{child.service}: {child.log_tail(8)}" for child in self._children)
                raise AssertionError(f"not within {timeout_s:g} s: {what or done}\n{logs}")
            time.sleep(0.05)
        return met

    def until_processed(self, timeout_s: float = 90.0) -> dict[tuple[str, int], int]:
        """Wait until all that is published is processed and sent; return the ends of the topics."""
        ends = end_offsets(self.kafka, CO_PARTITIONED)
        self.until(
            lambda: not behind(ends, self.stored()) and not unsent_changes(self.redis, self.kafka.partitions),
            timeout_s,
            f"everything processed; ends {ends}",
        )
        return ends

    def until_owned(self, workers: int = 1, timeout_s: float = 60.0) -> None:
        """Wait until that many workers own all partitions between them."""

        def shared() -> bool:
            owned = [set(beat.partitions) for beat in self.beats() if beat.partitions]
            return len(owned) == workers and sum(map(len, owned)) == self.kafka.partitions

        self.until(shared, timeout_s, f"{workers} workers own all partitions")

    def beats(self):
        now_ms = time.time_ns() // 1_000_000
        return [beat for beat in WorkerRegistry(self.redis).beats(now_ms) if now_ms - beat.at_ms < 3_000]

    def stored(self) -> dict[tuple[str, int], int]:
        return stored_offsets(self.redis, self.kafka.partitions, keys.SEGMENTS_GROUP)

    def fates(self) -> dict[str, int]:
        return read_fates(self.redis, self.kafka.partitions, keys.SEGMENTS_GROUP)

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
        return [DeadLetter.model_validate_json(value) for value in self.read("dead-letters")]

    def read(self, topic: str) -> list[bytes]:
        """Return the values of a whole topic."""
        return [value for value in self._read(topic) if value is not None]

    def _read(self, topic: str) -> Iterator[bytes | None]:
        consumer = Consumer({"bootstrap.servers": self.kafka.kafka, "group.id": "test", "enable.auto.commit": False})
        try:
            name = self.kafka.topic(topic)
            partitions = consumer.list_topics(name, timeout=10).topics[name].partitions
            open_places = {}
            for partition in partitions:
                _, end = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=10)
                if end:
                    open_places[partition] = end
            consumer.assign([TopicPartition(name, partition, OFFSET_BEGINNING) for partition in open_places])
            heard = True
            while open_places or heard:  # the embedded broker reports ends too low: read on until nothing comes
                messages = consumer.consume(10_000, 0.5)
                heard = bool(messages)
                for message in messages:
                    assert message.error() is None, message.error()
                    yield message.value()
                    if message.offset() + 1 >= open_places.get(message.partition(), 0):
                        open_places.pop(message.partition(), None)
        finally:
            consumer.close()

    def moved_over(self, baseline: int) -> bool:
        """Whether every partition is completely under a baseline."""
        parts = ModelStore(self.redis).partition_sums(self.kafka.partitions)
        return bool(parts) and all(part.swept == part.baseline == baseline for part in parts)

    def model_is_current(self) -> bool:
        """Whether the published centroids are those of the sums, and every partition has moved over.

        A cluster that starves keeps its centroid, so its sums say nothing of it.
        """
        baseline, model = BaselineStore(self.redis).current(), ModelStore(self.redis).current()
        parts = ModelStore(self.redis).partition_sums(self.kafka.partitions)
        if baseline is None or model is None or any(part.swept != baseline.baseline for part in parts):
            return False
        total = sum((part.sums for part in parts[1:]), parts[0].sums)
        starving = {segment_id for beat in self.beats() for segment_id in beat.starving}
        lives = [each.segment_id not in starving for each in baseline.segments]
        centroids = np.array(model.centroids)
        return np.array_equal(total.means(otherwise=centroids)[lives], centroids[lives])

    def until_quiet(self, quiet_s: float = 1.5) -> None:
        """Wait until no customer has moved for a while (the sweep and the model may still follow each other)."""
        moved, since = -1, time.monotonic()

        def quiet() -> bool:
            nonlocal moved, since
            now = sum(_change_numbers(self.records()).values())
            if now != moved:
                moved, since = now, time.monotonic()
            return time.monotonic() - since > quiet_s

        self.until(quiet, 60, "nobody moves")

    def at_one_moment(self, told: Callable[[], T]) -> Written[T]:
        """Return what was told, the records and the views as they were together: nobody moved while they were read.

        The model learns on after the last event, and customers at a border follow it whenever it has moved enough.
        """
        for _ in range(20):
            self.until(lambda: not unsent_changes(self.redis, self.kafka.partitions), what="all changes are sent")
            before = self.records()
            written = Written(told(), before, self.views(before))
            if _change_numbers(self.records()) == _change_numbers(before):
                return written
        raise AssertionError("customers moved in each of 20 times that all was read")

    def assert_changes_agree(self) -> ChangeLog:
        """The change log, folded, the views and the records tell the same segment for every customer."""
        self.until_quiet()
        log, records, views = self.at_one_moment(self.changes)
        assert log.latest.keys() == records.keys()
        for customer_id, change in log.latest.items():
            view, row = views[customer_id], records[customer_id]
            assert (view.segment_id, view.change_id) == (change.segment_id, change.change_id)
            assert f"s{row['segment']}" == change.segment_id
            assert row["change_number"] == change.change_number
        return log

    def assert_fates_add_up(self, ends: Mapping[tuple[str, int], int]) -> dict[str, int]:
        """Every event that was consumed has one fate."""
        fates = self.fates()
        for topic in CO_PARTITIONED:
            consumed = sum(end for (name, _), end in ends.items() if name == self.kafka.topic(topic))
            counted = sum(count for name, count in fates.items() if name.startswith(f"{topic}:"))
            assert counted == consumed, (topic, fates)
        return fates

    def assert_model_is_sum_of_customers(self) -> LiveSegmenter:
        """Invariant 12: sums, counts and centroids equal a recomputation from the records.

        Customers may still change their own cluster without a change of segment, so what was read counts only where
        the sums, which are saved together with the records, are the same before and after.
        """
        live = LiveSegmenter(self.redis, HALF_LIFE_MS)
        for _ in range(100):
            live.refresh()
            before, recomputed, after = self._sums(live), self._recomputed(live), self._sums(live)
            if all(np.array_equal(old, new) for old, new in zip(_parts(before), _parts(after), strict=True)):
                break
        for told, found in zip(_parts(before), _parts(recomputed), strict=True):
            np.testing.assert_array_equal(told, found)
        assert before.counts.sum() == len(self.records())
        return live

    def _sums(self, live: LiveSegmenter) -> ModelSums:
        none = ModelSums.zeros(len(live.segmenter.segments), live.segmenter.dimensions)
        return sum((part.sums for part in ModelStore(self.redis).partition_sums(self.kafka.partitions)), none)

    def _recomputed(self, live: LiveSegmenter) -> ModelSums:
        segmenter, store = live.segmenter, PartitionStore(self.redis, keys.SEGMENTS_GROUP)
        k = len(segmenter.segments)
        recomputed = ModelSums.zeros(k, segmenter.dimensions)
        for partition in range(self.kafka.partitions):
            _, batch = store.scan(partition, 0, 1_000_000)
            if len(batch):
                assert (batch.rows["baseline"] == segmenter.baseline).all()
                vectors = segmenter.vectors(batch.rows, batch.rows["learned_at"])
                recomputed = recomputed + ModelSums.of(vectors, batch.rows["cluster"].astype(np.int64), k)
        return recomputed


def _change_numbers(rows: Mapping[str, np.void]) -> dict[str, int]:
    return {customer_id: int(row["change_number"]) for customer_id, row in rows.items()}


def _parts(sums: ModelSums) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return sums.sums, sums.weights, sums.counts


def event_fields(rows: Mapping[str, np.void], names: Sequence[str] = EVENT_FIELDS) -> dict[str, bytes]:
    """Return the bits of each record that events determine."""
    return {customer_id: b"".join(row[name].tobytes() for name in names) for customer_id, row in rows.items()}


@contextmanager
def running(service: Service) -> Iterator[Service]:
    try:
        yield service
    finally:
        service.close()
