"""Read the `dead-letters` topic, and publish its events again once the reason is fixed."""

import base64
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import redis

from consumers.broker.consumer_lag import reported_ends
from consumers.broker.internal_messages import NotReadable, StoredMessage, decode_or_skip, stored_message
from consumers.broker.kafka_sink import KafkaSink
from consumers.broker.message_coordinates import Offsets, TopicAndPartition
from consumers.broker.topic_reader import TopicReader
from consumers.dead_letters.customer_id_search import holds_id
from consumers.dead_letters.deleted_letters import DeletedLetters, Deletion
from consumers.dead_letters.letter_content import Letter, LetterPage, PublishCounts, is_about, with_id
from consumers.dead_letters.sealed_values import SealedValues
from events.schema.outputs import DeadLetter
from events.settings import KafkaSettings
from events.time_units import DAY_S
from events.topics.specs import EXPERIMENT_TOPICS, SEGMENT_TOPICS
from state.operations.skipped_messages import SkippedMessages
from state.store import keys

__all__ = ["DeadLetterLog", "Letter", "LetterPage", "PublishCounts"]

log = logging.getLogger(__name__)

_TOPIC: Final = "dead-letters"
_CHUNK: Final = 1_000
_WINDOW: Final = 1_000
_MOST_SCANNED: Final = 20_000
"""Letters read for one page at most."""
_LARGEST_WINDOW: Final = 50_000
_ALL: Final = 1 << 62
_KEPT_S: Final = 91 * DAY_S
"""Longer than the topic keeps a letter."""


class DeadLetterLog:
    """The dead letters of a deployment. What was replayed is noted in Redis, so that it is not replayed twice."""

    def __init__(self, kafka: KafkaSettings, client: redis.Redis) -> None:
        self._kafka = kafka
        self._redis: Any = client
        self._skipped = SkippedMessages(client)
        self._deleted, self._seals = DeletedLetters(client), SealedValues(client)
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
        ends, (deleted, _, _) = self._ends(), self._deletions()
        replayed = self._replayed()
        for _, letter in self._letters(deleted, dict.fromkeys(ends, 0), topic=topic):
            yield with_id(letter, replayed)

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
        deleted, first, last = self._deletions()
        if topic is None:
            places = [(each.topic, each.partition, each.offset) for each in self._skipped.all().messages]
            skipped = sum((name, partition) == self._partition and first <= at < last for name, partition, at in places)
            gone = sum(1 + each.copies for each in deleted.values() if each.offset >= first)
            return max(0, last - first - skipped - gone)
        start = self._beginning(topic)
        messages = self._messages(dict.fromkeys(self._ends(), 0))
        return sum(
            each.value is not None
            and each.value.startswith(start)
            and not _is_deleted((each.key or b"").decode(errors="replace"), each.offset, deleted)
            for each in messages
        )

    def page(
        self, most: int, before: int | None = None, topic: str | None = None, scan: int = _MOST_SCANNED
    ) -> LetterPage:
        """Return up to `most` letters, the newest first, of those before an offset of the topic.

        About `scan` letters are read at most. Where few of them match the page is short, also before the last.
        Raises KafkaUnreachable.
        """
        deleted, first, last = self._deletions()
        stop, found = before, list[tuple[int, Letter]]()
        replayed, scanned, window = self._replayed(), 0, max(most, _WINDOW)
        edge = last if before is None else min(before, last)
        while edge > first and len(found) < most and scanned < scan:
            start = max(first, edge - window)
            window = max(window, min(2 * window, _LARGEST_WINDOW))  # where few match: fewer, longer reads
            fitting = (
                (offset, with_id(letter, replayed))
                for offset, letter in self._letters(deleted, {self._partition: start}, stop, topic)
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
        """Delete a customer's letters and return how many: each gets a message without a value under its key.

        So no other letter is touched, and Kafka's compaction removes the bytes within about a day. Messages that are
        no letters may name the customer too, and are deleted by their key. Raises SinkFailed, KafkaUnreachable.
        """
        letters, others = self._about(customer_id)
        for offset in (each.offset for each in others if each.key is None):
            log.warning("dead-letters offset %d has no key and cannot be deleted; retention ends it", offset)
        keys_of_others = {each.key for each in others if each.key is not None}
        if not letters and not keys_of_others:
            return 0
        sink = open_sink()
        for key in (*map(str.encode, letters), *keys_of_others):
            sink.send(_TOPIC, key, None)
        sink.flush()
        self._deletions(letters)
        return len(letters)

    def _about(self, customer_id: str) -> tuple[dict[str, int], list[StoredMessage]]:
        """Return how many copies there are of each letter about a customer, and what is no letter but names it."""
        letters, others = dict[str, int](), list[StoredMessage]()
        deleted, _, _ = self._deletions()
        for message in self._messages(dict.fromkeys(self._ends(), 0)):
            if self._deletes(message):
                continue
            letter = decode_or_skip(message, self._decode, self._skipped.add)
            if letter is None:
                if any(holds_id(content, customer_id) for content in (message.key, message.value) if content):
                    others.append(message)
            elif _is_deleted((each := with_id(letter, {})).id, message.offset, deleted):
                continue
            elif is_about(each, customer_id):
                letters[each.id] = letters.get(each.id, 0) + 1
        return letters, others

    def _deletions(self, copies: Mapping[str, int] | None = None) -> tuple[dict[str, Deletion], int, int]:
        """Return what was deleted, by id, and the first and the next offset of the topic.

        The next offset is that of what was read: the embedded broker says where its last batch begins.
        """
        first, last = self._bounds()
        deleted, upto = self._deleted.known()
        if upto < last:
            made, upto = dict[str, int](), max(first, upto)
            for each in self._messages({self._partition: upto}):
                upto = each.offset + 1
                if each.key is not None and self._deletes(each):
                    made[each.key.decode()] = each.offset
            deleted = self._deleted.add(deleted, made, max(upto, last), copies or {})
        return deleted, first, max(upto, last)

    def _deletes(self, message: StoredMessage) -> bool:
        """Return whether a message deletes a letter; any other key may be a customer's, and is noted nowhere."""
        if message.value is not None or message.key is None:
            return False
        topic, *place = message.key.decode(errors="replace").rsplit("/", 2)
        return topic in self._inputs and len(place) == 2 and all(each.isdecimal() for each in place)

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
        self, deleted: Mapping[str, Deletion], starts: Offsets, stop: int | None = None, topic: str | None = None
    ) -> Iterator[tuple[int, DeadLetter]]:
        """Yield letters with their offsets, from where each partition starts to its end, or before an offset.

        Those of other topics than the one that is asked for are not decoded, which takes longer than reading them.
        """
        start = b"" if topic is None else self._beginning(topic)
        for message in self._messages(starts, stop):
            if self._deletes(message) or (message.value is not None and not message.value.startswith(start)):
                continue
            letter = decode_or_skip(message, self._decode, self._skipped.add)
            if letter is not None and not _is_deleted(with_id(letter, {}).id, message.offset, deleted):
                yield message.offset, letter

    def _messages(self, starts: Offsets, stop: int | None = None) -> Iterator[StoredMessage]:
        with self._reader() as reader:
            for fetched in reader.read(starts, {} if stop is None else dict.fromkeys(starts, stop)):
                message = stored_message(fetched)
                if stop is None or message.offset < stop:
                    yield message

    def _decode(self, _: bytes | None, value: bytes) -> DeadLetter:
        """Read a letter; replaying one of a topic that is no input would put it where only Shoal writes."""
        letter = DeadLetter.model_validate_json(value)
        if letter.topic not in self._inputs:
            raise NotReadable("topic: not one that events come in by")
        for content in (letter.key, letter.value, *(each.value for each in letter.headers)):
            if content is not None and not _is_base64(content):
                raise NotReadable("key, value or headers: not base64")
        return letter if letter.sealed_value is None else self._opened(letter, letter.sealed_value)

    def _opened(self, letter: DeadLetter, sealed: str) -> DeadLetter:
        """Return a letter with the bytes that were encrypted, without any once the key is gone."""
        value = self._seals.open(sealed, int(letter.dead_lettered_at.timestamp() * 1000))
        return letter.model_copy(update={"value": None if value is None else base64.b64encode(value).decode()})


def _is_deleted(letter_id: str, offset: int, deleted: Mapping[str, Deletion]) -> bool:
    return letter_id in deleted and offset < deleted[letter_id].offset


def _is_base64(content: str) -> bool:
    try:
        base64.b64decode(content)
    except ValueError:
        return False
    return True
