"""The parts of the suite: what each measures, how often, and the figures that come of it."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.job.fixed_job import EVENTS
from bench.job.servers import BenchServers
from bench.reporting.run_statistics import summary
from bench.speed.catch_up import measure_catch_up
from bench.speed.latency import measure_latency, warm_up
from bench.speed.peer_rounds import measure_peers
from bench.speed.sweep import measure_sweep
from bench.speed.throughput import Job, Throughput, fixed_job, measure_throughput, mixed_job, warm_up_jobs
from bench.speed.worker_start import measure_start
from bench.speed.workers_and_stored_customers import measure_workers, preloaded_run
from events.time_units import DAY_S

__all__ = ["PART_OF", "Plan", "Session"]

Figures = dict[str, Any]

_NEVER: Final = DAY_S
"""Seconds between sweeps when there shall be none; 0.1 is a sweep all the time."""
_PAIRS: Final = 3
"""Pairs without and with a sweep, a run: what a sweep takes is less than what one pair differs from the next."""
_RATES: Final = {"1000": 1_000.0, "10000": 10_000.0, "50000": 50_000.0, "100000": 100_000.0}
"""Events/s of the latency; 100,000 is half of the throughput that is asked for, whatever the maximum is here."""


@dataclass(frozen=True)
class Plan:
    """How much is measured; `peers` are names, all if empty."""

    runs: int = 3
    events: int = EVENTS
    latency_s: float = 8.0
    broker_warm_up_s: float = 60.0
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000, 5_000_000)
    backlog: int = 6_000_000
    arriving: float = 10_000.0
    returns: int = 2
    swept: int = 1_000_000
    starts: int = 5
    peers: tuple[str, ...] = ()
    peer_deadline_s: float = 180.0
    cache: Path = Path(".cache/peers")

    def small(self) -> "Plan":
        """Return a part of it, once each: to see that everything works."""
        return Plan(
            runs=1,
            events=self.events // 4,
            latency_s=self.latency_s / 2,
            broker_warm_up_s=0.0,
            sizes=(self.sizes[0], self.sizes[1]),
            backlog=self.backlog // 20,
            returns=1,
            swept=self.swept // 20,
            starts=1,
            peers=self.peers,
            cache=self.cache,
        )


@dataclass
class Session:
    """One invocation: the plan, what it has measured so far, and where progress is told.

    `maximum` is the throughput of the fixed job that latency and catch-up refer to, 0 until it is known.
    """

    plan: Plan
    say: Callable[[str], None]
    maximum: float = 0.0

    def reference(self, servers: BenchServers) -> float:
        """Return the maximum, measured now if it is not known."""
        if not self.maximum:
            self.maximum = self._job(servers, fixed_job(self.plan.events), "the maximum")["events_per_s"]
        return self.maximum

    def throughput(self, servers: BenchServers) -> Figures:
        """Measure the fixed job, and the one with eight features."""
        figures = self._job(servers, fixed_job(self.plan.events), "the job")
        self.maximum = figures["events_per_s"]
        mixed = mixed_job(self.plan.events, self.plan.events // 8)
        return {**figures, "mixed": self._job(servers, mixed, "8 features, sessions")}

    def latency(self, servers: BenchServers) -> Figures:
        """Measure at fixed rates, and at half of the maximum."""
        maximum = self.reference(servers)
        warm_up(servers, self.plan.broker_warm_up_s)
        figures: Figures = {"maximum": maximum}
        for name, rate in (*_RATES.items(), ("half", maximum / 2)):
            runs = []
            for _ in range(self.plan.runs):
                runs.append(measure_latency(servers, rate, self.plan.latency_s)._asdict())
                self.say(f"latency at {rate:,.0f}/s: p50 {runs[-1]['p50_ms']:.1f} ms, p99 {runs[-1]['p99_ms']:.1f} ms")
            figures[name] = summary(runs)
        return figures

    def scaling(self, servers: BenchServers) -> Figures:
        """Measure one and two workers in turn, then one with more and more customers in Redis."""
        by_workers: dict[int, list[float]] = {1: [], 2: []}
        warm_up_jobs(servers, fixed_job(self.plan.events))
        for _ in range(self.plan.runs):
            for workers, figures in by_workers.items():
                figures.append(measure_workers(servers, workers, self.plan.events).events_per_s)
                self.say(f"{workers} workers: {figures[-1]:,.0f} events/s")
        ratios = [two / one for one, two in zip(by_workers[1], by_workers[2], strict=True)]
        sizes = {str(size): self._size(servers, size) for size in self.plan.sizes}
        first, last = sizes[str(self.plan.sizes[0])], sizes[str(self.plan.sizes[-1])]
        return {
            "workers": {str(n): summary([{"events_per_s": f} for f in figures]) for n, figures in by_workers.items()},
            "two_workers": statistics.median(ratios),
            "two_workers_spread": [min(ratios), max(ratios)],
            "customers": sizes,
            "growth": last["events_per_s"] / first["events_per_s"],
            "active_growth": last["active_events_per_s"] / first["active_events_per_s"],
        }

    def catch_up(self, servers: BenchServers) -> Figures:
        """Measure returns to the backlog of ten minutes, in turn with the same backlog where nothing arrives."""
        maximum, backlog, runs = self.reference(servers), self.plan.backlog, []
        for _ in range(self.plan.returns):
            alone = measure_throughput(servers, fixed_job(backlog)).events_per_s
            caught = measure_catch_up(servers, backlog, self.plan.arriving, maximum * 0.3)
            share = caught.events_per_s / alone
            runs.append({**caught._asdict(), "alone_per_s": alone, "share_of_alone": share})
            self.say(f"catch-up on {backlog:,}: {caught.events_per_s:,.0f} events/s, without arrivals {alone:,.0f}")
        figures = summary(runs)
        return {**figures, "maximum": maximum, "share": figures["events_per_s"] / maximum}

    def sweep(self, servers: BenchServers) -> Figures:
        """Measure sweeps alone, then the throughput without and with a sweep, in turn."""
        runs = []
        for _ in range(self.plan.runs):
            runs.append(measure_sweep(servers, self.plan.swept)._asdict())
            self.say(f"sweep: {runs[-1]['all_due_per_s']:,.0f}/s all due, {runs[-1]['none_due_per_s']:,.0f}/s none due")
        without, during = list[float](), list[float]()
        with preloaded_run(servers, self.plan.swept, self.say) as customers:
            customers.measure(self.plan.events, sweep_s=_NEVER)
            for turn in range(_PAIRS * self.plan.runs):
                pair = [(without, _NEVER), (during, 0.1)]
                for speeds, sweep_s in pair if turn % 2 else pair[::-1]:
                    # Longer than the job, for runs of two seconds differ by more than what a sweep takes.
                    speeds.append(customers.measure(3 * self.plan.events, sweep_s=sweep_s).events_per_s)
                self.say(f"without a sweep {without[-1]:,.0f} events/s, during {during[-1]:,.0f}")
        lost = [1 - less / full for full, less in zip(without, during, strict=True)]
        return {
            "customers": self.plan.swept,
            **summary(runs),
            "events_per_s_without": statistics.median(without),
            "events_per_s_during": statistics.median(during),
            "lost": statistics.median(lost),
            "lost_spread": [min(lost), max(lost)],
        }

    def start(self, servers: BenchServers) -> Figures:
        """Measure starts."""
        seconds = [measure_start(servers) for _ in range(self.plan.starts)]
        self.say(f"starts: {', '.join(f'{each:.2f}' for each in seconds)} s")
        return summary([{"seconds": each} for each in seconds])

    def peers(self, servers: BenchServers) -> Figures:
        """Measure Shoal and each peer in turn."""
        return measure_peers(
            servers, self.plan.peers, self.plan.runs, self.plan.cache, self.plan.peer_deadline_s, self.say
        )

    def _job(self, servers: BenchServers, job: Job, name: str) -> Figures:
        """Measure a job some times, after runs that warm up."""
        warm_up_jobs(servers, job)
        runs: list[Throughput] = []
        for _ in range(self.plan.runs):
            runs.append(run := measure_throughput(servers, job))
            self.say(f"{name}: {run.events_per_s:,.0f} events/s, {run.cpu_s_per_million:.1f} CPU-s per million")
        return summary([run._asdict() for run in runs])

    def _size(self, servers: BenchServers, customers: int) -> Figures:
        with preloaded_run(servers, customers, self.say) as everyone:
            everyone.measure(self.plan.events, sweep_s=_NEVER)
            ends = customers in (self.plan.sizes[0], self.plan.sizes[-1])
            runs = []
            for _ in range(self.plan.runs):
                runs.append(everyone.measure(self.plan.events, sweep_s=_NEVER)._asdict())
                self.say(f"{customers:,} customers: {runs[-1]['events_per_s']:,.0f} events/s")
                if ends:
                    few = everyone.measure(self.plan.events, active=self.plan.sizes[0], sweep_s=_NEVER)
                    runs[-1]["active_events_per_s"] = few.events_per_s
                    self.say(
                        f"{customers:,} customers, {self.plan.sizes[0]:,} active: {few.events_per_s:,.0f} events/s"
                    )
            return everyone.figures._asdict() | summary(runs)


PART_OF: Final[Mapping[str, Callable[[Session, BenchServers], Figures]]] = {
    "throughput": Session.throughput,
    "latency": Session.latency,
    "scaling": Session.scaling,
    "catch_up": Session.catch_up,
    "sweep": Session.sweep,
    "start": Session.start,
    "peers": Session.peers,
}
