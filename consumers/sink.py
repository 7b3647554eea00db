"""The Kafka sink: an idempotent producer that knows whether everything it was given has been acknowledged."""

from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumers.plugin import plugin_settings
from events.errors import ShoalError
from events.settings import KafkaSettings

try:
    from consumers.message_batch import MessageBatches
except ImportError:
    MessageBatches = None  # type: ignore[assignment,misc]

__all__ = ["KafkaSink", "SinkFailed"]

_QUEUED = 1_000_000
PARTITION_UA = -1
"""librdkafka's number for: the partition that the key belongs to."""


class SinkFailed(ShoalError):
    """Kafka did not acknowledge what was sent."""

    retriable = True


class KafkaSink:
    """Sends bytes with `acks=all`, in order, without duplicates from its own retries."""

    def __init__(self, kafka: KafkaSettings, *, timeout_s: float = 60.0) -> None:
        self._kafka = kafka
        self._timeout_s = timeout_s
        self._failures: list[str] = []
        self._producer, self._batches = _opened(_options(kafka, timeout_s))

    def send(self, topic: str, key: bytes | None, value: bytes, partition: int = PARTITION_UA) -> None:
        """Queue one message for a topic (its name without prefix), to the partition of its key unless one is named.

        Blocks while the queue is full. Raises SinkFailed.
        """
        name = self._kafka.topic(topic)
        while True:
            try:
                self._producer.produce(name, value, key, partition, on_delivery=self._note)
            except BufferError:
                self._producer.poll(0.05)
            except KafkaException as error:
                raise SinkFailed(f"Kafka at {self._kafka.kafka} did not take a message for {name}: {error}") from error
            else:
                return

    def send_all(self, topic: str, keys: Sequence[str], values: Sequence[bytes]) -> None:
        """Queue a message for each key, to the key's partition. Blocks while the queue is full. Raises SinkFailed."""
        name = self._kafka.topic(topic)
        if self._batches is None:
            self._send_dicts(name, [{"key": key, "value": value} for key, value in zip(keys, values, strict=True)])
            return
        keys, values = list(keys), list(values)
        while True:
            queued, refusal = self._batches.send(name, keys, values)
            if refusal is not None:
                raise SinkFailed(f"Kafka at {self._kafka.kafka} did not take a message for {name}: {refusal}")
            if queued == len(keys):
                return
            keys, values = keys[queued:], values[queued:]
            self._producer.poll(0.05)

    def _send_dicts(self, name: str, waiting: list[dict[str, Any]]) -> None:
        while waiting:
            if self._producer.produce_batch(name, waiting, on_delivery=self._note) == len(waiting):
                return
            waiting = [message for message in waiting if "_error" in message]
            for message in waiting:
                error = message.pop("_error")
                if error.code() != KafkaError._QUEUE_FULL:  # noqa: SLF001 - the library's public name for it
                    raise SinkFailed(f"Kafka at {self._kafka.kafka} did not take a message for {name}: {error.str()}")
            self._producer.poll(0.05)

    def flush(self) -> None:
        """Wait until all that was sent is acknowledged. Raises SinkFailed."""
        left = self._producer.flush(self._timeout_s)
        failures, self._failures = self._failures, []
        failed, why = (0, "") if self._batches is None else self._batches.failed()
        if failed and not failures:
            failures.append(f"{failed} messages: {why}")
        if left or failures:
            detail = failures[0] if failures else f"{left} messages not acknowledged within {self._timeout_s:g} s"
            raise SinkFailed(f"Kafka at {self._kafka.kafka} did not take what was sent: {detail}")

    def _note(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failures.append(f"{message.topic()}: {error.str()}")


def _options(kafka: KafkaSettings, timeout_s: float) -> dict[str, Any]:
    return {
        "bootstrap.servers": kafka.kafka,
        "client.id": "shoal-sink",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",  # Kafka's Java default; librdkafka's own differs
        "linger.ms": 1,
        "delivery.report.only.error": True,  # a callback for each success would cost 1 µs
        "message.max.bytes": 17 << 20,
        "delivery.timeout.ms": int(timeout_s * 1000),
        "queue.buffering.max.messages": _QUEUED,
        "queue.buffering.max.kbytes": 256 << 10,
    }


def _opened(options: dict[str, Any]) -> "tuple[Producer, MessageBatches | None]":
    """Return a producer, and how to send many messages by it at once, where librdkafka can be reached for that."""
    settings = plugin_settings()
    if MessageBatches is not None and settings is not None:
        try:
            return Producer({**settings, **options}), MessageBatches()
        except (KafkaException, LookupError):
            pass
    return Producer(options), None
