"""The topic of erasures: what keeps erased customers away where Redis has come back older, or empty.

Tombstones stand in Redis beside the partition's state, so they are lost with it; the inputs, from which that state is
replayed, still hold the customers for as long as Kafka keeps them. Each erasure is published before it is carried out,
and whoever claims a partition brings the tombstones of Redis up to the topic first.
"""

import logging
from typing import Final

from confluent_kafka import OFFSET_BEGINNING

from consumers.broker.internal_messages import NotReadable, OnSkipped, decode_or_skip, log_skipped, stored_message
from consumers.broker.topic_reader import TopicReader
from events.schema.outputs import Erasure
from events.settings import KafkaSettings

__all__ = ["TOPIC", "ErasureLog"]

log = logging.getLogger(__name__)

_OTHER_SALT: Final = "salt: another one than that of the erasures before"
TOPIC: Final = "erasures"
_TIMEOUT_S: Final = 10.0


class ErasureLog:
    """Follows the topic from its beginning; what was read once is remembered.

    All erasures have one salt: that of the first, or the one that is told by `keep_to`. With another nobody would be
    recognised any more. So erasures with another are refused and reported, wherever they are on the topic.
    """

    def __init__(self, kafka: KafkaSettings, on_skipped: OnSkipped = log_skipped) -> None:
        self._kafka, self._topic, self._next = kafka, kafka.topic(TOPIC), OFFSET_BEGINNING
        self._on_skipped = on_skipped
        self._digests: dict[bytes, dict[int, set[bytes]]] = {}
        self._places: dict[bytes, list[int]] = {}
        self._reported: set[int] = set()
        self._reader: TopicReader | None = None
        self.salt: bytes | None = None

    def read(self) -> None:
        """Read what is new on the topic. Raises KafkaUnreachable."""
        self._follow()

    def keep_to(self, salt: bytes) -> None:
        """Take only erasures with this salt."""
        self.salt = salt
        self._report_others()

    def erased_in(self, partition: int) -> set[bytes]:
        """Return what stands for the erased customers of a partition, by the topic as it is now.

        Raises KafkaUnreachable.
        """
        self._follow()
        return self._accepted().get(partition, set())

    def erased_anywhere(self) -> set[bytes]:
        """Return the same of all partitions together. Raises KafkaUnreachable."""
        self._follow()
        return set().union(*self._accepted().values())

    def with_any_salt(self) -> dict[bytes, dict[int, set[bytes]]]:
        """Return what stands for erased customers by salt and partition, for who rather believes too much.

        Raises KafkaUnreachable.
        """
        self._follow()
        return self._digests

    def _accepted(self) -> dict[int, set[bytes]]:
        self._report_others()
        return {} if self.salt is None else self._digests.get(self.salt, {})

    def _follow(self) -> None:
        if self._reader is None:
            self._reader = TopicReader(self._kafka, "erasure-log")
        for message in self._reader.read({(self._topic, 0): self._next}, timeout_s=_TIMEOUT_S):
            stored = stored_message(message)
            self._next = stored.offset + 1
            erasure = decode_or_skip(stored, self._decode, self._on_skipped)
            if erasure is not None:
                salt = bytes.fromhex(erasure.salt)
                of_salt = self._digests.setdefault(salt, {})
                of_salt.setdefault(erasure.partition, set()).add(bytes.fromhex(erasure.digest))
                self._places.setdefault(salt, []).append(stored.offset)
                self.salt = self.salt or salt

    def _report_others(self) -> None:
        others = [offset for salt, offsets in self._places.items() if salt != self.salt for offset in offsets]
        for offset in (each for each in others if each not in self._reported):
            self._reported.add(offset)
            log.error("%s offset %d has another salt than this deployment's and is refused", self._topic, offset)
            self._on_skipped(self._topic, 0, offset, _OTHER_SALT)

    def _decode(self, key: bytes | None, value: bytes) -> Erasure:
        erasure = Erasure.model_validate_json(value)
        if key != erasure.digest.encode():
            raise NotReadable("its key is not its digest")
        return erasure
