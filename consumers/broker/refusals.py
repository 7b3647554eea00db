"""What a broker does not allow this user, as librdkafka tells it, in a sentence that says what to do."""

import functools
from typing import Final

from confluent_kafka import KafkaError

from events.settings import KafkaSettings
from events.topics.permissions import Permission, forbidden
from shoal_client.errors import KafkaRefuses
from shoal_client.kafka_connection import require_access

__all__ = ["FORBIDDEN", "is_forbidden", "reading_refused", "require_access_once"]

FORBIDDEN: Final = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_SAID: Final = "authorization failed"
"""How librdkafka words all of them."""


@functools.cache
def require_access_once(kafka: KafkaSettings) -> None:
    """Let a process find out once that Kafka refuses it; librdkafka would try for as long as it is asked to wait.

    Raises KafkaUnreachable, KafkaRefuses.
    """
    if kafka.security.protocol != "PLAINTEXT":
        require_access(kafka.kafka, kafka.security)


def is_forbidden(detail: str) -> bool:
    """Return whether librdkafka's words say that a permission is missing."""
    return _SAID in detail


def reading_refused(kafka: KafkaSettings, error: KafkaError, topic: str | None, group: str) -> KafkaRefuses | None:
    """Return what to raise where reading a topic, or joining a group, is not allowed; None for another error."""
    if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
        return forbidden(kafka, [Permission("READ", "group", group)])
    if error.code() in FORBIDDEN:
        return forbidden(kafka, [Permission("READ", "topic", topic or "that it asks for")])
    return None
