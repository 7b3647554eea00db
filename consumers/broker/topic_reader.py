"""Read topics without a consumer group, from given offsets to where they end."""

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from consumers.broker.message_coordinates import Offsets, TopicAndPartition, coordinates, is_end
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable

__all__ = ["TopicReader"]

_CHUNK: Final = 10_000
_POLL_S: Final = 0.1
_TIMEOUT_S: Final = 30.0
_NOWHERE: Final = 1 << 62


class TopicReader:
    """A consumer of its own, closed by `with` or `close`; `name` is what the broker's log calls it."""

    def __init__(self, kafka: KafkaSettings, name: str, *, metadata_s: float = _TIMEOUT_S, **settings: Any) -> None:
        self._bootstrap, self._metadata_s = kafka.kafka, metadata_s
        self._known: set[str] = set()
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka.kafka,
                "group.id": kafka.topic(name),  # required by the library; nothing is committed
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 10,  # only after that does the broker say that there is no more
                **settings,
            }
        )

    def bounds(
        self, partitions: Iterable[TopicAndPartition], timeout_s: float = 10.0
    ) -> dict[TopicAndPartition, tuple[int, int]]:
        """Return the first and the next offset of partitions, as the broker reports them. Raises KafkaUnreachable."""
        try:
            return {
                partition: self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=timeout_s)
                for partition in partitions
            }
        except KafkaException as error:
            raise KafkaUnreachable(self._bootstrap, error) from error

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
                    if message.error() is not None and not ended:
                        continue
                    heard = time.monotonic()
                    if ended or offset + 1 >= stops.get(partition, _NOWHERE):
                        unread.discard(partition)
                    if not ended:
                        yield message
                if time.monotonic() - heard > timeout_s:
                    raise KafkaUnreachable(self._bootstrap, f"nothing came for {timeout_s:g} s from {sorted(unread)}")
        finally:
            self._consumer.unassign()  # or it would go on fetching, and not report the end again

    def _know(self, topics: set[str]) -> None:
        """Ask for topics: a consumer that has to find out by itself begins to fetch only half a second later."""
        try:
            for topic in topics - self._known:
                self._consumer.list_topics(topic, timeout=self._metadata_s)
        except KafkaException as error:
            raise KafkaUnreachable(self._bootstrap, error) from error
        self._known |= topics

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
