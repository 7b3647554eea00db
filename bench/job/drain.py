"""How fast workers take in what lies ready: the window that all throughput figures come from."""

import time
from typing import NamedTuple

from bench.job.servers import Run, wait_for

__all__ = ["DrainResult", "WorkerEnded", "drain"]

_LIMIT_S = 600.0


class WorkerEnded(RuntimeError):
    """A worker ended during a measurement."""


class DrainResult(NamedTuple):
    """Figures of one run: from the first save to the last, the outboxes empty. Seconds are processor seconds."""

    events_per_s: float
    cpu_s_per_million: float
    redis_cpu_s_per_million: float
    rss_mb: float


def drain(run: Run, events: int, already: int = 0) -> DrainResult:
    """Measure until `events` more than `already` are saved. The first batch only starts the clock.

    Raises TimeoutError, WorkerEnded.
    """
    wait_for(lambda: _progress(run) > already, 90, 0.002)
    started, before = time.monotonic(), run.processed()
    cpu, redis_cpu = run.cpu_s(), run.redis_cpu_s()
    wait_for(lambda: _progress(run) >= already + events and not run.unsent(), _LIMIT_S)
    seconds, counted = time.monotonic() - started, already + events - before
    return DrainResult(
        events_per_s=counted / seconds,
        cpu_s_per_million=(run.cpu_s() - cpu) / counted * 1e6,
        redis_cpu_s_per_million=(run.redis_cpu_s() - redis_cpu) / counted * 1e6,
        rss_mb=run.peak_mb(),
    )


def _progress(run: Run) -> int:
    for worker in run.workers:
        if worker.exit_code is not None:
            raise WorkerEnded(f"{worker.service} ended with code {worker.exit_code}: {worker.log_tail(5)}")
    return run.processed()
