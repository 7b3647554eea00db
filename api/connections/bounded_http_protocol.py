"""uvicorn's HTTP protocol with bounds that it has not: slow and silent clients are closed.

uvicorn's `limit_concurrency` counts open connections and answers 503 above it, so whoever opens that many shuts
everybody out. Here each part of a request has a deadline, and a connection that only waits gives way to a new one.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.connections.connection_registry import ConnectionLimits, ConnectionRegistry, network_of

__all__ = ["BoundedHttpProtocol", "protocol_with"]

_LOOK_EVERY_S: Final = 1.0
_LEAST_TAKEN: Final = 16_384
"""Bytes of an answer that a client must take in `unsent_s` seconds."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection; `connection_limits` and `registry` are of the subclass that `protocol_with` makes."""

    connection_limits: ConnectionLimits
    registry: ConnectionRegistry

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], **options: Any) -> None:
        super().__init__(config, server_state, app_state, **options)
        self.network = ""
        self._deadline: float | None = None
        self._arriving = False  # between the first byte of a request and its last
        self._in_headers = True
        self._part_ended = False  # headers or a body, in the bytes that are being read
        self._header_bytes = 0
        self._unsent: tuple[float, int] | None = None  # when a stalled answer is looked at again, and bytes then unsent

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or answer 503 where all that may be open are being answered."""
        super().connection_made(transport)
        self.network = network_of(self.client[0] if self.client else "")
        if not self.registry.admit(self):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self._deadline = self.loop.time() + self.connection_limits.headers_s
        self.registry.look_every(_LOOK_EVERY_S, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.registry.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, of headers not more than `header_bytes`."""
        if self.transport.is_closing():
            return
        self._part_ended = False
        super().data_received(data)
        if self._in_headers and not self._part_ended:
            self._header_bytes += len(data)
            if self._header_bytes > self.connection_limits.header_bytes and not self.transport.is_closing():
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Start the clock of the headers."""
        super().on_message_begin()
        self._arriving = True
        self._deadline = self.loop.time() + self.connection_limits.headers_s

    def on_headers_complete(self) -> None:
        """Start the clock of the body."""
        self._in_headers, self._part_ended, self._header_bytes = False, True, 0
        self._deadline = self.loop.time() + self.connection_limits.body_s
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the clock: from here on the answer is what takes time."""
        super().on_message_complete()
        self._arriving, self._in_headers, self._part_ended = False, True, True
        if self.cycle.response_complete:
            self._wait()
        else:
            self._deadline = None
            self.registry.is_answered(self)

    def on_response_complete(self) -> None:
        """Wait for the next request, where none has arrived meanwhile."""
        super().on_response_complete()
        if not self._arriving and self.cycle.response_complete and not self.transport.is_closing():
            self._wait()

    def pause_writing(self) -> None:
        """Note that the client takes an answer more slowly than it is made."""
        super().pause_writing()
        self._unsent = (self.loop.time() + self.connection_limits.unsent_s, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Note that the client has taken what there was."""
        super().resume_writing()
        self._unsent = None

    def make_room(self) -> None:
        """Close the connection, for another."""
        self.transport.abort() if self.transport.get_write_buffer_size() else self.transport.close()

    def look(self, now: float) -> None:
        """Close the connection where a deadline has passed."""
        closing = self.transport.is_closing()
        if closing and self._unsent is None:
            self._unsent = (now + self.connection_limits.unsent_s, self.transport.get_write_buffer_size())
        if self._unsent is not None and now > self._unsent[0]:
            self._look_at_unsent(self._unsent[1], now)
        elif not closing and self._deadline is not None and now > self._deadline:
            unanswered = self._arriving and (self._in_headers or not self.cycle.response_started)
            self._refuse(HTTPStatus.REQUEST_TIMEOUT) if unanswered else self.transport.close()

    def _look_at_unsent(self, before: int, now: float) -> None:
        unsent = self.transport.get_write_buffer_size()
        if before - unsent < _LEAST_TAKEN:
            self.transport.abort()  # to close would wait for the client to take the rest
        else:
            self._unsent = (now + self.connection_limits.unsent_s, unsent)

    def _wait(self) -> None:
        self._deadline = self.loop.time() + self.connection_limits.idle_s
        self.registry.waits(self)

    def _refuse(self, status: HTTPStatus) -> None:
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        self.transport.write(head.encode())
        self.transport.close()


def protocol_with(limits: ConnectionLimits) -> type[BoundedHttpProtocol]:
    """Return the protocol class for uvicorn's `http`; all its connections count together."""

    class Bounded(BoundedHttpProtocol):
        connection_limits = limits
        registry = ConnectionRegistry(limits)

    return Bounded
