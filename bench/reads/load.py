"""A load of HTTP GETs over a few connections that stay open, cheap enough to share a machine with what it measures.

`python -m bench.reads.load '{"port": …}'` prints what came of it as JSON. With a `rate`, requests are sent at the times
of an exact pace and waited for from these times on, so that a server that stalls is charged for those who would have
come meanwhile. Without one, each connection has `depth` requests on their way: as fast as the server goes.
"""

import asyncio
import json
import re
import resource
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import uvloop

__all__ = ["Load", "Loaded", "measure"]

_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_TICK_S: Final = 0.001


@dataclass(frozen=True)
class Load:
    """What is asked for: `customers` by turns, on `connections`, for `seconds` after `warm_s` that do not count."""

    port: int
    key: str
    customers: int
    seconds: float
    rate: float = 0.0
    connections: int = 32
    depth: int = 4
    warm_s: float = 1.0


@dataclass(frozen=True)
class Loaded:
    """What came of it; latencies in ms. `late_p99_ms`: how far the requests were sent behind the pace."""

    requests: int
    per_s: float
    refused: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float
    cpu_s: float


class _Connection(asyncio.Protocol):
    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._buffer = b""
        self.due: deque[float] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, due: float) -> None:
        self.due.append(due)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(buffer, 0, end + 2)
            whole = end + 4 + int(found[1]) if found else end + 4
            if len(buffer) < whole:
                break
            self._run.answered(self, buffer.startswith(b"HTTP/1.1 200"))
            buffer = buffer[whole:]
        self._buffer = buffer

    def connection_lost(self, error: Exception | None) -> None:
        self._run.lost(len(self.due))


class _Run:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests = _requests(load)
        self._next = 0
        self._refused = 0
        self._sent: list[float] = []
        self._latencies: list[float] = []
        self._counting = self._ended = False
        self._since = float("inf")
        self._connections: list[_Connection] = []

    async def run(self) -> Loaded:
        loop, load = asyncio.get_running_loop(), self._load
        for _ in range(load.connections):
            _, made = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", load.port)
            self._connections.append(made)
        await self._send_for(load.warm_s)
        self._counting = True
        self._since = began = time.perf_counter()
        cpu_s = _cpu_s()
        await self._send_for(load.seconds)
        took_s, cpu_s = time.perf_counter() - began, _cpu_s() - cpu_s
        answered = len(self._latencies)
        self._ended = True
        await self._drain()
        for each in self._connections:
            each.transport.abort()
        latencies = np.array(self._latencies) * 1000
        late = float(np.quantile(self._sent, 0.99) * 1000) if self._sent else 0.0
        p50, p99 = np.quantile(latencies, [0.5, 0.99]).tolist()
        return Loaded(
            requests=len(latencies), per_s=answered / took_s, refused=self._refused, p50_ms=p50, p99_ms=p99,
            max_ms=float(latencies.max()), late_p99_ms=late, cpu_s=cpu_s,
        )  # fmt: skip

    async def _send_for(self, seconds: float) -> None:
        if not self._load.rate:
            if not self._counting:
                for each in self._connections * self._load.depth:
                    self._send(each, time.perf_counter())
            await asyncio.sleep(seconds)
            return
        began, sent, wanted = time.perf_counter(), 0, int(seconds * self._load.rate)
        while sent < wanted:
            now = time.perf_counter()
            while sent < wanted and (due := began + sent / self._load.rate) <= now:
                if self._counting:
                    self._sent.append(time.perf_counter() - due)
                self._send(self._connections[sent % len(self._connections)], due)
                sent += 1
            await asyncio.sleep(_TICK_S)

    async def _drain(self) -> None:
        """Wait for the answers that are on their way: those of a paced load count, however late they come."""
        deadline = time.perf_counter() + 10.0
        while any(each.due for each in self._connections) and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
        self._refused += sum(len(each.due) for each in self._connections)

    def _send(self, connection: _Connection, due: float) -> None:
        connection.send(self._requests[self._next], due)
        self._next = (self._next + 1) % len(self._requests)

    def answered(self, connection: _Connection, well: bool) -> None:
        """Note an answer; without a rate, ask again."""
        due, now = connection.due.popleft(), time.perf_counter()
        if due >= self._since and (self._load.rate or not self._ended):
            self._latencies.append(now - due)
        self._refused += not well
        if not self._load.rate and not self._ended:
            self._send(connection, now)

    def lost(self, waiting: int) -> None:
        """Note that a connection has ended with so many requests unanswered."""
        if not self._ended:
            self._refused += waiting


def _requests(load: Load) -> list[bytes]:
    """Return requests in an order that is not that of the keys, the same each time."""
    order = np.random.default_rng(1).permutation(load.customers).tolist()
    end = f"/segment HTTP/1.1\r\nHost: shoal\r\nAuthorization: Bearer {load.key}\r\n\r\n"
    return [f"GET /v1/customers/c{number:07}{end}".encode() for number in order]


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(load: Load) -> Loaded:
    """Send a load and return what came of it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Run(load).run())


def main(arguments: Sequence[str]) -> None:
    """Send the load that the argument describes."""
    fields: dict[str, Any] = json.loads(arguments[0])
    sys.stdout.write(json.dumps(measure(Load(**fields)).__dict__) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
