"""TCP ports on the loopback address for servers of our own."""

import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cli.local.embedded.child_process import ServiceFailed
from events.base_error import ShoalError

LOOPBACK = "127.0.0.1"
LOWEST_PORT = 10_000
DEFAULT_LOWEST_OUTGOING_PORT = 32_768

_Server = TypeVar("_Server")


def free_port() -> int:
    """A loopback TCP port that nothing listens on now.

    It lies below the range that the system gives to outgoing connections. So a client that keeps trying to reach a
    stopped server cannot be given the server's own port, connect to itself, and keep the server from coming back.

    Raises:
        ShoalError: no free port was found.
    """
    highest = _lowest_outgoing_port() - 1
    for _ in range(1000):
        port = LOWEST_PORT + secrets.randbelow(highest - LOWEST_PORT)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise ShoalError(f"no free port found on {LOOPBACK} between {LOWEST_PORT} and {highest}")


def on_free_port(start: Callable[[int], _Server]) -> _Server:
    """Start a server on a free port, and on another one where somebody else took it meanwhile. Raises ServiceFailed."""
    for _ in range(2):
        try:
            return start(free_port())
        except ServiceFailed as failure:
            if not any("in use" in line for line in failure.tail):
                raise
    return start(free_port())


def port_open(port: int) -> bool:
    """Whether something listens on a loopback port.

    Args:
        port: TCP port on 127.0.0.1.
    """
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _lowest_outgoing_port() -> int:
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(setting.read_text().split()[0]) if setting.exists() else 0
    return lowest if lowest > LOWEST_PORT + 1000 else DEFAULT_LOWEST_OUTGOING_PORT
