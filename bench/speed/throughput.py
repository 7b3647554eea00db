"""Throughput: one worker, four pre-loaded partitions, every invariant and full validation on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bench.job.drain import drain
from bench.job.end_state import EndStateWrong, check_changes, check_outcome_counts, check_records, check_sums
from bench.job.fixed_job import BASELINE, CUSTOMERS, EVENTS, START, Orders, scaled_orders
from bench.job.mixed_job import MIXED_BASELINE, mixed_events
from bench.job.servers import BenchServers, Run
from bench.job.stored_customers import profile_rows, store_customers
from bench.speed.redis_memory import measure_memory, used_memory
from events.arrays import Ints
from events.schema.outputs import Baseline

__all__ = ["EndStateWrong", "Job", "Throughput", "fixed_job", "measure_throughput", "mixed_job", "warm_up_jobs"]

Messages = Callable[[], Iterable[tuple[str, bytes]]]
_WARM_UPS = 5


@dataclass(frozen=True)
class Job:
    """What a run publishes by topic, and the record fields that it must end with, by customer number."""

    topics: Mapping[str, tuple[int, Messages]]
    wanted: Mapping[str, Ints]
    present: Ints
    baseline: Baseline = BASELINE
    prepare: Callable[[Run], None] | None = field(default=None)

    @property
    def events(self) -> int:
        """How many events all topics have."""
        return sum(count for count, _ in self.topics.values())


class Throughput(NamedTuple):
    """Figures of one run: from the first save to the last, drained."""

    events_per_s: float
    cpu_s_per_million: float
    redis_cpu_s_per_million: float
    rss_mb: float
    redis_bytes_per_customer: float
    changes: int


def fixed_job(events: int = EVENTS) -> Job:
    """Return the fixed job; with other `events`, the same with as many customers more or fewer."""
    placed: Orders = scaled_orders(events)
    wanted = placed.totals(int(placed.who.max()) + 1)
    return Job({"orders": (events, placed.messages)}, wanted.fields(), np.flatnonzero(wanted.counts))


def mixed_job(events: int = EVENTS, customers: int = CUSTOMERS) -> Job:
    """Return the job with eight features, half of its events web sessions, all customers with profiles already."""
    placed, sessions = mixed_events(events=events, customers=customers)
    return Job(
        {"orders": (len(placed), placed.messages), "web-sessions": (len(sessions.who), sessions.messages)},
        placed.totals(customers).fields() | sessions.totals(customers),
        np.arange(customers),
        MIXED_BASELINE,
        lambda run: store_customers(run, customers, profile_rows, round(START.timestamp() * 1000)),
    )


def measure_throughput(servers: BenchServers, job: Job | None = None) -> Throughput:
    """Run a job (the fixed one, if none is given) once and check its end state.

    Raises EndStateWrong, WorkerEnded, TimeoutError.
    """
    job = job or fixed_job()
    run = servers.new_run(job.baseline)
    try:
        empty = used_memory(run)
        if job.prepare:
            job.prepare(run)
        for topic, (_, messages) in job.topics.items():
            run.load(messages(), topic)
        run.start_worker()
        figures = drain(run, job.events)
        run.stop_workers()  # or a sweep, a minute after the start, would move customers while they are compared
        changes = check_end_state(run, job)
        memory = measure_memory(run, empty, len(job.present))
        return Throughput(*figures, memory.bytes_per_customer, changes)
    finally:
        run.close()


def warm_up_jobs(servers: BenchServers, job: Job | None = None) -> None:
    """Run a job at least once, and until the broker has had five runs, none of which counts.

    A new one compiles itself for so long, on the cores that are measured: its processor seconds per million events fall
    from 2.9 to 1.0 meanwhile.
    """
    for _ in range(max(1, _WARM_UPS - servers.runs)):
        measure_throughput(servers, job)


def check_end_state(run: Run, job: Job | None = None) -> int:
    """Compare records, sums, changes and views with a plain replay; return the number of changes.

    Raises EndStateWrong.
    """
    job = job or fixed_job()
    check_outcome_counts(run, {topic: count for topic, (count, _) in job.topics.items()})
    check_records(run, job.present, job.wanted, len(job.present))
    check_sums(run)
    return check_changes(run, job.present, complete=job.prepare is None)
