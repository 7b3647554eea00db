"""Read the `dead-letters` topic, and publish its events again once the reason is fixed."""

import base64
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from consumers.broker.consumer_lag import reported_ends
from consumers.broker.internal_messages import NotReadable, StoredMessage, decode_or_skip, stored_message
from consumers.broker.kafka_sink import KafkaSink
from consumers.broker.message_coordinates import Offsets, TopicAndPartition
from consumers.broker.message_headers import Headers
from consumers.broker.topic_reader import TopicReader
from events.schema.outputs import DeadLetter
from events.settings import KafkaSettings
from events.time_units import DAY_S
from events.topics.administration import KafkaUnreachable
from events.topics.specs import EXPERIMENT_TOPICS, SEGMENT_TOPICS
from state.operations.skipped_messages import SkippedMessages
from state.store import keys

__all__ = ["DeadLetterLog", "Letter", "LetterPage", "PublishCounts"]

_TOPIC: Final = "dead-letters"
_CHUNK: Final = 1_000
_WINDOW: Final = 1_000
_MOST_SCANNED: Final = 20_000
"""Letters read for one page at most."""
_LARGEST_WINDOW: Final = 50_000
_ALL: Final = 1 << 62
_ADMIN_S: Final = 30.0
_KEPT_S: Final = 91 * DAY_S
"""Longer than the topic keeps a letter."""


class Letter(NamedTuple):
    """A dead letter, and when it was replayed (ms since 1970, None if it was not); `id` says where it was in Kafka."""

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

    @property
    def headers(self) -> Headers:
        """The headers of the original message."""
        return [
            (each.name, None if each.value is None else base64.b64decode(each.value)) for each in self.letter.headers
        ]


class PublishCounts(NamedTuple):
    """How many letters were published again, and how many could not be, because they do not hold the bytes."""

    published: int
    without_value: int


class LetterPage(NamedTuple):
    """Some letters, the newest first, and the offset before which the next page begins; None on the last."""

    letters: list[Letter]
    before: int | None


class DeadLetterLog:
    """The dead letters of a deployment. What was replayed is noted in Redis, so that it is not replayed twice."""

    def __init__(self, kafka: KafkaSettings, client: redis.Redis) -> None:
        self._kafka = kafka
        self._redis: Any = client
        self._skipped = SkippedMessages(client)
        self._inputs = {kafka.topic(name) for name in (*SEGMENT_TOPICS, *EXPERIMENT_TOPICS)}

    def read(self, topic: str | None = None) -> list[Letter]:
        """Return the dead letters, the oldest first; only those of a topic (name without prefix) if one is given.

        Raises KafkaUnreachable.
        """
        return list({each.id: each for each in self.each(topic)}.values())

    def each(self, topic: str | None = None) -> Iterator[Letter]:
        """Yield the dead letters as they are in the topic, where a crash may have left one twice.

        Raises KafkaUnreachable.
        """
        ends = self._ends()
        replayed = self._replayed()
        for _, letter in self._letters(dict.fromkeys(ends, 0), topic=topic):
            yield _with_id(letter, replayed)

    def latest(self, most: int, topic: str | None = None) -> list[Letter]:
        """Return the `most` newest letters, the oldest first, each once: the topic is read backwards until there are.

        Raises KafkaUnreachable.
        """
        found, before = dict[str, Letter](), None
        while len(found) < most:
            page = self.page(most - len(found), before, topic, scan=_ALL)
            found |= {each.id: each for each in page.letters if each.id not in found}
            before = page.before
            if before is None:
                break
        return list(found.values())[::-1]

    def count(self, topic: str | None = None) -> int:
        """Return how many letters there are, those of one topic if it is given, without reading what is in them.

        A letter that a crash has left twice counts twice. Raises KafkaUnreachable.
        """
        if topic is None:
            first, last = self._bounds()
            places = [(each.topic, each.partition, each.offset) for each in self._skipped.all().messages]
            skipped = sum((name, partition) == self._partition and first <= at < last for name, partition, at in places)
            return last - first - skipped
        start = self._beginning(topic)
        messages = self._messages(dict.fromkeys(self._ends(), 0))
        return sum(each.value is not None and each.value.startswith(start) for each in messages)

    def page(
        self, most: int, before: int | None = None, topic: str | None = None, scan: int = _MOST_SCANNED
    ) -> LetterPage:
        """Return up to `most` letters, the newest first, of those before an offset of the topic.

        About `scan` letters are read at most. Where few of them match the page is short, also before the last.
        Raises KafkaUnreachable.
        """
        first, last = self._bounds()
        stop, found = before, list[tuple[int, Letter]]()
        replayed, scanned, window = self._replayed(), 0, max(most, _WINDOW)
        edge = last if before is None else min(before, last)
        while edge > first and len(found) < most and scanned < scan:
            start = max(first, edge - window)
            window = max(window, min(2 * window, _LARGEST_WINDOW))  # where few match: fewer, longer reads
            fitting = (
                (offset, _with_id(letter, replayed))
                for offset, letter in self._letters({self._partition: start}, stop, topic)
            )
            found += reversed(deque(fitting, maxlen=most + 1))  # a letter may have a megabyte
            scanned += edge - start
            stop = edge = start
        more = len(found) > most or edge > first
        after = found[most - 1][0] if len(found) >= most else edge
        return LetterPage([letter for _, letter in found[:most]], after if more else None)

    def _beginning(self, topic: str) -> bytes:
        """Return how the JSON of a letter of a topic begins."""
        return f'{{"topic":{json.dumps(self._kafka.topic(topic))},'.encode()

    def _replayed(self) -> dict[str, int]:
        return {name.decode(): int(at_ms) for name, at_ms in self._redis.hgetall(keys.REPLAYED).items()}

    def replay(self, letters: Sequence[Letter], sink: KafkaSink) -> PublishCounts:
        """Publish the original keys, bytes and headers, and note it once Kafka has them. Raises SinkFailed.

        A crash in between may publish a letter twice; the event's id is then recognised, as any repeat is.
        """
        whole = [each for each in letters if each.value is not None]
        prefix = self._kafka.topic_prefix
        for start in range(0, len(whole), _CHUNK):
            chunk = whole[start : start + _CHUNK]
            for each in chunk:
                sink.send(each.letter.topic.removeprefix(prefix), each.key, each.value or b"", headers=each.headers)
            sink.flush()
            now_ms = time.time_ns() // 1_000_000
            self._redis.hset(keys.REPLAYED, mapping={each.id: now_ms for each in chunk})
            self._redis.expire(keys.REPLAYED, _KEPT_S)
        return PublishCounts(len(whole), len(letters) - len(whole))

    def erase_customer(self, customer_id: str, open_sink: Callable[[], KafkaSink]) -> int:
        """Erase a customer's letters and return how many: the others are written again, then all before are deleted.

        Messages that are no letters may name the customer too: they go with the letters before the last.
        A crash in between leaves letters twice, which `read` shows once. Raises SinkFailed, KafkaUnreachable.
        """
        ends = self._ends()
        letters, others = self._read_with_others(ends)
        kept = [each for each in letters if not _is_about(each, customer_id)]
        if len(kept) == len(letters) and not any(_mentions(each, customer_id) for each in others):
            return 0
        sink = open_sink()
        for each in kept:
            sink.send(_TOPIC, None, each.letter.model_dump_json().encode())
        sink.flush()
        admin = AdminClient(self._kafka.librdkafka())
        try:
            for done in admin.delete_records(
                [TopicPartition(*partition, end) for partition, end in ends.items()]
            ).values():
                done.result(_ADMIN_S)
        except KafkaException as error:
            raise KafkaUnreachable(self._kafka.kafka, error) from error
        return len(letters) - len(kept)

    @property
    def _partition(self) -> TopicAndPartition:
        return (self._kafka.topic(_TOPIC), 0)

    def _ends(self) -> Offsets:
        return {partition: end for partition, end in reported_ends(self._kafka, [_TOPIC], [0]).items() if end}

    def _bounds(self) -> tuple[int, int]:
        """Return the first and the next offset of the topic, as the broker reports them."""
        with self._reader() as reader:
            first, last = reader.bounds([self._partition])[self._partition]
        return max(0, first), last

    def _reader(self) -> TopicReader:
        return TopicReader(self._kafka, "dead-letter-log", **{"fetch.message.max.bytes": 17 << 20})

    def _letters(
        self, starts: Offsets, stop: int | None = None, topic: str | None = None
    ) -> Iterator[tuple[int, DeadLetter]]:
        """Yield letters with their offsets, from where each partition starts to its end, or before an offset.

        Those of other topics than the one that is asked for are not decoded, which takes longer than reading them.
        """
        start = b"" if topic is None else self._beginning(topic)
        for message in self._messages(starts, stop):
            if message.value is not None and not message.value.startswith(start):
                continue
            letter = decode_or_skip(message, self._decode, self._skipped.add)
            if letter is not None:
                yield message.offset, letter

    def _messages(self, starts: Offsets, stop: int | None = None) -> Iterator[StoredMessage]:
        with self._reader() as reader:
            for fetched in reader.read(starts, {} if stop is None else dict.fromkeys(starts, stop)):
                message = stored_message(fetched)
                if stop is None or message.offset < stop:
                    yield message

    def _read_with_others(self, starts: Offsets) -> tuple[list[Letter], list[StoredMessage]]:
        """Return all letters, each once, and the messages that are no letters."""
        letters, others = dict[str, Letter](), list[StoredMessage]()
        replayed = self._replayed()
        for message in self._messages(dict.fromkeys(starts, 0)):
            letter = decode_or_skip(message, self._decode, self._skipped.add)
            if letter is None:
                others.append(message)
            else:
                each = _with_id(letter, replayed)
                letters[each.id] = each
        return list(letters.values()), others

    def _decode(self, _: bytes | None, value: bytes) -> DeadLetter:
        """Read a letter; replaying one of a topic that is no input would put it where only Shoal writes."""
        letter = DeadLetter.model_validate_json(value)
        if letter.topic not in self._inputs:
            raise NotReadable("topic: not one that events come in by")
        for content in (letter.key, letter.value, *(each.value for each in letter.headers)):
            if content is not None and not _is_base64(content):
                raise NotReadable("key, value or headers: not base64")
        return letter


def _with_id(letter: DeadLetter, replayed: Mapping[str, int]) -> Letter:
    name = f"{letter.topic}/{letter.partition}/{letter.offset}"
    return Letter(name, letter, replayed.get(name))


def _is_about(each: Letter, customer_id: str) -> bool:
    """Return whether a letter has a customer as its key, as a header, or as a JSON string anywhere in it."""
    named = {f'"{customer_id}"'.encode(), json.dumps(customer_id).encode()}
    plain = {each.key, *(value for _, value in each.headers)}
    contents = [each.value or b"", *(value or b"" for _, value in each.headers)]
    return customer_id.encode() in plain or any(name in content for name in named for content in contents)


def _mentions(message: StoredMessage, customer_id: str) -> bool:
    return any(customer_id.encode() in (content or b"") for content in (message.key, message.value))


def _is_base64(content: str) -> bool:
    try:
        base64.b64decode(content)
    except ValueError:
        return False
    return True
