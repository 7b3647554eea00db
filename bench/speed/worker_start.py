"""Start: from `shoal worker` to the first event processed."""

import time

from bench.job.end_state import check_outcome_counts
from bench.job.fixed_job import fixed_orders
from bench.job.servers import BenchServers, wait_for

__all__ = ["measure_start"]

_EVENTS = 1_000


def measure_start(servers: BenchServers) -> float:
    """Return the seconds from the start of the process to the first save of orders that lie ready.

    Raises EndStateWrong, TimeoutError.
    """
    run = servers.new_run()
    try:
        run.load(fixed_orders().part(0, _EVENTS).messages())
        started = time.monotonic()
        run.start_worker()
        wait_for(lambda: run.processed() > 0, 60, 0.002)
        seconds = time.monotonic() - started
        wait_for(lambda: run.processed() >= _EVENTS, 60)
        check_outcome_counts(run, {"orders": _EVENTS})
        return seconds
    finally:
        run.close()
