"""A customer's web sessions, found in the topic that they came in by: no state keeps them one by one."""

from pydantic import ValidationError

from consumers.lag import reported_ends
from consumers.topic_reader import TopicReader
from events.inputs import WebSession
from events.settings import KafkaSettings

__all__ = ["sessions_of_customer"]

_TOPIC = "web-sessions"


def sessions_of_customer(
    kafka: KafkaSettings, partition: int, customer_id: str, most: int = 200_000, timeout_s: float = 10.0
) -> list[WebSession]:
    """Return a customer's sessions among the last `most` messages of its partition, the latest first, each once.

    Raises KafkaUnreachable, where no broker answers within `timeout_s`.
    """
    key, found = customer_id.encode(), dict[str, WebSession]()
    ends = {place: end for place, end in reported_ends(kafka, [_TOPIC], [partition], timeout_s).items() if end}
    with TopicReader(kafka, "session-log") as reader:
        for message in reader.read({place: max(0, end - most) for place, end in ends.items()}, ends):
            value = message.value()
            session = _decoded(value) if value is not None and message.key() == key else None
            if session is not None and session.customer_id == customer_id:
                found.setdefault(session.event_id, session)
    return sorted(found.values(), key=lambda each: each.occurred_at, reverse=True)


def _decoded(value: bytes) -> WebSession | None:
    """Return a session, None where the worker has put it among the dead letters."""
    try:
        return WebSession.model_validate_json(value)
    except ValidationError:
        return None
