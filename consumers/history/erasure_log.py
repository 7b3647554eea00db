"""The topic of erasures: what keeps erased customers away where Redis has come back older, or empty.

Tombstones stand in Redis beside the partition's state, so they are lost with it; the inputs, from which that state is
replayed, still hold the customers for as long as Kafka keeps them. Each erasure is published before it is carried out,
and whoever claims a partition brings the tombstones of Redis up to the topic first.
"""

from typing import Final

from confluent_kafka import OFFSET_BEGINNING

from consumers.broker.internal_messages import NotReadable, OnSkipped, decode_or_skip, log_skipped, stored_message
from consumers.broker.topic_reader import TopicReader
from events.schema.outputs import Erasure
from events.settings import KafkaSettings

__all__ = ["TOPIC", "ErasureLog"]

TOPIC: Final = "erasures"
_TIMEOUT_S: Final = 10.0


class ErasureLog:
    """Follows the topic from its beginning; what was read once is remembered."""

    def __init__(self, kafka: KafkaSettings, on_skipped: OnSkipped = log_skipped) -> None:
        self._kafka, self._topic, self._next = kafka, kafka.topic(TOPIC), OFFSET_BEGINNING
        self._on_skipped = on_skipped
        self._digests: dict[int, set[bytes]] = {}
        self._reader: TopicReader | None = None
        self.salt: bytes | None = None

    def erased_in(self, partition: int) -> set[bytes]:
        """Return what stands for the erased customers of a partition, by the topic as it is now.

        Raises KafkaUnreachable.
        """
        self._follow()
        return self._digests.get(partition, set())

    def erased_anywhere(self) -> set[bytes]:
        """Return the same of all partitions together. Raises KafkaUnreachable."""
        self._follow()
        return set().union(*self._digests.values())

    def _follow(self) -> None:
        if self._reader is None:
            self._reader = TopicReader(self._kafka, "erasure-log")
        for message in self._reader.read({(self._topic, 0): self._next}, timeout_s=_TIMEOUT_S):
            stored = stored_message(message)
            self._next = stored.offset + 1
            erasure = decode_or_skip(stored, self._decode, self._on_skipped)
            if erasure is not None:
                self._digests.setdefault(erasure.partition, set()).add(bytes.fromhex(erasure.digest))
                self.salt = bytes.fromhex(erasure.salt)

    def _decode(self, key: bytes | None, value: bytes) -> Erasure:
        """Read an erasure; one with another salt than those before would make all of them unrecognisable."""
        erasure = Erasure.model_validate_json(value)
        if key != erasure.digest.encode():
            raise NotReadable("its key is not its digest")
        if self.salt not in (None, bytes.fromhex(erasure.salt)):
            raise NotReadable("salt: another one than that of the erasures before")
        return erasure
