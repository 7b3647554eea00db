"""The API and the bare endpoint in turn, each a process on a core of its own, under the same load."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from api.access.api_keys import KeyStore
from api.access.scopes import Scope
from bench.reads.load import Load, Loaded
from bench.reporting.run_statistics import ratio_of_pairs, summary
from cli.local.embedded import ChildProcess, free_port, port_open
from events.segment_changes import make_change
from state.customers.current_segment_keys import SegmentViews
from state.store.connection import connect

__all__ = ["Plan", "measure_reads"]

Figures = dict[str, Any]
_API: Final = ("-m", "cli.main", "api")
_BARE: Final = ("-m", "bench.reads.bare_endpoint")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 5
    rate: float = 5_000.0
    paced_s: float = 5.0
    fastest_s: float = 3.0
    customers: int = 50_000


def measure_reads(redis_url: str, folder: Path, plan: Plan, say: Callable[[str], None]) -> Figures:
    """Measure the API at a pace, and its maximum and that of the bare endpoint in turn."""
    client = connect(redis_url)
    _fill(client, plan.customers)
    key = KeyStore(client).create("bench", [Scope.SEGMENTS_READ], datetime.now(UTC)).token
    paced: list[dict[str, float]] = []
    fastest: dict[str, list[dict[str, float]]] = {"api": [], "bare": []}
    with _served("api", _API, redis_url, folder) as api, _served("bare", _BARE, redis_url, folder) as bare:
        for number in range(plan.rounds):
            paced.append(_loaded(api, Load(api.port, key, plan.customers, plan.paced_s, rate=plan.rate)))
            for name, server in (("api", api), ("bare", bare)):
                fastest[name].append(_loaded(server, Load(server.port, key, plan.customers, plan.fastest_s)))
            say(
                f"round {number + 1}: p99 {paced[-1]['p99_ms']:.1f} ms at {paced[-1]['per_s']:,.0f}/s; at most "
                f"{fastest['api'][-1]['per_s']:,.0f}/s, bare {fastest['bare'][-1]['per_s']:,.0f}/s"
            )
    ratio = ratio_of_pairs(*([each["per_s"] for each in fastest[name]] for name in ("api", "bare")))
    return {
        **asdict(plan),
        "paced": summary(paced),
        "api": summary(fastest["api"]),
        "bare": summary(fastest["bare"]),
        "ratio": ratio.median,
        "ratio_spread": [ratio.lowest, ratio.highest],
        "refused": sum(each["refused"] for each in (*paced, *fastest["api"], *fastest["bare"])),
        "cpu_us": statistics.median(each["server_cpu_us"] for each in paced),
    }


@dataclass(frozen=True)
class _Server:
    child: ChildProcess
    port: int

    def cpu_s(self) -> float:
        """Return the CPU-seconds that the process has used."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def _fill(client: Any, customers: int) -> None:
    changes = [
        make_change(
            change_id=f"c{number:07}:1", customer_id=f"c{number:07}", change_number=1,
            changed_at="2026-01-01T00:00:00.000Z", cause="activity", segment_id="s3", segment="Potential Loyalists",
            previous="s2", previous_segment=None, baseline=1, model_version=0,
        )
        for number in range(customers)
    ]  # fmt: skip
    SegmentViews(client).write(changes)


@contextmanager
def _served(name: str, command: tuple[str, ...], redis_url: str, folder: Path) -> Iterator[_Server]:
    """Start a server on the first core; everything else runs on the others, where there are others."""
    port = free_port()
    environment = {
        **os.environ, "SHOAL_REDIS": redis_url, "SHOAL_API_PORT": str(port), "SHOAL_API_RATE": "100000000",
        "SHOAL_KAFKA": "127.0.0.1:1",
        "PYTHONPATH": str(Path(__file__).parents[2]),  # the bare endpoint is of `bench`, which is not installed
    }  # fmt: skip
    child = ChildProcess(name, [sys.executable, "-P", *command], log=folder / f"{name}.log", env=environment)
    child.spawn()
    try:
        child.wait_until(lambda: port_open(port), 60)
        first, *_ = sorted(os.sched_getaffinity(0))
        for thread in Path(f"/proc/{child.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {first})
        yield _Server(child, port)
    finally:
        child.stop()


def _loaded(server: _Server, load: Load) -> dict[str, float]:
    """Return what came of a load from a process of its own, and the server's CPU by request."""
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "bench.reads.load", json.dumps(asdict(load))]
    before, began = server.cpu_s(), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        os.sched_setaffinity(child.pid, set(cores[1:] or cores))
        said, _ = child.communicate(timeout=60 + load.seconds)
    if child.returncode:
        raise RuntimeError(f"the load ended with {child.returncode} after {time.perf_counter() - began:.0f} s")
    found = Loaded(**json.loads(said))
    sent = found.requests * (load.seconds + load.warm_s) / load.seconds
    return {**asdict(found), "server_cpu_us": (server.cpu_s() - before) / sent * 1e6}
