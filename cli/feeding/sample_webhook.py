"""A webhook on loopback, as the receiver of a campaign tool would be: it checks who calls, and counts."""

import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from stream.campaigns.webhook_request import new_secret, signature

__all__ = ["SampleWebhook"]


class SampleWebhook:
    """Answers at `url` while it is entered; calls signed with `secret` are `taken`, each id once, others `refused`."""

    def __init__(self) -> None:
        self.secret = new_secret()
        self.refused = 0
        self._ids: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._take))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/segment-changed"

    @property
    def taken(self) -> int:
        """How many messages came; one that comes twice counts once."""
        return len(self._ids)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="sample-webhook", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, headers: Any, body: bytes) -> int:
        """Return the status to answer with."""
        message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        signed = stamp.isdecimal() and signature(self.secret, message_id, int(stamp), body)
        if not signed or not hmac.compare_digest(signed, headers.get("webhook-signature", "")):
            self.refused += 1
            return 401
        self._ids.add(message_id)
        return 204


def _handler(take: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(take(self.headers, body))
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the library calls it by
            """Say nothing: the terminal shows the shop."""

    return Handler
