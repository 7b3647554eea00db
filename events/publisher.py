"""The client with which a shop publishes events."""

from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError
from pydantic import BaseModel

from events.errors import ShoalError
from events.inputs import INPUTS, Event
from events.settings import KafkaSettings

__all__ = ["PublishFailed", "Publisher"]


class PublishFailed(ShoalError):
    """Kafka did not acknowledge an event."""

    retriable = True


class Publisher:
    """Publishes events in the background, keyed by customer, idempotently, acknowledged by all in-sync replicas.

    One for each process; safe to share between threads. In a Flask or Django shop:

        publisher = Publisher(KafkaSettings(kafka="kafka:9092"))
        publisher.publish("orders", Order(event_id=…, customer_id=…, occurred_at=…, order_id=…, amount=…, currency="EUR"))

    `publish` returns at once and raises what went wrong with an earlier event; `flush` (or leaving the `with` block)
    waits for the acknowledgements. Raises PublishFailed.
    """

    def __init__(self, settings: KafkaSettings | None = None, **producer_options: Any) -> None:
        self.settings = settings or KafkaSettings()
        options: dict[str, Any] = {
            "acks": "all",
            "linger_ms": 5,
            "compression_type": None,
            "client_id": "shoal-publisher",
        }
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=self.settings.kafka.split(","), **(options | producer_options)
            )
        except (KafkaError, ValueError) as error:
            raise PublishFailed(f"no Kafka broker answers at {self.settings.kafka} ({error})") from error
        self._failure: BaseException | None = None

    def publish(self, topic: str, event: Event | dict[str, Any]) -> None:
        """Send one event; a dict is validated first. `topic` is the name without prefix.

        Raises pydantic.ValidationError for an event that is not valid, PublishFailed for an earlier one that Kafka
        did not take, KeyError for a topic that is not an input.
        """
        if isinstance(event, dict):
            event = INPUTS[topic].model_validate_json(_to_json(event))
        self.publish_json(topic, event.customer_id, event.model_dump_json(exclude_none=True).encode())

    def publish_json(self, topic: str, customer_id: str, value: bytes) -> None:
        """Send bytes that are known to be a valid event. Raises PublishFailed."""
        self._raise_failure()
        try:
            future = self._producer.send(self.settings.topic(topic), key=customer_id.encode(), value=value)
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
        """Flush and let go of the connection."""
        try:
            self.flush()
        finally:
            self._producer.close()

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


def _to_json(event: dict[str, Any]) -> bytes:
    """Write a dict as JSON, instants and decimals included."""

    class _Anything(BaseModel):
        model_config = {"extra": "allow"}

    return _Anything.model_validate(event).model_dump_json().encode()
