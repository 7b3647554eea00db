"""Each deadline of a connection, against a real uvicorn with short ones."""

import asyncio
import socket
import threading
import time
from contextlib import closing, suppress

import pytest
import uvicorn

from api.connections.bounded_http_protocol import protocol_with
from api.connections.connection_registry import ConnectionLimits
from tests.waiting import until

LIMITS = ConnectionLimits(
    total=8, per_address=5, headers_s=1.0, body_s=1.0, idle_s=1.0, unsent_s=1.5, header_bytes=4_096
)
LARGE = 32 << 20


async def answering(scope, receive, send):
    """Answer `/slow` after three seconds, `/large` with much, anything else with the bytes of the body counted."""
    if scope["type"] == "lifespan":
        return
    read, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        read, more = read + len(message.get("body", b"")), message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(3.0)
    content = b"x" * LARGE if scope["path"] == "/large" else str(read).encode()
    headers = [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@pytest.fixture
def server():
    """A server in a thread: its port, and the registry of its connections."""
    protocol = protocol_with(LIMITS)
    server = uvicorn.Server(
        uvicorn.Config(answering, port=0, log_level="error", http=protocol, ws="none", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, what="the server listens")
    yield server.servers[0].sockets[0].getsockname()[1], protocol.registry
    server.should_exit = True
    thread.join()


def connect(server, source="127.0.0.1", sends=b""):
    connection = socket.socket()
    connection.bind((source, 0))
    connection.settimeout(20)
    connection.connect(("127.0.0.1", server[0]))
    connection.sendall(sends)
    return connection


def until_closed(connection):
    """Return what came until the server closed the connection, and the seconds that took."""
    began, received = time.monotonic(), b""
    try:
        while more := connection.recv(65_536):
            received += more
    except ConnectionResetError:
        pass
    return received, time.monotonic() - began


def request(path="/", headers="", body=b""):
    return f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def status(answer):
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("sends", "expected"),
    [
        (b"", b""),
        (b"GET / HTT", b"HTTP/1.1 408 "),
        (b"\r\n\r\n", b""),
        (request(headers="X-A: ")[:-4], b"HTTP/1.1 408 "),
        (request(body=b"x" * 100)[:-1], b"HTTP/1.1 408 "),
    ],
    ids=["nothing", "half a line", "empty lines", "half of the headers", "body but for a byte"],
)
def test_a_request_must_arrive_in_time(server, sends, expected):
    with closing(connect(server, sends=sends)) as connection:
        answer, seconds = until_closed(connection)
    assert answer.startswith(expected)
    assert bool(answer) == bool(expected)
    assert 0.5 < seconds < 10.0


def test_bytes_that_drip_do_not_extend_the_time(server):
    with closing(connect(server)) as connection:
        taken = 0
        with suppress(OSError):
            for byte in request(headers="X-Padding: " + "x" * 200):
                connection.sendall(bytes([byte]))
                taken += 1
                time.sleep(0.2)
    assert taken < 100


def test_an_idle_connection_is_closed_however_it_drips(server):
    with closing(connect(server, sends=request())) as connection:
        assert status(connection.recv(65_536)) == 200
        connection.sendall(b"\r\n")  # which HTTP allows between requests
        assert until_closed(connection)[1] < 10.0


def test_an_answer_may_take_its_time_and_a_connection_serves_many(server):
    with closing(connect(server, sends=request("/slow"))) as connection:
        assert status(connection.recv(17)) == 200
        time.sleep(0.2)
        connection.recv(65_536)
        for _ in range(3):
            connection.sendall(request(body=b"y" * 300_000))
            answer = b""
            while not answer.endswith(b"300000"):
                answer += connection.recv(65_536)
                assert status(answer) == 200


def test_pipelined_requests_are_answered(server):
    with closing(connect(server, sends=request("/slow") + request(body=b"yy"))) as connection:
        received = b""
        while received.count(b"200 OK") < 2:
            received += connection.recv(65_536)
    until(lambda: len(server[1]) == 0, what="the connection is forgotten")


def test_headers_without_end_are_refused(server):
    with closing(connect(server)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 1_000)
        assert status(until_closed(connection)[0]) == 431


def test_a_client_that_takes_nothing_is_cut_off(server):
    with closing(connect(server, sends=request("/large"))) as connection:
        until(lambda: len(server[1]) == 1, what="it is connected")
        until(lambda: len(server[1]) == 0, timeout_s=20, what="it is cut off")
        assert len(until_closed(connection)[0]) < LARGE


def test_a_client_that_takes_it_gets_all(server):
    with closing(connect(server, sends=request("/large", "Connection: close\r\n"))) as connection:
        answer, _ = until_closed(connection)
    assert len(answer.split(b"\r\n\r\n", 1)[1]) == LARGE


def test_waiting_connections_give_way_and_working_ones_do_not(server):
    working = [connect(server, sends=request("/slow")) for _ in range(4)]
    waiting = connect(server)
    until(lambda: len(server[1]) == LIMITS.per_address, what="all are taken")
    last = connect(server, sends=request("/slow", "Connection: close\r\n"))
    assert until_closed(waiting) < (b"", 0.9)  # before its time was over
    refused = connect(server)
    assert status(until_closed(refused)[0]) == 503
    other = connect(server, "127.0.0.2", request(headers="Connection: close\r\n"))
    assert status(until_closed(other)[0]) == 200
    assert status(until_closed(last)[0]) == 200
    assert [status(each.recv(65_536)) for each in working] == [200] * 4
    for each in (*working, waiting, last, refused, other):
        each.close()


def test_all_addresses_together_have_a_limit(server):
    held = [connect(server, f"127.0.1.{n}") for n in range(LIMITS.total + 3)]
    until(lambda: len(server[1]) == LIMITS.total, what="as many as may be are open")
    until(lambda: all(until_closed(each)[0] == b"" for each in held[:3]), what="the first have given way")
    for each in held:
        each.close()
