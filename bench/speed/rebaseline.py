"""A whole re-baseline of many customers: `python -m bench.speed.rebaseline [CUSTOMERS]` prints seconds and peak memory.

Redis of its own is filled as a worker would have; then a process of its own reads everybody, fits a candidate on a
sample and assigns everybody. What counts is that process's wall time and its largest resident memory.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from batch.candidate import build_candidate
from batch.data.customer_reader import CustomerReader
from batch.fit_options import FitOptions
from batch.settings import BatchSettings
from bench.job.fixed_job import BASELINE, PARTITIONS
from bench.job.stored_customers import buyer_rows, store_customers, with_converged_centroids
from bench.reporting.machine import describe_machine, stamp
from bench.reporting.recording import record
from cli.local.embedded import start_redis
from events.schema.outputs import Baseline
from state.settings import StateSettings
from state.store.connection import connect
from stream.customers.wall_or_event_time import SegmentClock
from stream.worker_wiring import half_life_ms

__all__ = ["NOW_MS", "Shop", "main", "rebaseline"]

_CUSTOMERS = 1_000_000
NOW_MS = 1_767_225_600_000
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Shop:
    """What `store_customers` writes to."""

    redis: Any
    baseline: Baseline


def rebaseline(redis_url: str) -> dict[str, Any]:
    """Read, fit and assign the customers of a Redis; return the seconds of each step and what came out."""
    clock = SegmentClock("wall", wall_ms=lambda: NOW_MS)
    client = connect(redis_url, timeout_s=60.0)
    reader = CustomerReader(client, clock, partitions=PARTITIONS, half_life_ms=half_life_ms(StateSettings()))
    settings = BatchSettings()
    times = [time.perf_counter()]
    table = reader.table(settings.sample_customers, settings.seed)
    times.append(time.perf_counter())
    candidate = build_candidate(table, FitOptions(), number=2, seed=settings.seed, now=datetime.now(UTC))
    times.append(time.perf_counter())
    members = np.zeros(len(candidate.segments), np.int64)
    for chunk in reader.chunks():
        members += np.bincount(candidate.assign(chunk), minlength=len(candidate.segments))
    times.append(time.perf_counter())
    read_s, fit_s, assign_s = np.diff(times).round(2).tolist()
    return {
        "customers": table.population,
        "fitted": len(table),
        "assigned": int(members.sum()),
        "k": candidate.k,
        "read_s": read_s,
        "fit_s": fit_s,
        "assign_s": assign_s,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main(arguments: list[str]) -> None:
    """Fill a Redis, re-baseline it in a process of its own, print the result as JSON; a million's are recorded."""
    if arguments[:1] == ["--of"]:
        sys.stdout.write(json.dumps(rebaseline(arguments[1])) + "\n")
        return
    customers = int(arguments[0]) if arguments else _CUSTOMERS
    machine, measured = describe_machine(), stamp([], "bench.speed.rebaseline")
    with TemporaryDirectory() as folder, start_redis(Path(folder)) as server:
        shop = Shop(connect(server.url, timeout_s=60.0), with_converged_centroids(BASELINE, buyer_rows, NOW_MS))
        store_customers(shop, customers, buyer_rows, NOW_MS)
        started = time.perf_counter()
        command = [sys.executable, "-m", "bench.speed.rebaseline", "--of", server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        wall_s = round(time.perf_counter() - started, 2)
    if done.returncode:
        raise SystemExit(done.stderr)
    figures = json.loads(done.stdout) | {"wall_s": wall_s}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    if customers == _CUSTOMERS:
        record({"rebaseline": figures}, machine, measured)


if __name__ == "__main__":
    main(sys.argv[1:])
