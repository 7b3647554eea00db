"""The topic of erasures: what keeps erased customers away where Redis has come back older, or empty.

Tombstones stand in Redis beside the partition's state, so they are lost with it; the inputs, from which that state is
replayed, still hold the customers for as long as Kafka keeps them. Each erasure is published before it is carried out,
and whoever claims a partition brings the tombstones of Redis up to the topic first.
"""

import logging
from typing import Final

from confluent_kafka import OFFSET_BEGINNING
from pydantic import ValidationError

from consumers.broker.message_coordinates import coordinates
from consumers.broker.topic_reader import TopicReader
from events.schema.outputs import Erasure
from events.settings import KafkaSettings

__all__ = ["TOPIC", "ErasureLog"]

log = logging.getLogger(__name__)

TOPIC: Final = "erasures"
_TIMEOUT_S: Final = 10.0


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
        for message in self._reader.read({(self._topic, 0): self._next}, timeout_s=_TIMEOUT_S):
            value, self._next = message.value(), coordinates(message)[1] + 1
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
