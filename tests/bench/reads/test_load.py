"""The load of reads counts what it should: each answer once, from the time at which it was due."""

import asyncio
import threading

import pytest

from bench.reads.load import Load, measure
from bench.reporting.reads_tables import reads_tables
from bench.reporting.targets import evaluate
from tests.waiting import until, within


class Server:
    """Answers each request after `stall` seconds, every tenth with 404, several at once where they come so."""

    def __init__(self, stall=0.0, broken=False):
        self._stall, self._broken, self.requests = stall, broken, 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _client(self, reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                status = b"404 Not Found" if self._broken and self.requests % 10 == 0 else b"200 OK"
                await asyncio.sleep(self._stall)
                head = b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n"
                writer.write(head[:9])
                await asyncio.sleep(0)
                writer.write(head[9:] + b"{}")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def load(server, **more):
    return Load(server.port, "k", customers=50, seconds=0.5, connections=4, warm_s=0.2, **more)


def test_a_pace_is_kept_and_each_answer_counted_once():
    def kept():
        with Server() as server:
            found = measure(load(server, rate=200))
        assert found.requests == 100
        assert server.requests == 140
        assert found.refused == 0
        return found.p50_ms < 100

    until(kept, what="answers come within 100 ms, at the latest once the machine has room")


def test_a_stall_is_charged_to_those_who_would_have_come_meanwhile():
    with Server(stall=0.05) as server:
        found = measure(load(server, rate=200))  # four connections carry 80 a second
    assert found.requests == 100
    assert found.p99_ms > 300


def test_what_is_refused_is_counted():
    with Server(broken=True) as server:
        found = measure(load(server, rate=200))
    assert found.refused == 14


def test_without_a_pace_it_is_as_fast_as_the_server():
    with within(10), Server(stall=0.01) as server:
        found = measure(load(server, depth=2))
    assert 50 < found.per_s <= 4 / 0.01


def figures(**changes):
    each = {"per_s": 5_000.0, "p50_ms": 1.0, "p99_ms": 4.0, "max_ms": 9.0, "late_p99_ms": 0.5}
    one = {**each, "spread": {name: [value, value] for name, value in each.items()}}
    return {
        "paced": {**one, **changes}, "api": one, "bare": one, "rate": 5_000.0, "refused": 0, "ratio": 0.5,
        "ratio_spread": [0.4, 0.6], "customers": 10, "cpu_us": 90.0, "measured": {"commit": "abc"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reads", "reached"),
    [
        (figures(), True),
        (figures(p99_ms=10.5), False),
        (figures(per_s=4_000.0), False),
        (figures() | {"refused": 1}, False),
    ],
)
def test_the_target_needs_the_pace_and_every_answer(reads, reached):
    (line,) = [each for each in evaluate({"reads": reads}) if each.what.startswith("reads of a segment")]
    assert (line.reached, line.commit) == (reached, "abc")


def test_the_table_tells_the_ratio():
    (sheet,) = reads_tables(figures())
    assert ("the API's maximum, of the bare one's", "0.50 (0.40 to 0.60)") in sheet.rows
