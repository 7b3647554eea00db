"""Publish events from a shop."""

from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from shoal_client.errors import KafkaUnreachable, PublishFailed
from shoal_client.events import Event, encoded
from shoal_client.kafka_connection import connect
from shoal_client.kafka_security import KafkaSecurity

__all__ = ["Publisher"]

CLOSE_TIMEOUT_S: Final = 5.0
"""After a flush nothing is left to wait for, unless the flush has failed."""


class Publisher:
    """Publishes events in the background, keyed by customer, idempotently, acknowledged by all in-sync replicas.

    One for each process; safe to share between threads. In a Flask or Django shop:

        publisher = Publisher("kafka:9092")
        publisher.publish("orders", Order(event_id=…, customer_id=…, occurred_at=…, order_id=…, amount=…, currency=…))

    `publish` returns at once and raises what went wrong with an earlier event; `flush` (or leaving the `with` block)
    waits for the acknowledgements. `security` says how to connect where Kafka wants TLS or a user; None: as the
    variables SHOAL_KAFKA_SECURITY, SHOAL_KAFKA_USER and so on say, without which neither is used. `producer_options`
    are those of kafka-python's KafkaProducer; leave `partitioner` as it is, since Shoal finds a customer by it. Raises
    PublishFailed, SecurityInvalid.
    """

    def __init__(
        self,
        kafka: str = "127.0.0.1:9092",
        topic_prefix: str = "",
        *,
        security: KafkaSecurity | None = None,
        **producer_options: Any,
    ) -> None:
        self._prefix = topic_prefix
        options: dict[str, Any] = {
            "acks": "all",
            "linger_ms": 5,
            "compression_type": None,
            "client_id": "shoal-publisher",
            "allow_auto_create_topics": False,  # it would be created with the broker's number of partitions
            "max_block_ms": 10_000,
        }
        try:
            self._producer = connect(
                KafkaProducer,
                kafka,
                KafkaSecurity.from_environment() if security is None else security,
                **(options | producer_options),
            )
        except KafkaUnreachable as error:
            raise PublishFailed(str(error)) from error
        self._failure: BaseException | None = None

    def publish(self, topic: str, event: Event | Mapping[str, Any]) -> None:
        """Send one event, after a look at it. `topic` is the name without prefix.

        Raises EventInvalid for what Shoal would refuse, PublishFailed for an earlier event that Kafka did not take.
        """
        self.publish_json(topic, *encoded(topic, event))

    def publish_json(self, topic: str, customer_id: str, value: bytes) -> None:
        """Send bytes that are known to be a valid event. Raises PublishFailed."""
        self._raise_failure()
        try:
            future = self._producer.send(self._prefix + topic, key=customer_id.encode(), value=value)
        except KafkaError as error:
            raise PublishFailed(f"an event for {topic} was not sent: {error}") from error
        future.add_errback(self._remember)

    def flush(self, timeout_s: float = 60.0) -> None:
        """Wait until everything sent so far is acknowledged. Raises PublishFailed."""
        try:
            self._producer.flush(timeout=timeout_s)
        except KafkaError as error:
            raise PublishFailed(f"events were not acknowledged within {timeout_s:g} s: {error}") from error
        self._raise_failure()

    def close(self) -> None:
        """Flush and close the connection. Raises PublishFailed."""
        try:
            self.flush()
        finally:
            with suppress(KafkaError):  # it flushes once more, and what that says flush has said already
                self._producer.close(timeout=CLOSE_TIMEOUT_S)

    def _remember(self, error: BaseException) -> None:
        self._failure = error

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise PublishFailed(f"Kafka did not take an event: {failure}") from failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
