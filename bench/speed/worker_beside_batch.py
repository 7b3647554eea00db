"""Latency of a worker during a re-baseline: `python -m bench.speed.worker_beside_batch [CUSTOMERS] [RATE]`.

Redis is filled with customers as a worker would have, a worker runs, orders come at a steady rate; two in five are a
new customer's first, and timed from publication until their segment change is read. Three runs: alone, with `shoal
rebaseline` beside it at the service's own niceness, and at the worker's. What counts of the latter two are the orders
that were published while the re-baseline ran.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np

from bench.job.fixed_job import BASELINE, CUSTOMERS, PARTITIONS
from bench.job.paced_publisher import Paced, PacedPublisher
from bench.job.servers import BenchServers, Run, start_servers, wait_for
from bench.job.stored_customers import buyer_rows, store_customers, with_converged_centroids
from bench.reporting.machine import describe_machine, stamp
from bench.reporting.recording import record
from bench.speed.latency import Listener, latency_orders, warm_up
from events.arrays import Floats

__all__ = ["LatencyDuringRebaseline", "main", "measure_latency_during_rebaseline"]


_CUSTOMERS, _RATE = 1_000_000, 1_000.0
_ALONE_S = 20.0
_BEFORE_S = 5.0
_LONGEST_S = 150.0
_SETTLE_S = 120.0
_RUNS: Mapping[str, dict[str, str] | None] = {
    "alone": None,
    "beside, nicer": {},
    "beside, as nice": {"SHOAL_BATCH_NICE": "0"},
}


@dataclass(frozen=True)
class LatencyDuringRebaseline:
    """Milliseconds from publication to the change being read, of the orders published while the re-baseline ran.

    `rebaseline_s` is how long that took, 0 without one; `achieved` are orders a second.
    """

    customers: int
    rate: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    changes: int
    achieved: float
    rebaseline_s: float


def measure_latency_during_rebaseline(
    servers: BenchServers, customers: int, rate: float, settings: Mapping[str, str] | None, alone_s: float = _ALONE_S
) -> LatencyDuringRebaseline:
    """Measure once; `settings` are those of the re-baseline (environment), None without one.

    Raises TimeoutError where a change does not come, RuntimeError where the re-baseline failed.
    """
    now, newcomers = datetime.now(UTC).replace(microsecond=0), max(customers, CUSTOMERS)
    now_ms = round(now.timestamp() * 1000)
    longest = _BEFORE_S + (alone_s if settings is None else _LONGEST_S)
    orders = latency_orders(int(rate * longest), now, newcomers=newcomers)
    run, publisher = servers.new_run(with_converged_centroids(BASELINE, buyer_rows, now_ms)), None
    try:
        store_customers(run, customers, buyer_rows, now_ms)
        run.start_worker()
        wait_for(run.owns_all, 120, 0.05)
        publisher = PacedPublisher(Paced(servers.bootstrap, run.kafka.topic("orders"), orders, rate, ahead=False))
        arrivals = Listener(run, int((orders.who >= newcomers).sum()), newcomers)
        began = time.monotonic() + 0.2
        publisher.start(began)
        time.sleep(max(0.0, began + _BEFORE_S - time.monotonic()))
        counted = time.monotonic()
        if settings is None:
            time.sleep(alone_s)
        else:
            _rebaseline(run, settings)
        ended = time.monotonic()
        sent = publisher.stop()
        new = np.flatnonzero(orders.who[: len(sent.times)] >= newcomers)
        wait_for(lambda: bool(arrivals.times[: len(new)].all()), _SETTLE_S, 0.05)
        arrivals.stop()
        inside = (sent.times[new] >= counted) & (sent.times[new] <= ended)
        delays: Floats = (arrivals.times[: len(new)] - sent.times[new])[inside] * 1000
    finally:
        if publisher:
            publisher.close()
        run.close()
    took = 0.0 if settings is None else round(ended - counted, 1)
    p50, p99, p999 = np.percentile(delays, [50, 99, 99.9]).round(2).tolist()
    return LatencyDuringRebaseline(customers, rate, p50, p99, p999, len(delays), round(sent.achieved, 1), took)


def _rebaseline(run: Run, settings: Mapping[str, str]) -> None:
    """Run the command as a person would, on the run's customers."""
    environment = {
        **os.environ,
        "SHOAL_KAFKA": run.kafka.kafka,
        "SHOAL_REDIS": run.servers.redis_url,
        "SHOAL_TOPIC_PREFIX": run.kafka.topic_prefix,
        "SHOAL_PARTITIONS": str(PARTITIONS),
        **settings,
    }
    command = [sys.executable, "-P", "-m", "cli.main", "rebaseline", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    if done.returncode:
        raise RuntimeError(f"the re-baseline failed: {done.stderr[-500:]}")


def main(arguments: list[str]) -> None:
    """Measure the three runs, print them as JSON, and record them where the defaults are measured."""
    customers = int(arguments[0]) if arguments else _CUSTOMERS
    rate = float(arguments[1]) if len(arguments) > 1 else _RATE
    machine, measured = describe_machine(), stamp([], "bench.speed.worker_beside_batch")
    with start_servers() as brokers:
        warm_up(brokers)
        found = {
            name: asdict(measure_latency_during_rebaseline(brokers, customers, rate, settings))
            for name, settings in _RUNS.items()
        }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if not arguments:
        record({"beside": found}, machine, measured)


if __name__ == "__main__":
    main(sys.argv[1:])
