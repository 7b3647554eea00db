"""Read topics without a consumer group, from given offsets to where they end."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.broker.message_coordinates import Offsets, TopicAndPartition, coordinates, is_end
from consumers.broker.refusals import reading_refused, require_access_once
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable

__all__ = ["TopicReader"]

_CHUNK: Final = 10_000
_POLL_S: Final = 0.1
_TIMEOUT_S: Final = 30.0
_METADATA_S: Final = 5.0
_NOWHERE: Final = 1 << 62
_UNKNOWN: Final = {KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}  # noqa: SLF001 - the public names


class TopicReader:
    """A consumer of its own, closed by `with` or `close`; `name` is what the broker's log calls it."""

    def __init__(self, kafka: KafkaSettings, name: str, *, metadata_s: float = _TIMEOUT_S, **settings: Any) -> None:
        require_access_once(kafka)
        self._kafka, self._group, self._metadata_s = kafka, kafka.topic(name), metadata_s
        self._known: set[str] = set()
        self._consumer = Consumer(
            kafka.librdkafka(
                {
                    "group.id": self._group,  # required by the library; nothing is committed
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "enable.partition.eof": True,
                    "fetch.wait.max.ms": 10,  # only after that does the broker say that there is no more
                    **settings,
                }
            )
        )

    def bounds(
        self, partitions: Iterable[TopicAndPartition], timeout_s: float = 10.0
    ) -> dict[TopicAndPartition, tuple[int, int]]:
        """Return the first and the next offset of partitions, as the broker reports them. Raises KafkaUnreachable."""
        found = {}
        for partition in partitions:
            try:
                found[partition] = self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=timeout_s)
            except KafkaException as error:
                raise self._failed(error, partition[0]) from error
        return found

    def read(self, starts: Offsets, ends: Offsets | None = None, timeout_s: float = _TIMEOUT_S) -> Iterator[Message]:
        """Yield messages from `starts` to the end of each partition, or to its offset in `ends` where that is less.

        The last message may be well before the end, with markers and compacted messages between. Messages behind `ends`
        that were fetched along with the last one come too. Raises KafkaUnreachable where nothing comes for `timeout_s`.
        """
        self._know({topic for topic, _ in starts})
        self._consumer.assign([TopicPartition(*partition, start) for partition, start in starts.items()])
        unread, stops, heard = set(starts), ends or {}, time.monotonic()
        try:
            while unread:
                chunk = self._consumer.consume(1, _POLL_S)  # more would be waited for, also where there are no more
                for message in chunk and chunk + self._consumer.consume(_CHUNK, 0.0):
                    (partition, offset), ended = coordinates(message), is_end(message)
                    if (error := message.error()) is not None and not ended:
                        if refused := reading_refused(self._kafka, error, partition[0], self._group):
                            raise refused
                        continue
                    heard = time.monotonic()
                    if ended or offset + 1 >= stops.get(partition, _NOWHERE):
                        unread.discard(partition)
                    if not ended:
                        yield message
                if time.monotonic() - heard > timeout_s:
                    raise KafkaUnreachable(self._kafka.kafka, f"nothing came for {timeout_s:g} s from {sorted(unread)}")
        finally:
            self._consumer.unassign()  # or it would go on fetching, and not report the end again

    def _know(self, topics: set[str]) -> None:
        """Ask for topics: a consumer that has to find out by itself begins to fetch only half a second later."""
        for topic in topics - self._known:
            try:
                self._consumer.list_topics(topic, timeout=self._metadata_s)
            except KafkaException as error:
                raise self._failed(error, topic) from error
            self._known.add(topic)

    def _failed(self, error: KafkaException, topic: str) -> KafkaUnreachable:
        """Return what to raise; of a topic that this user may not see, librdkafka says only that it is unknown."""
        cause = error.args[0]
        if cause.code() in _UNKNOWN:
            with suppress(KafkaException):
                cause = self._consumer.list_topics(topic, timeout=_METADATA_S).topics[topic].error or cause
        refused = reading_refused(self._kafka, cause, topic, self._group)
        return refused or KafkaUnreachable(self._kafka.kafka, error)

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
