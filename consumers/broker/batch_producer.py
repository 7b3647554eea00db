"""A producer that takes many messages at once: by librdkafka itself where that can be reached, else by dictionaries."""

from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumers.broker.librdkafka_access import open_reached
from consumers.broker.message_headers import Headers

try:
    from consumers.broker.produce_batch import MessageBatches
except ImportError:
    MessageBatches = None  # type: ignore[assignment,misc]

__all__ = ["BatchProducer", "MessageRefused"]

_FULL_S = 0.05


class MessageRefused(Exception):
    """A message cannot be queued, whenever it is tried."""


class BatchProducer:
    """Queues messages, and knows of each that was not delivered; `options` are librdkafka's."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._failures: list[str] = []
        self._producer, self._batches = _opened(options)

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int, headers: Headers | None = None
    ) -> None:
        """Queue one message. Blocks while the queue is full. Raises MessageRefused."""
        own: list[tuple[str, str | bytes | None]] = [*(headers or ())]
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=self._note, headers=own or None)
            except BufferError:
                self._producer.poll(_FULL_S)
            except KafkaException as error:
                raise MessageRefused(str(error)) from error
            else:
                return

    def send_all(self, topic: str, keys: list[str], values: list[bytes]) -> None:
        """Queue a message for each key, to its partition. Blocks while the queue is full. Raises MessageRefused."""
        if len(keys) != len(values):
            raise ValueError(f"{len(keys)} keys for {len(values)} values")
        self._producer.poll(0.0)  # else librdkafka keeps what it has to say of each, until its queue is full of that
        if self._batches is None:
            self._send_dicts(topic, [{"key": key, "value": value} for key, value in zip(keys, values, strict=True)])
            return
        while True:
            queued, refusal = self._batches.send(topic, keys, values)
            if refusal is not None:
                raise MessageRefused(refusal)
            if queued == len(keys):
                return
            keys, values = keys[queued:], values[queued:]
            self._producer.poll(_FULL_S)

    def flush(self, timeout_s: float) -> tuple[int, list[str]]:
        """Wait for what was queued; return how many messages are left, and what has failed since the last call."""
        try:
            left = self._producer.flush(timeout_s)
        except (KafkaException, SystemError) as fatal:  # it comes out of whatever is called, or breaks a callback
            left = len(self._producer)
            self._failures.append(str(fatal.__cause__ or fatal))
        failures, self._failures = self._failures, []
        if self._batches is not None:
            failed, why = self._batches.failed()
            if failed > len(failures):  # those of `send` are among them
                failures.append(f"{failed} messages: {why}")
        return left, failures

    def _send_dicts(self, topic: str, waiting: list[dict[str, Any]]) -> None:
        while waiting:
            if self._producer.produce_batch(topic, waiting, on_delivery=self._note) == len(waiting):
                return
            waiting = [message for message in waiting if "_error" in message]
            for message in waiting:
                error = message.pop("_error")
                if error.code() != KafkaError._QUEUE_FULL:  # noqa: SLF001 - the library's public name for it
                    raise MessageRefused(error.str())
            self._producer.poll(_FULL_S)

    def _note(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failures.append(f"{message.topic()}: {error.str()}")


def _opened(options: dict[str, Any]) -> "tuple[Producer, MessageBatches | None]":
    opened = None if MessageBatches is None else open_reached(Producer, options, MessageBatches)
    return opened or (Producer(options), None)
