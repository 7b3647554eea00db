"""Thousands of connections without a key, to a real `shoal api`: nobody else is refused or waits."""

import contextlib
import resource
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cli.local.embedded import free_port, port_open
from tests.waiting import until

SOCKETS = 2_500
HEADERS_S = 10.0


@pytest.fixture
def port(service) -> int:
    """The port of an API of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < SOCKETS + 500:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(SOCKETS + 500, hard), hard))
    port = free_port()
    service.spawn("api", "--port", str(port))
    until(lambda: port_open(port), what="the API listens")
    until(lambda: _ask(port)[0] == 200, what="the API answers")
    return port


def _connect(port: int, source: str) -> socket.socket:
    connection = socket.socket()
    connection.bind((source, 0))
    connection.settimeout(30)
    connection.connect(("127.0.0.1", port))
    return connection


def _ask(port: int, path: str = "/health") -> tuple[int, float]:
    """Return the status and the seconds of a request on a connection of its own."""
    began = time.monotonic()
    with _connect(port, "127.0.0.1") as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: shoal\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while received := connection.recv(65_536):
            answer += received
    return int(answer.split(b" ", 2)[1]) if answer else 0, time.monotonic() - began


def _closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return not connection.recv(65_536) or _closed(connection)
    except BlockingIOError:
        return False
    except OSError:
        return True


@contextmanager
def flood(port: int, sources: list[str], drip: bool) -> Iterator[list[socket.socket]]:
    """Hold connections that send nothing, or one byte of a request every second."""
    held = [_connect(port, sources[n % len(sources)]) for n in range(SOCKETS)]
    ended = threading.Event()

    def send_drops() -> None:
        for byte in b"GET /v1/customers/c1/segment HTTP/1.1\r\nX-Padding: " + b"x" * 10_000:
            for each in held:
                with contextlib.suppress(OSError):
                    each.send(bytes([byte]), socket.MSG_DONTWAIT)
            if ended.wait(1.0):
                return

    dripping = threading.Thread(target=send_drops)
    if drip:
        dripping.start()
    try:
        yield held
    finally:
        ended.set()
        if drip:
            dripping.join()
        for each in held:
            each.close()


@pytest.mark.parametrize("drip", [False, True], ids=["silent", "a byte a second"])
@pytest.mark.parametrize("addresses", [1, pytest.param(50, marks=pytest.mark.long)])
def test_a_flood_of_half_open_connections_refuses_nobody(port, addresses, drip):
    before = [_ask(port)[1] for _ in range(100)]
    with flood(port, [f"127.0.1.{1 + n}" for n in range(addresses)], drip) as held:
        during = [_ask(port) for _ in range(100)]
        open_now = sum(not _closed(each) for each in held)
        assert {status for status, _ in during} == {200}
        assert open_now <= (500 if addresses == 1 else 2_000)
        waited = statistics.median(seconds for _, seconds in during)
        assert waited < statistics.median(before) + 0.05
        until(
            lambda: all(_closed(each) for each in held), timeout_s=3 * HEADERS_S, what="silent connections are closed"
        )
    assert _ask(port)[0] == 200
