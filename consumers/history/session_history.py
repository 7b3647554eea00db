"""A customer's web sessions, found in the topic that they came in by: no state keeps them one by one."""

from collections.abc import Sequence

from pydantic import ValidationError

from consumers.history.customer_messages import messages_of_customer
from events.schema.inputs import WebSession
from events.settings import KafkaSettings

__all__ = ["sessions_of_customer"]


def sessions_of_customer(
    kafka: KafkaSettings, ids: Sequence[str], most: int = 200_000, timeout_s: float = 10.0
) -> list[WebSession]:
    """Return the sessions of a customer's ids among the last `most` messages, the latest first, each once.

    Several ids are those that were merged into the customer, and its own. Raises KafkaUnreachable, where no broker
    answers within `timeout_s`.
    """
    found: dict[str, WebSession] = {}
    for message in messages_of_customer(kafka, "web-sessions", ids, most, timeout_s):
        session = None if message.value is None else _decoded(message.value)
        if session is not None and session.customer_id in ids:
            found.setdefault(session.event_id, session)
    return sorted(found.values(), key=lambda each: each.occurred_at, reverse=True)


def _decoded(value: bytes) -> WebSession | None:
    """Return a session, None where the worker has put it among the dead letters."""
    try:
        return WebSession.model_validate_json(value)
    except ValidationError:
        return None
