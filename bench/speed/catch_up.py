"""Catch-up: a worker comes back to the backlog of its absence, while events keep arriving."""

import time
from typing import NamedTuple

import numpy as np

from bench.job.drain import WorkerEnded
from bench.job.end_state import check_outcome_counts, check_records, check_sums
from bench.job.fixed_job import SECONDS, Orders, scaled_orders, skewed
from bench.job.paced_publisher import Paced, PacedPublisher
from bench.job.servers import BenchServers, Run, wait_for

__all__ = ["CatchUp", "measure_catch_up"]

_BEHIND_S = 0.5
_LONGEST_S = 900.0


class CatchUp(NamedTuple):
    """Figures of one catch-up: events/s while catching up, and how long it took from the first save."""

    backlog: int
    arriving_per_s: float
    events_per_s: float
    seconds: float
    rss_mb: float


def measure_catch_up(servers: BenchServers, backlog: int, rate: float, slowest: float) -> CatchUp:
    """Publish a backlog, then start a worker and go on publishing at `rate` until it is half a second behind.

    The backlog is the fixed job with as many customers more, and its customers go on buying. `slowest` events/s are
    assumed to say how many orders must lie ready for the time of the catch-up. Raises EndStateWrong, WorkerEnded,
    TimeoutError.
    """
    arriving = int(rate * min(_LONGEST_S, 15 + backlog / max(1.0, slowest - rate)))
    everything = _with_arrivals(scaled_orders(backlog), arriving, rate)
    run, publisher = servers.new_run(), None
    try:
        run.load(everything.part(0, backlog).messages())
        live = everything.part(backlog, backlog + arriving)
        publisher = PacedPublisher(Paced(servers.bootstrap, run.kafka.topic("orders"), live, rate, ahead=False))
        publisher.start(time.monotonic() + 0.1)
        run.start_worker()
        wait_for(lambda: run.processed() > 0, 90, 0.002)
        began, before = time.monotonic(), run.processed()
        ended, done = _until_caught_up(run, publisher, backlog, rate)
        sent = publisher.stop()
        published = backlog + len(sent.times)
        wait_for(lambda: run.processed() >= published and not run.unsent(), 60)
        wanted = everything.part(0, published).totals(int(everything.who.max()) + 1)
        present = np.flatnonzero(wanted.counts)
        check_outcome_counts(run, {"orders": published})
        check_records(run, present, wanted.fields(), len(present))
        check_sums(run)
        return CatchUp(backlog, sent.achieved, (done - before) / (ended - began), ended - began, run.peak_mb())
    finally:
        if publisher:
            publisher.close()
        run.close()


def _with_arrivals(backlog: Orders, arriving: int, rate: float) -> Orders:
    """Return the backlog's orders and those that follow, by the same customers."""
    who = skewed(int(backlog.who.max()) + 1, arriving, seed=4)
    seconds = SECONDS + (np.arange(arriving) / rate).astype(np.int64)
    return Orders(np.concatenate([backlog.who, who]), np.concatenate([backlog.seconds, seconds]))


def _until_caught_up(run: Run, publisher: PacedPublisher, backlog: int, rate: float) -> tuple[float, int]:
    """Return when the worker was less than half a second behind what arrives, and how much it had done by then."""
    deadline = time.monotonic() + _LONGEST_S
    while True:
        now, done = time.monotonic(), run.processed()
        if done >= backlog + publisher.due(now) - rate * _BEHIND_S:
            return now, done
        if run.workers[0].exit_code is not None:
            raise WorkerEnded(f"the worker ended: {run.workers[0].log_tail(5)}")
        if now > deadline:
            raise TimeoutError(f"not caught up after {_LONGEST_S:g} s: {done:,} done")
        time.sleep(0.02)
