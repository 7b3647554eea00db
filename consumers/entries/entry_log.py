"""The topic of what people entered, and Redis brought up to it.

Whatever a person enters is published first, acknowledged by all replicas, and only then put into Redis, from the topic:
Redis holds what the topic says up to an offset that is stored with it. So a crash in between loses nothing (whoever
follows the topic puts it into Redis), and neither does a Redis that comes back older, or empty
(docs/decisions/0028-what-people-entered.md).
"""

import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import redis
from confluent_kafka import OFFSET_BEGINNING

from consumers.broker.internal_messages import OnSkipped, StoredMessage, decode_or_skip, stored_message
from consumers.broker.kafka_sink import KafkaSink
from consumers.broker.topic_reader import TopicReader
from consumers.entries.entry_validation import published_entry
from events.base_error import ShoalError
from events.schema.outputs import Entry
from events.settings import KafkaSettings
from state.entries.applied_entries import AppliedEntries
from state.entries.entry_keys import SUPPRESSION, entry_key
from state.entries.entry_writer import one_writer
from state.operations.skipped_messages import SkippedMessages

__all__ = ["TOPIC", "EntriesBehind", "EntryLog"]

log = logging.getLogger(__name__)

TOPIC: Final = "entries"
_TIMEOUT_S: Final = 10.0
_METADATA_S: Final = 3.0
_SINK_S: Final = 15.0
_SALT_BYTES: Final = 16


class EntriesBehind(ShoalError):
    """Redis does not hold what people entered."""

    retriable = True


@dataclass
class _Read:
    """What a part of the topic says: the latest entry of each key (None: forgotten), and where the next part begins.

    `hidden` are keys whose last message cannot be read: compaction would keep that one.
    """

    next: int
    salt: bytes | None
    latest: dict[str, Entry | None] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    @property
    def changes(self) -> list[Entry]:
        return [entry for entry in self.latest.values() if entry is not None]

    @property
    def forgotten(self) -> list[str]:
        return [key for key, entry in self.latest.items() if entry is None]


class EntryLog:
    """Writes entries, and brings Redis up to the topic; to be shared by threads."""

    def __init__(self, kafka: KafkaSettings, client: redis.Redis, on_skipped: OnSkipped | None = None) -> None:
        self._kafka, self._redis, self._topic = kafka, client, kafka.topic(TOPIC)
        self._applied, self._on_skipped = AppliedEntries(client), on_skipped or SkippedMessages(client).add
        self._reader: TopicReader | None = None
        self._sink: KafkaSink | None = None
        self._mutex = threading.Lock()
        self._seen: int | None = None

    def write(self, changes: Callable[[], Sequence[Entry]], *, forget: bool = False) -> None:
        """Publish the changes that `changes` returns, then put them into Redis.

        With `forget`, which is for suppressions that end, nothing of them is kept. Raises EntriesBusy, EntriesBehind,
        KafkaUnreachable, SinkFailed: then nothing was changed, or it is published and comes into Redis by itself.
        """
        with self._mutex, one_writer(self._redis):
            self._catch_up()
            made, salt = changes(), self._applied.salt()
            if not made:
                return
            if salt is None:
                raise EntriesBehind("Redis was emptied a moment ago; try again")
            keys = [entry_key(entry, salt) for entry in made]
            self._publish({key: None if forget else entry for key, entry in zip(keys, made, strict=True)})
            self._catch_up(dict(zip(keys, made, strict=True)) if forget else {})

    def follow(self) -> None:
        """Bring Redis up to the topic, whatever Redis has lost. Raises KafkaUnreachable, SinkFailed, EntriesBusy."""
        with self._mutex:
            if self._applied.position() is not None and self._advance({}):
                return
            with one_writer(self._redis):
                self._catch_up()

    def is_current(self) -> bool:
        """Return whether Redis holds at least what this process has seen it hold; one round trip."""
        position, seen = self._applied.position(), self._seen
        return seen is not None and position is not None and position >= seen

    def ensure_current(self) -> None:
        """Bring Redis up to the topic where it has lost entries, or nobody has looked yet. Raises as `follow` does."""
        if not self.is_current():
            self.follow()

    def require_current(self) -> None:
        """Raise EntriesBehind where Redis has lost entries, and nobody has put them back yet."""
        if not self.is_current():
            raise EntriesBehind("Redis has lost what people entered; it is being put back from the topic of entries")

    def _catch_up(self, ended: Mapping[str, Entry] | None = None) -> None:
        if not self._advance(ended or {}):
            self._rebuild()

    def _advance(self, ended: Mapping[str, Entry]) -> bool:
        """Carry out what was published since; False where Redis or the topic is not what it was: look at everything.

        `ended` are the suppressions behind the keys of messages without a value; others are looked for.
        """
        while (before := self._applied.position()) is not None:
            found = self._read(max(0, before - 1), self._applied.salt(), before)
            if found is None or found.next < before or found.hidden:
                return False
            if found.next == before or self._apply(found, before, ended):
                self._seen = found.next
                return True
        return False

    def _rebuild(self) -> None:
        """Put all that the topic says into Redis, and on the topic what only Redis has."""
        while True:
            before, held = self._applied.position(), self._applied.all()
            found = self._read(0, None) or _Read(0, None)
            salt = found.salt or self._applied.salt() or secrets.token_bytes(_SALT_BYTES)
            had = {entry_key(entry, salt): entry for entry in held}
            alone = self._only_in_redis(found, had, salt)
            if alone:
                self._publish(alone)
                found = self._read(0, None) or _Read(0, None)
            if self._apply(found, before, {}):
                break
        self._seen = found.next
        restored = sum(not entry.removed and had.get(key) != entry for key, entry in found.latest.items() if entry)
        level = logging.WARNING if restored > 1 else logging.INFO  # one: the salt
        log.log(level, "what people entered: %d entries put back into Redis, %d on Kafka", restored, len(alone))

    def _only_in_redis(self, found: _Read, had: Mapping[str, Entry], salt: bytes) -> dict[str, Entry | None]:
        """Return what is to be published: what the topic has not, or would lose by compaction to what is no entry."""
        alone: dict[str, Entry | None] = {}
        if found.salt is None:
            alone["salt"] = Entry(kind="salt", name="salt", value=salt.hex())
        alone |= {key: entry for key, entry in had.items() if key not in found.latest}
        return alone | {key: found.latest[key] for key in found.hidden if key in found.latest}

    def _apply(self, found: _Read, before: int | None, ended: Mapping[str, Entry]) -> bool:
        changes, unknown = found.changes, {key for key in found.forgotten if key not in ended}
        changes += [ended[key] for key in found.forgotten if key in ended]
        if unknown and found.salt is not None:
            changes += [
                Entry(kind="suppression", name=scope, customer_id=customer_id, removed=True)
                for scope, customer_id in self._applied.suppressed_under(unknown, found.salt)
            ]
        return self._applied.apply(changes, before, found.next)

    def _read(self, start: int, salt: bytes | None, known: int = 0) -> _Read | None:
        """Read from an offset to the end, and take what is not `known` by its offset.

        None where there is nothing, or the topic no longer reaches there.
        """
        found: _Read | None = None
        for message in self._messages(start):
            if found is None and message.offset < start:
                return None
            found = found or _Read(start, salt)
            found.next = message.offset + 1
            if message.offset >= known:
                self._take(message, found)
        return found

    def _take(self, message: StoredMessage, found: _Read) -> None:
        key = (message.key or b"").decode(errors="replace")
        if message.value is None and key.startswith(SUPPRESSION):
            found.latest[key] = None
            return
        entry = decode_or_skip(message, lambda key, value: published_entry(key, value, found.salt), self._on_skipped)
        if entry is None:
            found.hidden.add(key)
            return
        if entry.kind == "salt":
            found.salt = bytes.fromhex(entry.value or "")
        found.latest[key] = entry
        found.hidden.discard(key)

    def _messages(self, start: int) -> Iterator[StoredMessage]:
        if self._reader is None:
            self._reader = TopicReader(self._kafka, "entry-log", metadata_s=_METADATA_S)
        first = start or OFFSET_BEGINNING
        for message in self._reader.read({(self._topic, 0): first}, timeout_s=_TIMEOUT_S):
            yield stored_message(message)

    def _publish(self, entries: Mapping[str, Entry | None]) -> None:
        if self._sink is None:
            self._sink = KafkaSink(self._kafka, timeout_s=_SINK_S)
        for key, entry in entries.items():
            self._sink.send(TOPIC, key.encode(), None if entry is None else entry.model_dump_json().encode())
        self._sink.flush()
