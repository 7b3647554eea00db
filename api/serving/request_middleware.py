"""Middleware of every request: the size limit of bodies, security headers, and the fast path of segment reads."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.serving.problem_details import problem
from api.serving.segment_fast_path import SegmentFastPath

__all__ = ["HttpLimits"]

# Plotly writes style attributes; everything that runs or loads comes from this service.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_RAW: Final = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]


class HttpLimits:
    """ASGI middleware that refuses bodies above `body_bytes` (declared or not) with 413, and adds the headers."""

    def __init__(self, app: ASGIApp, body_bytes: int) -> None:
        self._app, self._max_bytes = app, body_bytes
        self._fast_path = SegmentFastPath(_RAW)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_RAW]
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if await self._fast_path.try_answer(scope, receive, send, send_with_headers):
            return
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not declared.isdigit() or int(declared) > self._max_bytes:
            await self._too_large()(scope, receive, send_with_headers)
            return
        await self._app(scope, self._limited(receive), send_with_headers)

    def _limited(self, receive: Receive) -> Receive:
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                raise HTTPException(413, self._detail)
            return message

        return counted

    @property
    def _detail(self) -> str:
        return f"the body may have {self._max_bytes:,} bytes; send it in parts"

    def _too_large(self) -> ASGIApp:
        return problem(413, self._detail, {"Connection": "close"})
