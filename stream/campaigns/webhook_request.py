"""The request to a webhook: body, id, signature (Standard Webhooks), and the backoff of retries."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any, Final

import msgspec

from events.segment_changes import Change
from events.time_units import DAY_S
from stream.moves.explanation import explain_change

__all__ = ["backoff_s", "body_of", "delivery_id", "headers_of", "new_secret", "signature"]

_MAX_RETRY_AFTER_S: Final = DAY_S


def new_secret() -> str:
    """Return a secret of 32 random bytes, as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def delivery_id(secret: str, trigger: str, change_id: str) -> str:
    """Return the id of a delivery: the same whenever the same change is sent for the same trigger.

    A digest, since customer ids may hold characters that a header cannot; keyed by the trigger's secret, since ids are
    kept for a week, and nobody who has a copy of them shall find out whose they are by trying.

    >>> delivery_id("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "winback", "anna:4")
    'msg_33bc8d44fb29c0ebb032c7d238f8cf26'
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "msg_" + hmac.new(key, f"{trigger}\0{change_id}".encode(), hashlib.sha256).hexdigest()[:32]


def body_of(trigger: str, change: Change, *, test: bool = False) -> str:
    """Return the JSON that the webhook is sent for a change."""
    data: dict[str, Any] = {**msgspec.to_builtins(change), "explanation": explain_change(change)}
    document = {"type": "segment.changed", "timestamp": change.changed_at, "trigger": trigger, "data": data}
    return json.dumps(document | ({"test": True} if test else {}), ensure_ascii=False, separators=(",", ":"))


def signature(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the signature of Standard Webhooks 1.0: HMAC-SHA256 of id, time and body, joined by dots.

    The example of the specification's reference libraries:

    >>> signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
    ...     b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers_of(secret: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Return the headers of a call."""
    return {
        "content-type": "application/json",
        "user-agent": "shoal",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature(secret, message_id, timestamp_s, body),
        "idempotency-key": message_id,
    }


def backoff_s(attempt: int, first_s: float, longest_s: float, jitter: float, retry_after_s: float = 0.0) -> float:
    """Return the seconds to wait after failed attempt number `attempt` (1 is the first).

    Half of a doubling wait is fixed and half is random (`jitter` from 0 to 1), so that deliveries that failed together
    are not retried together ("equal jitter": M. Brooker, Exponential Backoff And Jitter, AWS 2015).
    `retry_after_s` is what the receiver asked for in Retry-After.

    >>> [backoff_s(attempt, 4.0, 60.0, 0.5) for attempt in (1, 2, 3, 9)]
    [3.0, 6.0, 12.0, 45.0]
    """
    wait_s = min(longest_s, first_s * 2.0 ** min(attempt - 1, 60))
    return max(wait_s / 2 + jitter * wait_s / 2, min(retry_after_s, _MAX_RETRY_AFTER_S))
