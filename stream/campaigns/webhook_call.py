"""One call of a webhook."""

import time
from dataclasses import dataclass

import aiohttp

from stream.campaigns.webhook_request import headers_of

__all__ = ["CallResult", "call_webhook", "open_session"]

_SHOWN = 200


@dataclass(frozen=True)
class CallResult:
    """What came of a call: the status where there was an answer, what went wrong, and when to come back."""

    status: int | None
    detail: str
    duration_ms: int
    retry_after_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the receiver has taken the message."""
        return self.status is not None and 200 <= self.status < 300


def open_session(timeout_s: float) -> aiohttp.ClientSession:
    """Return a session whose calls end after a time; it keeps no cookies and reads no proxies from the environment."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=timeout_s), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    )


async def call_webhook(
    session: aiohttp.ClientSession, url: str, secret: str, message_id: str, body: bytes
) -> CallResult:
    """Send one signed message. Redirects are not followed: they could lead where the operator did not mean to send."""
    headers = headers_of(secret, message_id, int(time.time()), body)
    began = time.monotonic()

    def took() -> int:
        return round((time.monotonic() - began) * 1000)

    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            said = (await answer.content.read(_SHOWN)).decode(errors="replace")
            detail = "" if 200 <= answer.status < 300 else f"{answer.status} {answer.reason or ''}: {said}".strip(": ")
            return CallResult(answer.status, detail, took(), _seconds(answer.headers.get("retry-after")))
    except TimeoutError:
        return CallResult(None, "no answer in time", took())
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return CallResult(None, f"{type(error).__name__}: {error}"[:_SHOWN], took())


def _seconds(retry_after: str | None) -> float:
    """Return the seconds of a Retry-After header, 0 where it is missing or a date."""
    return float(retry_after) if retry_after and retry_after.isdigit() and len(retry_after) < 7 else 0.0
