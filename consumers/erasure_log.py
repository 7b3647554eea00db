"""The topic of erasures: what keeps erased customers away where Redis has come back older, or empty.

Tombstones stand in Redis beside the partition's state, so they are lost with it; the inputs, from which that state is
replayed, still hold the customers for as long as Kafka keeps them. Each erasure is published before it is carried out,
and whoever claims a partition brings the tombstones of Redis up to the topic first.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final

import redis
from confluent_kafka import OFFSET_BEGINNING
from pydantic import ValidationError

from consumers.parts import Claims
from consumers.places import place_of
from consumers.topic_reader import TopicReader
from events.outputs import Erasure
from events.settings import KafkaSettings
from state import keys
from state.erasure_places import forget_elsewhere
from state.erasures import Erased, ErasureQueue, agree_on_salt
from state.owned import Owned

__all__ = ["TOPIC", "ErasureLog", "RememberingClaims"]

log = logging.getLogger(__name__)

TOPIC: Final = "erasures"
_PATIENCE_S: Final = 10.0
_CHUNK: Final = 5_000


class ErasureLog:
    """Follows the topic from its beginning; what was read once is remembered."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka, self._topic, self._next = kafka, kafka.topic(TOPIC), OFFSET_BEGINNING
        self._digests: dict[int, set[bytes]] = {}
        self._reader: TopicReader | None = None
        self.salt: bytes | None = None

    def erased_in(self, partition: int) -> set[bytes]:
        """Return what stands for the erased customers of a partition, by the topic as it is now.

        Raises KafkaUnreachable.
        """
        if self._reader is None:
            self._reader = TopicReader(self._kafka, "erasure-log")
        for message in self._reader.read({(self._topic, 0): self._next}, patience_s=_PATIENCE_S):
            value, self._next = message.value(), place_of(message)[1] + 1
            if value is not None:
                self._take(value)
        return self._digests.get(partition, set())

    def _take(self, value: bytes) -> None:
        try:
            erasure = Erasure.model_validate_json(value)
        except ValidationError as error:
            log.warning("a message on %s cannot be read and is left out: %s", self._topic, error)
            return
        self._digests.setdefault(erasure.partition, set()).add(bytes.fromhex(erasure.digest))
        self.salt = bytes.fromhex(erasure.salt)


class RememberingClaims:
    """Claims partitions, each with the tombstones that its topic knows, whatever Redis has lost."""

    def __init__(self, claims: Claims, erasures: ErasureLog, client: redis.Redis, partitions: int) -> None:
        self._claims, self._erasures, self._redis, self._partitions = claims, erasures, client, partitions

    def verify(self, owned: Sequence[Owned]) -> None:
        """Compare partitions with what their owner knows of them. Raises Fenced or StateMoved."""
        self._claims.verify(owned)

    def claim(self, partition: int) -> Owned:
        """Become the partition's one writer, and bring its tombstones up to the topic. Raises KafkaUnreachable."""
        told = self._erasures.erased_in(partition)
        if self._erasures.salt is not None:
            agree_on_salt(self._redis, self._erasures.salt)
        owned = self._claims.claim(partition)
        known = owned.erased
        if known is None or not (lost := told - known.digests):
            return owned
        store: Any = self._redis
        store.sadd(keys.erased(partition), *lost)
        known.add_digests(lost)
        back = self._back(partition, known)
        log.warning(
            "partition %d: Redis has come back older; %d erasures taken over from the topic, %d customers erased again",
            partition,
            len(lost),
            len(back),
        )
        return owned

    def _back(self, partition: int, erased: Erased) -> list[str]:
        """Ask for the erasure of the customers who are back, and return them."""
        back = sorted({name for name in _stored(self._redis, partition) if name in erased})
        for name in back:
            ErasureQueue(self._redis).request(partition, name)
            forget_elsewhere(self._redis, name, self._partitions)
        return back


def _stored(client: Any, partition: int) -> Iterator[str]:
    for key in (keys.customers(partition), keys.profiles(partition), keys.purchases(partition)):
        for name, _ in client.hscan_iter(key, count=_CHUNK):
            yield name.decode()
