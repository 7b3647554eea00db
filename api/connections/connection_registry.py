"""Who is connected, and which connection makes room for a new one."""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final, Protocol

__all__ = ["Connection", "ConnectionLimits", "ConnectionRegistry", "network_of"]

_SITE_BITS: Final = 64
"""Bits of an IPv6 address that name a site; whoever has one such network may take any address in it."""


@dataclass(frozen=True)
class ConnectionLimits:
    """How many connections may be open, and how many seconds each part of a request may take.

    `unsent_s` is how long a client may take none of an answer that waits for it.
    """

    total: int = 2_000
    per_address: int = 500
    headers_s: float = 10.0
    body_s: float = 30.0
    idle_s: float = 30.0
    unsent_s: float = 30.0
    header_bytes: int = 65_536


class Connection(Protocol):
    """What the registry needs of a connection."""

    network: str

    def make_room(self) -> None:
        """Close the connection, for another."""

    def look(self, now: float) -> None:
        """Close the connection where a deadline has passed; `now` is the event loop's time."""


class ConnectionRegistry:
    """The open connections of a process.

    A connection waits from its start, or from the end of an answer, until a request has arrived whole. Waiting
    connections cost their owner nothing, so they give way to new ones, those that have waited longest first; a
    connection whose request is being answered never does.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._networks: dict[str, dict[Connection, None]] = {}
        self._open: dict[Connection, None] = {}
        self._waiting: dict[Connection, None] = {}
        self._looked_at = False

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Add a connection, which waits. Return False where all that may be open are being answered."""
        neighbours = self._networks.get(connection.network, {})
        if len(neighbours) >= self.limits.per_address and not self._close_one(neighbours):
            return False
        if len(self._open) >= self.limits.total and not self._close_one(self._waiting):
            return False
        self._networks.setdefault(connection.network, {})[connection] = None
        self._open[connection] = None
        self._waiting[connection] = None
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended; nothing where it was not admitted."""
        if connection not in self._open:
            return
        del self._open[connection]
        self._waiting.pop(connection, None)
        neighbours = self._networks[connection.network]
        del neighbours[connection]
        if not neighbours:
            del self._networks[connection.network]

    def waits(self, connection: Connection) -> None:
        """Say that a connection waits for its next request, from now on."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = None

    def is_answered(self, connection: Connection) -> None:
        """Say that the request of a connection has arrived, and is being answered."""
        self._waiting.pop(connection, None)

    def look_every(self, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        """Look for deadlines that have passed, again and again while connections are open."""

        def look() -> None:
            now = loop.time()
            for connection in list(self._open):
                connection.look(now)
            self._looked_at = bool(self._open)
            if self._looked_at:
                loop.call_later(seconds, look)

        if not self._looked_at:
            self._looked_at = True
            loop.call_later(seconds, look)

    def _close_one(self, candidates: dict[Connection, None]) -> bool:
        """Close the connection among candidates that has been there longest and waits; return whether there was one."""
        found = next((each for each in candidates if each in self._waiting), None)
        if found is None:
            return False
        self.remove(found)
        found.make_room()
        return True


@lru_cache(maxsize=4_096)
def network_of(host: str) -> str:
    """Return what connections are counted by: an IPv4 address, or the /64 network of an IPv6 address.

    >>> network_of("192.0.2.7"), network_of("2001:db8::1"), network_of("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8::', '192.0.2.7')
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> _SITE_BITS << _SITE_BITS))
    return str(address)
