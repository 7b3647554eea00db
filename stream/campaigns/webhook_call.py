"""One call of a webhook."""

import time
from dataclasses import dataclass

import aiohttp

from stream.campaigns.public_addresses import public_socket
from stream.campaigns.settings import TriggerSettings
from stream.campaigns.webhook_request import headers_of

__all__ = ["CallResult", "call_webhook", "open_session"]

_DETAIL_BYTES = 200


@dataclass(frozen=True)
class CallResult:
    """The result of a call: the HTTP status where there was a response, the error, and Retry-After in seconds."""

    status: int | None
    detail: str
    duration_ms: int
    retry_after_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the receiver has accepted the message."""
        return self.status is not None and 200 <= self.status < 300


def open_session(settings: TriggerSettings) -> aiohttp.ClientSession:
    """Return a session whose calls end after a time; it keeps no cookies and reads no proxies from the environment.

    It connects to addresses that the settings allow only, whatever a name resolves to. Needs a running event loop.
    """
    factory = public_socket if settings.trigger_addresses == "public" else None
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=factory),
        timeout=aiohttp.ClientTimeout(total=settings.trigger_timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


async def call_webhook(
    session: aiohttp.ClientSession, url: str, secret: str, message_id: str, body: bytes
) -> CallResult:
    """Send one signed message. Redirects are not followed: they could lead to a receiver that nobody chose."""
    headers = headers_of(secret, message_id, int(time.time()), body)
    start = time.monotonic()

    def elapsed_ms() -> int:
        return round((time.monotonic() - start) * 1000)

    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            text = (await response.content.read(_DETAIL_BYTES)).decode(errors="replace")
            detail = (
                "" if 200 <= response.status < 300 else f"{response.status} {response.reason or ''}: {text}".strip(": ")
            )
            return CallResult(response.status, detail, elapsed_ms(), _seconds(response.headers.get("retry-after")))
    except TimeoutError:
        return CallResult(None, "no answer in time", elapsed_ms())
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return CallResult(None, f"{type(error).__name__}: {error}"[:_DETAIL_BYTES], elapsed_ms())


def _seconds(retry_after: str | None) -> float:
    """Return the seconds of a Retry-After header, 0 where it is missing or a date."""
    return float(retry_after) if retry_after and retry_after.isdigit() and len(retry_after) < 7 else 0.0
