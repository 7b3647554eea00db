"""Run a peer once on the job, measure it as Shoal is measured, and check its end state."""

import contextlib
import json
import os
import signal
import time
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from bench.job.fixed_job import BASELINE, PARTITIONS, expected, orders
from bench.job.servers import Run
from bench.peers.end_state import CUSTOMERS, NOW_MS, customers_in_redis, problems, read_published
from bench.peers.environment import jars, prepare, python
from bench.peers.process_tree import ProcessTree
from bench.peers.registry import FOLDER, Peer
from cli.local.embedded import ChildProcess

__all__ = ["PeerResult", "run_peer"]

_PROGRESS: Final = "peer-progress"
_LOOK_S: Final = 0.2
_ENDING_S: Final = 20.0


class PeerResult(NamedTuple):
    """Figures of one run, from the first batch saved to the last; they count only where `correct`."""

    events_per_s: float
    cpu_s_per_million: float
    redis_cpu_s_per_million: float
    rss_mb: float
    changes: int
    correct: bool
    detail: str


class _Window(NamedTuple):
    """What was measured between the first batch saved and the last."""

    seconds: float
    events: int
    cpu_s: float
    redis_cpu_s: float


def run_peer(peer: Peer, run: Run, cache: Path, deadline_s: float, events: int | None = None) -> PeerResult:
    """Load the orders, run the peer until all are saved or the deadline has passed, and check what it left.

    As with Shoal, time begins when a first batch is saved (after the warm-up), and orders before that are not counted:
    the peer writes the number of orders whose effects are in Redis and acknowledged by Kafka under one key.
    Raises PeerUnavailable.
    """
    prepare(peer, cache)
    number = events or peer.events
    run.load(islice(orders(), number))
    child = _start(peer, run, cache, number, deadline_s)
    tree = ProcessTree(child.pid)
    try:
        window = _watch(child, tree, run, (min(peer.warm_up, number // 2), number), deadline_s)
        code = child.exit_code
        _wait_for_end(child, tree)
    finally:
        child.stop()
        _kill_remaining(tree)
    done = _progress(run)
    if window is None:
        said = " | ".join(child.log_tail(5))
        detail = f"{done:,} of {number:,} orders in at most {deadline_s:g} s, exit code {code}: {said}"
        return PeerResult(0.0, 0.0, 0.0, tree.peak_mb, 0, correct=False, detail=detail)
    return _judged(run, number, window, tree.peak_mb)


def _judged(run: Run, number: int, window: _Window, peak_mb: float) -> PeerResult:
    told = read_published(run.kafka)
    try:
        wrong = problems(customers_in_redis(run.redis), told, expected(events=number))
    except msgspec.ValidationError as error:
        wrong = [f"a customer in Redis is not as agreed: {error}"]
    if not window.events:
        wrong.append("all orders were in the first save, so there is no speed; take more orders")
    millions = max(window.events, 1) / 1e6
    return PeerResult(
        events_per_s=window.events / max(window.seconds, 1e-9),
        cpu_s_per_million=window.cpu_s / millions,
        redis_cpu_s_per_million=window.redis_cpu_s / millions,
        rss_mb=peak_mb,
        changes=told.messages,
        correct=not wrong,
        detail="; ".join(wrong) or f"{number:,} orders, {number - window.events:,} of them before time began",
    )


def _start(peer: Peer, run: Run, cache: Path, number: int, deadline_s: float) -> ChildProcess:
    """Start the job program with its job as a JSON file, in an empty folder of its own."""
    address, prefix = urlsplit(run.servers.redis_url), run.kafka.topic_prefix
    directory = run.servers.directory / f"{prefix}{peer.name}"
    directory.mkdir(parents=True)
    told: dict[str, Any] = {
        "variant": peer.variant,
        "bootstrap": run.kafka.kafka,
        "redis_host": address.hostname,
        "redis_port": address.port,
        "orders": run.kafka.topic("orders"),
        "changes": run.kafka.topic("segment-changes"),
        "group": run.kafka.topic(peer.name),
        "partitions": PARTITIONS,
        "events": number,
        "deadline_s": deadline_s + _ENDING_S,
        "customers": CUSTOMERS,
        "progress": _PROGRESS,
        "directory": str(directory),
        "jars": str(jars(peer, cache.resolve())),
        "now_ms": NOW_MS,
        "center": BASELINE.center,
        "scale": BASELINE.scale,
        "centroids": [each.centroid for each in BASELINE.segments],
        "segments": [each.segment_id for each in BASELINE.segments],
    }
    file = run.servers.directory / f"{prefix}{peer.name}.json"
    file.write_text(json.dumps(told))
    environment = {**os.environ, "PYTHONPATH": str(FOLDER / "program"), "PYTHONUNBUFFERED": "1"}
    environment["PATH"] = f"{python(peer, cache.resolve()).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    log = run.servers.directory / f"{prefix}{peer.name}.log"
    command = [str(python(peer, cache.resolve())), str(peer.program), str(file)]
    child = ChildProcess(peer.name, command, log=log, env=environment)
    child.spawn()
    return child


def _progress(run: Run) -> int:
    store: Any = run.redis
    return int(store.get(_PROGRESS) or 0)


def _watch(
    child: ChildProcess, tree: ProcessTree, run: Run, span: tuple[int, int], deadline_s: float
) -> _Window | None:
    """Follow the progress from the first save after the warm-up to the last; None where it ended or was too slow."""
    (warm, number), deadline = span, time.monotonic() + deadline_s
    before, began, looked, cpu, redis_cpu = 0, 0.0, 0.0, 0.0, 0.0
    while (now := time.monotonic()) < deadline:
        done = _progress(run)
        if done > warm and not before:
            before, began, cpu, redis_cpu = done, now, tree.look(), run.redis_cpu_s()
        if done >= number:
            return _Window(now - began, number - before, tree.look() - cpu, run.redis_cpu_s() - redis_cpu)
        if not child.running:
            return None
        if now - looked > _LOOK_S:
            looked = now
            tree.look()
        time.sleep(0.01 if before else 0.002)
    return None


def _wait_for_end(child: ChildProcess, tree: ProcessTree) -> None:
    """Wait for the program to commit and to end by itself."""
    deadline = time.monotonic() + _ENDING_S
    while child.running and time.monotonic() < deadline:
        tree.look()
        time.sleep(_LOOK_S)


def _kill_remaining(tree: ProcessTree) -> None:
    """End what the program started and left behind."""
    for pid in tree.running():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
