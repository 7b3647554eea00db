"""Read topics without a group, from given offsets to where they end: what the logs of this package have in common."""

import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from consumers.broker.topic_partitions import Place, is_end, place_of
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable

__all__ = ["TopicReader"]

_CHUNK: Final = 10_000
_POLL_S: Final = 0.1
_PATIENCE_S: Final = 30.0
_NOWHERE: Final = 1 << 62


class TopicReader:
    """A consumer of its own, closed by `with` or `close`; `name` is what the broker's log calls it."""

    def __init__(self, kafka: KafkaSettings, name: str, **settings: Any) -> None:
        self._bootstrap = kafka.kafka
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

    def bounds(self, places: Iterable[Place], timeout_s: float = 10.0) -> dict[Place, tuple[int, int]]:
        """Return the first and the next offset of each place, as the broker reports them. Raises KafkaUnreachable."""
        try:
            return {
                place: self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=timeout_s)
                for place in places
            }
        except KafkaException as error:
            raise KafkaUnreachable(self._bootstrap, error) from error

    def read(
        self, starts: Mapping[Place, int], ends: Mapping[Place, int] | None = None, patience_s: float = _PATIENCE_S
    ) -> Iterator[Message]:
        """Yield messages from `starts` to where each place ends, or to before its offset in `ends`, where that is less.

        The last message may stand well before the end, with markers and compacted ones between; what was fetched
        behind `ends` along with the last one comes too. Raises KafkaUnreachable where nothing comes for `patience_s`.
        """
        self._know({topic for topic, _ in starts})
        self._consumer.assign([TopicPartition(*place, start) for place, start in starts.items()])
        unread, stops, heard = set(starts), ends or {}, time.monotonic()
        try:
            while unread:
                chunk = self._consumer.consume(1, _POLL_S)  # more would be waited for, also where there are no more
                for message in chunk and chunk + self._consumer.consume(_CHUNK, 0.0):
                    (place, offset), ended = place_of(message), is_end(message)
                    if message.error() is not None and not ended:
                        continue
                    heard = time.monotonic()
                    if ended or offset + 1 >= stops.get(place, _NOWHERE):
                        unread.discard(place)
                    if not ended:
                        yield message
                if time.monotonic() - heard > patience_s:
                    raise KafkaUnreachable(self._bootstrap, f"nothing came for {patience_s:g} s from {sorted(unread)}")
        finally:
            self._consumer.unassign()  # or it would go on fetching, and not be told of the end again

    def _know(self, topics: set[str]) -> None:
        """Ask for topics: a consumer that has to find out by itself begins to fetch only half a second later."""
        try:
            for topic in topics - self._known:
                self._consumer.list_topics(topic, timeout=_PATIENCE_S)
        except KafkaException as error:
            raise KafkaUnreachable(self._bootstrap, error) from error
        self._known |= topics

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
