"""Scaling: two workers, and up to millions of customers who are in Redis already."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from bench.job.drain import DrainResult, drain
from bench.job.end_state import check_changes, check_outcome_counts, check_records, check_sums
from bench.job.fixed_job import BASELINE, EVENTS, Orders
from bench.job.servers import BenchServers, Run, wait_for
from bench.job.stored_customers import buyer_rows, store_customers, with_converged_centroids
from bench.speed.redis_memory import measure_memory, used_memory
from bench.speed.throughput import check_end_state, fixed_job

__all__ = ["PreloadFigures", "PreloadedRun", "PreloadedThroughput", "measure_workers", "preloaded_run"]

_SESSION_S = 60


class PreloadFigures(NamedTuple):
    """Figures with many customers in Redis: of each run, and of Redis before the first."""

    customers: int
    fill_s: float
    bytes_per_customer: float
    record_bytes: float
    view_bytes: float


class PreloadedThroughput(NamedTuple):
    """Figures of one run, as `DrainResult`, and how many segment changes an event made."""

    events_per_s: float
    cpu_s_per_million: float
    redis_cpu_s_per_million: float
    rss_mb: float
    changes_per_event: float


def measure_workers(servers: BenchServers, workers: int, events: int = EVENTS) -> DrainResult:
    """Return the figures of the fixed job with this many workers, which joined before it was loaded.

    They are stopped (SIGSTOP) while it is loaded, of which Faust's watchdog may complain. Raises EndStateWrong,
    WorkerEnded, TimeoutError.
    """
    job, run = fixed_job(events), servers.new_run()
    try:
        for _ in range(workers):
            run.start_worker(session_timeout_s=_SESSION_S)
        wait_for(lambda: run.owns_all(workers), 120, 0.05)
        with run.paused():
            for topic, (_, messages) in job.topics.items():
                run.load(messages(), topic)
        figures = drain(run, job.events)
        run.stop_workers()
        check_end_state(run, job)
        return figures
    finally:
        run.close()


class PreloadedRun:
    """A run with customers in Redis, into which the same number of orders can be published again and again."""

    def __init__(self, run: Run, customers: int, now: datetime, figures: PreloadFigures) -> None:
        self.run, self.customers, self.figures = run, customers, figures
        self._now = now
        self._who = np.zeros(0, np.int64)
        self._changes = 0
        self._wanted = {
            name: buyer_rows(np.arange(customers), _ms(now))[name].astype(np.int64)
            for name in ("placed", "gross", "first_order", "last_order")
        }

    def measure(self, events: int, *, active: int | None = None, **settings: object) -> PreloadedThroughput:
        """Publish orders, then return the figures of a worker with these settings.

        The orders are those of all customers evenly, or of `active` ones that lie among all of them.
        Raises EndStateWrong, WorkerEnded, TimeoutError.
        """
        run, already = self.run, len(self._who)
        buying = active or self.customers
        who = np.random.default_rng(already).integers(0, buying, events) * (self.customers // buying)
        fresh = Orders(who, np.arange(events) * 60 // events, first=already, start=self._now)
        run.load(fresh.messages())
        run.start_worker(**settings)
        figures = drain(run, events, already)
        run.stop_workers()
        self._who = np.concatenate([self._who, who])
        before, self._changes = self._changes, self._check(fresh)
        return PreloadedThroughput(*figures, (self._changes - before) / events)

    def _check(self, fresh: Orders) -> int:
        """Compare the touched customers with a plain replay; return the number of changes so far."""
        more, wanted = fresh.totals(self.customers).fields(), self._wanted
        wanted["placed"] += more["placed"]
        wanted["gross"] += more["gross"]
        np.minimum(wanted["first_order"], more["first_order"], out=wanted["first_order"])
        np.maximum(wanted["last_order"], more["last_order"], out=wanted["last_order"])
        touched = np.unique(fresh.who)
        check_outcome_counts(self.run, {"orders": len(self._who)})
        check_records(self.run, touched, wanted, self.customers)
        return check_changes(self.run, touched, complete=False)


@contextmanager
def preloaded_run(servers: BenchServers, customers: int, report: Callable[[str], None]) -> Iterator[PreloadedRun]:
    """Fill an empty Redis with customers who bought in the last 300 days, and measure what they cost.

    In the end the model's sums are compared with all records. Raises EndStateWrong.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    run = servers.new_run(with_converged_centroids(BASELINE, buyer_rows, _ms(now)))
    try:
        empty, started = used_memory(run), time.monotonic()
        store_customers(run, customers, buyer_rows, _ms(now))
        seconds = time.monotonic() - started
        memory = measure_memory(run, empty, customers)
        report(f"{customers:,} customers written in {seconds:.0f} s, {memory.bytes_per_customer:.0f} bytes each")
        yield PreloadedRun(run, customers, now, PreloadFigures(customers, seconds, *memory))
        check_sums(run)
    finally:
        run.close()


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
