"""The Kafka sink: an idempotent producer that knows whether everything it was given has been acknowledged."""

from collections.abc import Sequence
from typing import Any

from consumers.broker.batch_producer import BatchProducer, MessageRefused
from consumers.broker.message_headers import Headers
from consumers.broker.refusals import is_forbidden
from events.base_error import ShoalError
from events.settings import KafkaSettings
from events.topics.permissions import who_connects

__all__ = ["KafkaSink", "SinkFailed", "SinkRefused"]

_QUEUED = 1_000_000
PARTITION_UA = -1
"""librdkafka's number for: the partition that the key belongs to."""


class SinkFailed(ShoalError):
    """Kafka did not acknowledge what was sent."""

    retriable = True


class SinkRefused(SinkFailed):
    """Kafka does not allow this user to write there: trying again changes nothing."""

    retriable = False


class KafkaSink:
    """Sends bytes with `acks=all`, in order, without duplicates from its own retries."""

    def __init__(self, kafka: KafkaSettings, *, timeout_s: float = 60.0) -> None:
        self._kafka = kafka
        self._timeout_s = timeout_s
        self._producer = BatchProducer(_options(kafka, timeout_s))

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int = PARTITION_UA,
        headers: Headers | None = None,
    ) -> None:
        """Queue one message for a topic (its name without prefix), to the partition of its key unless one is named.

        Without a value, compaction removes what was published under the key.

        Blocks while the queue is full. Raises SinkFailed.
        """
        name = self._kafka.topic(topic)
        try:
            self._producer.send(name, key, value, partition, headers)
        except MessageRefused as refusal:
            raise self._refused(name, refusal) from refusal

    def send_all(self, topic: str, keys: Sequence[str], values: Sequence[bytes]) -> None:
        """Queue a message for each key, to the key's partition. Blocks while the queue is full. Raises SinkFailed."""
        name = self._kafka.topic(topic)
        try:
            self._producer.send_all(name, list(keys), list(values))
        except MessageRefused as refusal:
            raise self._refused(name, refusal) from refusal

    def flush(self) -> None:
        """Wait until all that was sent is acknowledged. Raises SinkFailed, SinkRefused."""
        left, failures = self._producer.flush(self._timeout_s)
        if left or failures:
            detail = failures[0] if failures else f"{left} messages not acknowledged within {self._timeout_s:g} s"
            if is_forbidden(detail):
                who, principal = who_connects(self._kafka)
                raise SinkRefused(
                    f"Kafka at {self._kafka.kafka}: {who} is not allowed to WRITE there ({detail}): give {principal} "
                    "the ACL by `kafka-acls.sh --add --operation Write`"
                )
            raise SinkFailed(f"Kafka at {self._kafka.kafka} did not take what was sent: {detail}")

    def _refused(self, name: str, refusal: MessageRefused) -> SinkFailed:
        return SinkFailed(f"Kafka at {self._kafka.kafka} did not take a message for {name}: {refusal}")


def _options(kafka: KafkaSettings, timeout_s: float) -> dict[str, Any]:
    return kafka.librdkafka(
        {
            "client.id": "shoal-sink",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",  # Kafka's Java default; librdkafka's own differs
            "linger.ms": 100,  # `flush` ends it; a short one sends a batch in pieces, and spins while it waits
            "delivery.report.only.error": True,  # a callback for each success would cost 1 µs
            "message.max.bytes": 17 << 20,
            "delivery.timeout.ms": int(timeout_s * 1000),
            "queue.buffering.max.messages": _QUEUED,
            "queue.buffering.max.kbytes": 256 << 10,
        }
    )
