"""The Kafka source of the hot inputs: a member of a consumer group whose offsets are kept in Redis."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from consumers.broker.fetched import Fault, TopicSlice
from consumers.broker.fetching import open_fetching
from consumers.broker.message_coordinates import Offsets, TopicAndPartition
from consumers.broker.refusals import reading_refused
from consumers.settings import ConsumerSettings
from events.base_error import ShoalError
from events.settings import KafkaSettings

__all__ = ["KafkaSource", "LogTruncated", "SourceFailed"]

_LOOK_S = 0.002
_COMMIT_S = 1.0
_LASTING = {KafkaError.UNKNOWN_TOPIC_OR_PART}


OnAssigned = Callable[[list[int]], dict[int, dict[str, int]]]
OnRevoked = Callable[[list[int]], None]


class LogTruncated(ShoalError):
    """Kafka no longer holds what comes after the stored offset: the state cannot be repaired by replaying."""


class SourceFailed(ShoalError):
    """Kafka refuses to serve the inputs."""


class KafkaSource:
    """A member of a consumer group that reads micro-batches; offsets come from the caller, not from Kafka.

    It joins the group with `subscribe`; nothing else may be called before.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        settings: ConsumerSettings,
        topics: Iterable[str],
        group: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topics = [kafka.topic(topic) for topic in topics]
        self._settings = settings
        self._kafka, self._partitions, self._clock = kafka, kafka.partitions, clock
        self._group = kafka.topic(group)
        self._assigned: set[TopicAndPartition] = set()
        self._ends: Offsets = {}
        self._saved: Offsets = {}
        self._committed = 0.0
        self._fetching = open_fetching(_options(kafka, settings, self._group))
        self._consumer = self._fetching.consumer

    def subscribe(self, on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        """Join the group. Both functions are called inside `poll` and `serve`, with partition numbers.

        `on_assigned` returns for each partition the stored offsets by full topic name; `on_revoked` gets those that
        another worker takes over.
        """
        self._on_assigned, self._on_revoked = on_assigned, on_revoked
        self._consumer.subscribe(self._topics, on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)

    def poll(self, timeout_s: float, wanted: Callable[[int, float], bool]) -> list[TopicSlice]:
        """Wait up to `timeout_s` for a first message, then gather what has arrived, by topic.

        `wanted` waits, at most for so many seconds, until a batch of so many events can be made use of, and says
        whether it can. Until then there is no hurry, and this one grows: so batches are small when little comes, and
        large under load. Raises LogTruncated, SourceFailed, KafkaRefuses.
        """
        if self._saved and self._clock() - self._committed >= _COMMIT_S:
            self._commit()
        if self._fetching.more(1, timeout_s):
            self._gather(wanted)
        fetched = self._fetching.take()
        self._ends.update(fetched.ends)
        for fault in fetched.faults:
            if refused := reading_refused(self._kafka, fault.error, fault.partition[0], self._group):
                raise refused
            self._check(fault)
        return fetched.slices

    def _gather(self, wanted: Callable[[int, float], bool]) -> None:
        most = self._settings.batch_events
        enough = wanted(1, 0.0)
        count = self._fetching.more(most, self._settings.gather_ms / 1000 if enough else 0.0)
        while 0 < count < most and not enough:
            enough = wanted(count, _LOOK_S)
            count = self._fetching.more(most, 0.0)

    def ends_reached(self) -> Offsets:
        """Return the partitions that were read to their end since the last call, with the offset of that end.

        It may lie behind the last message: markers of transactions and expired messages take offsets too.
        """
        reached, self._ends = self._ends, {}
        return reached

    def serve(self) -> None:
        """Pause everything and carry out a rebalance that is due. Seek and resume afterwards."""
        self._consumer.pause(self._consumer.assignment())
        self._consumer.consume(1, 0.0)

    def assignment(self) -> set[int]:
        """Return the partitions that the group has given us."""
        return {position.partition for position in self._consumer.assignment()}

    def seek(self, partition: int, offsets: dict[str, int]) -> None:
        """Continue a partition at these offsets (by full topic name; absent: the beginning)."""
        for position in self._all([partition]):
            self._ends.pop((position.topic, partition), None)
            self._consumer.seek(
                TopicPartition(position.topic, partition, offsets.get(position.topic, OFFSET_BEGINNING))
            )

    def resume(self, partitions: Iterable[int]) -> None:
        """Fetch these partitions again."""
        self._consumer.resume(self._all(partitions))

    def commit(self, partition: int, offsets: dict[str, int]) -> None:
        """Commit how far a partition is to Kafka, once a second, without waiting; only lag tools read it.

        After every micro-batch, the broker would have more to write for that than for the changes of small ones.
        """
        self._saved.update({(topic, partition): offset for topic, offset in offsets.items()})

    def close(self) -> None:
        """Leave the group, so that the partitions move at once."""
        self._commit()
        self._fetching.close()

    def _commit(self) -> None:
        saved, self._saved, self._committed = self._saved, {}, self._clock()
        if saved:
            positions = [TopicPartition(topic, partition, offset) for (topic, partition), offset in saved.items()]
            self._consumer.commit(offsets=positions, asynchronous=True)

    def _check(self, fault: Fault) -> None:
        """Raise faults that waiting cannot resolve."""
        (topic, partition), error = fault
        where = f"{topic} partition {partition}"
        if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - the library's public name for it
            raise LogTruncated(
                f"{where}: Kafka does not have the offset that the state in Redis stands at ({error.str()}): what "
                "comes next was deleted before it was read. Put Redis back from a backup that the topic still reaches; "
                f"or run `shoal accept-gap {topic.removeprefix(self._kafka.topic(''))} {partition}` to go on without "
                "what is missing"
            )
        if error.code() in _LASTING or error.fatal():
            raise SourceFailed(f"{where}: {error.str()}. Run `shoal topics check`.")

    def _all(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [
            TopicPartition(topic, partition)
            for partition in partitions
            for topic in self._topics
            if (topic, partition) in self._assigned  # not every topic has as many partitions
        ]

    def _assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        numbers = sorted({position.partition for position in assigned})
        if numbers and numbers[-1] >= self._partitions:
            raise SourceFailed(
                f"the topics have a partition {numbers[-1]}, but SHOAL_PARTITIONS is {self._partitions}: customers "
                "would be in the wrong partitions. Run `shoal topics check`."
            )
        self._assigned = {(position.topic, position.partition) for position in assigned}
        self._ends.clear()
        self._fetching.drop()
        stored = self._on_assigned(numbers)
        for position in assigned:
            position.offset = stored.get(position.partition, {}).get(position.topic, OFFSET_BEGINNING)
        self._fetching.assign(assigned)
        consumer.resume(assigned)  # a pause outlives a rebalance

    def _revoke(self, _consumer: Consumer, revoked: list[TopicPartition]) -> None:
        self._fetching.drop()
        self._on_revoked(sorted({position.partition for position in revoked}))
        self._commit()


def _options(kafka: KafkaSettings, settings: ConsumerSettings, group: str) -> dict[str, Any]:
    session_ms = int(settings.session_timeout_s * 1000)
    return kafka.librdkafka(
        {
            "group.id": group,
            "client.id": "shoal-worker",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",  # an offset that Kafka no longer has must stop us, not be guessed
            "partition.assignment.strategy": "range",  # gives partition p of every topic to the same worker
            "session.timeout.ms": session_ms,
            "heartbeat.interval.ms": max(300, session_ms // 4),
            "max.poll.interval.ms": int(max(300.0, settings.redis_retry_s + 60.0) * 1000),
            "enable.partition.eof": True,
            "queued.min.messages": 100_000,
            "queued.max.messages.kbytes": settings.prefetch_mb * 1024,
            "fetch.queue.backoff.ms": 2,  # the default of 1000 stalls a fast consumer
            "fetch.wait.max.ms": 10,
            "topic.metadata.refresh.interval.ms": 60_000,
            "logger": None,
        }
    )
