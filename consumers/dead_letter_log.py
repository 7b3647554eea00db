"""Read the `dead-letters` topic, and publish what it holds again once the reason is mended."""

import base64
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import redis
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from consumers.lag import reported_ends
from consumers.places import is_end, place_of
from consumers.sink import KafkaSink
from events.outputs import DeadLetter
from events.settings import KafkaSettings
from events.topic_admin import KafkaUnreachable
from state import keys

__all__ = ["DeadLetterLog", "Letter", "Replayed"]

_TOPIC: Final = "dead-letters"
_CHUNK: Final = 1_000
_ADMIN_S: Final = 30.0
_KEPT_S: Final = 91 * 86_400
"""Longer than the topic keeps a letter."""


class Letter(NamedTuple):
    """A dead letter, and when it was replayed (ms since 1970, None where it was not); `id` says where it stood."""

    id: str
    letter: DeadLetter
    replayed_ms: int | None

    @property
    def key(self) -> bytes | None:
        """The key of the original message."""
        return None if self.letter.key is None else base64.b64decode(self.letter.key)

    @property
    def value(self) -> bytes | None:
        """The original bytes; None where there were none, or too many to be kept."""
        return None if self.letter.value is None else base64.b64decode(self.letter.value)


class Replayed(NamedTuple):
    """How many letters were published again, and how many could not be, because their bytes are not in them."""

    published: int
    without_value: int


class DeadLetterLog:
    """The dead letters of a deployment. What was replayed is noted in Redis, so that it is not replayed twice."""

    def __init__(self, kafka: KafkaSettings, client: redis.Redis) -> None:
        self._kafka = kafka
        self._redis: Any = client

    def read(self, topic: str | None = None) -> list[Letter]:
        """Return the dead letters, the oldest first; only those of a topic (name without prefix) if one is given.

        Raises KafkaUnreachable.
        """
        wanted = None if topic is None else self._kafka.topic(topic)
        replayed = {name.decode(): int(at_ms) for name, at_ms in self._redis.hgetall(keys.REPLAYED).items()}
        letters = {}
        for letter in self._letters():
            name = f"{letter.topic}/{letter.partition}/{letter.offset}"
            if wanted in (None, letter.topic):
                letters[name] = Letter(name, letter, replayed.get(name))  # a crash may have written one twice
        return list(letters.values())

    def replay(self, letters: Sequence[Letter], sink: KafkaSink) -> Replayed:
        """Publish the original bytes under the original keys, and note it once Kafka has them. Raises SinkFailed.

        A crash in between may publish a letter twice; the event's id is then recognised, as any repeat is.
        """
        whole = [each for each in letters if each.value is not None]
        prefix = self._kafka.topic_prefix
        for start in range(0, len(whole), _CHUNK):
            chunk = whole[start : start + _CHUNK]
            for each in chunk:
                sink.send(each.letter.topic.removeprefix(prefix), each.key, each.value or b"")
            sink.flush()
            now_ms = time.time_ns() // 1_000_000
            self._redis.hset(keys.REPLAYED, mapping={each.id: now_ms for each in chunk})
            self._redis.expire(keys.REPLAYED, _KEPT_S)
        return Replayed(len(whole), len(letters) - len(whole))

    def forget(self, customer_id: str, sink: KafkaSink) -> int:
        """Erase a customer's letters and return how many: the others are written again, then all before are deleted.

        A crash in between leaves letters twice, which `read` shows once. Raises SinkFailed, KafkaUnreachable.
        """
        ends = {place: end for place, end in reported_ends(self._kafka, [_TOPIC], [0]).items() if end}
        letters = self.read()
        kept = [each for each in letters if not _is_about(each, customer_id)]
        if len(kept) == len(letters):
            return 0
        for each in kept:
            sink.send(_TOPIC, None, each.letter.model_dump_json().encode())
        sink.flush()
        admin = AdminClient({"bootstrap.servers": self._kafka.kafka})
        try:
            for done in admin.delete_records([TopicPartition(*place, end) for place, end in ends.items()]).values():
                done.result(_ADMIN_S)
        except KafkaException as error:
            raise KafkaUnreachable(self._kafka.kafka, error) from error
        return len(letters) - len(kept)

    def _letters(self) -> Iterator[DeadLetter]:
        ends = {place: end for place, end in reported_ends(self._kafka, [_TOPIC], [0]).items() if end}
        consumer = Consumer(
            {
                "bootstrap.servers": self._kafka.kafka,
                "group.id": self._kafka.topic("dead-letter-log"),  # required by the library; nothing is committed
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.message.max.bytes": 17 << 20,
            }
        )
        try:
            consumer.assign([TopicPartition(*place, 0) for place in ends])
            unread = set(ends)
            while unread:
                for message in consumer.consume(_CHUNK, 1.0):
                    place, value = place_of(message)[0], message.value()
                    if is_end(message):
                        unread.discard(place)
                    elif message.error() is None and value is not None:
                        yield DeadLetter.model_validate_json(value)
        finally:
            consumer.close()


def _is_about(each: Letter, customer_id: str) -> bool:
    """Return whether a letter has a customer as its key, or as a JSON string anywhere in it."""
    named = {f'"{customer_id}"'.encode(), json.dumps(customer_id).encode()}
    return each.key == customer_id.encode() or any(name in (each.value or b"") for name in named)
