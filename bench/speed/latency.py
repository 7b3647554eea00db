"""Latency: from an order's publication to its segment change being read, and to its `segment:<id>` being readable.

Three processes share one clock, CLOCK_MONOTONIC: the publisher, the worker, and the one that listens. Two orders of
five come from new customers, each of whom gets a first segment by that order: those are timed. The others come from
50,000 customers as in the fixed job, so about as many changes are made as there.
"""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from confluent_kafka import TopicPartition

from bench.job.end_state import check_changes, check_outcome_counts, check_records, check_sums, customer_ids
from bench.job.fixed_job import CUSTOMERS, PARTITIONS, Orders, skewed
from bench.job.paced_publisher import Paced, PacedPublisher, Sent
from bench.job.servers import BenchServers, Run, wait_for
from consumers.broker.fetching import open_fetching
from events.arrays import Floats, Ints
from state.store import keys

__all__ = ["Latency", "Listener", "latency_orders", "measure_latency", "warm_up"]


_SETTLE_S = 60.0
_VIEWS_A_SECOND = 200
_POLL_S = 0.001


class Latency(NamedTuple):
    """Milliseconds at a rate, and how well the load was paced.

    `achieved` are orders a second; `late_p99_ms` is how late they were handed over; `view_poll_ms` is the median time
    between two looks at Redis, which is how coarse the times of the views are.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    view_p50_ms: float
    view_p99_ms: float
    view_p999_ms: float
    changes: int
    views: int
    achieved: float
    late_p99_ms: float
    view_poll_ms: float


def latency_orders(count: int, start: datetime, seed: int = 3, newcomers: int = CUSTOMERS) -> Orders:
    """Return orders of which 2 in 5 come from a customer who is new: number `newcomers` and up, one order each."""
    who = skewed(CUSTOMERS, count, seed)
    new = np.arange(count) % 5 < 2
    who[new] = newcomers + np.arange(int(new.sum()))
    return Orders(who, np.zeros(count, np.int64), start=start)


def measure_latency(servers: BenchServers, rate: float, seconds: float = 8.0, warm_up_s: float = 8.0) -> Latency:
    """Measure once at a rate of orders a second, for some seconds after others that do not count.

    A broker compiles its way of small requests under their load, for about ten seconds, on the cores that are measured.
    Raises EndStateWrong, TimeoutError where a change or a view does not come.
    """
    first, seconds = int(rate * warm_up_s), seconds + warm_up_s
    orders = latency_orders(int(rate * seconds), datetime.now(UTC).replace(microsecond=0))
    run, publisher = servers.new_run(), None
    try:
        run.start_worker()
        wait_for(run.owns_all, 60, 0.05)
        publisher = PacedPublisher(Paced(servers.bootstrap, run.kafka.topic("orders"), orders, rate))
        arrivals = Listener(run, int((orders.who >= CUSTOMERS).sum()))
        started = time.monotonic() + 0.2
        publisher.start(started)
        views = _watch_views(run, orders, rate, started)
        sent = publisher.finish(seconds + _SETTLE_S)
        wait_for(lambda: run.processed() >= len(orders) and not run.unsent() and arrivals.complete, _SETTLE_S, 0.05)
        arrivals.stop()
        _check(run, orders)
        return _figures(orders, sent, arrivals.times, views, first)
    finally:
        if publisher:
            publisher.close()
        run.close()


def warm_up(servers: BenchServers, loaded_s: float = 0.0) -> None:
    """Have a new broker carry a thin stream of orders for some seconds; else the first run shows half a second.

    With `loaded_s` it then carries 10,000 orders a second for so long: its Java goes on compiling for a minute, on the
    cores that are measured, and a shop's broker has that behind it.
    """
    measure_latency(servers, 1_000, 1.0, 4.0)
    if loaded_s:
        measure_latency(servers, 10_000, 1.0, loaded_s)


class Listener:
    """A consumer of `segment-changes` in a thread: `times` are when each new customer's first change was read.

    New are the `customers` from the number `newcomers` on; 0 stands for a change that has not come.
    """

    def __init__(self, run: Run, customers: int, newcomers: int = CUSTOMERS) -> None:
        self._newcomers = newcomers
        self.times = np.zeros(customers)
        self._left = customers
        self._stopped = threading.Event()
        self._fetching = open_fetching(
            {
                "bootstrap.servers": run.kafka.kafka,
                "group.id": run.kafka.topic("bench"),
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 5,
                "fetch.queue.backoff.ms": 2,
            }
        )
        topic = run.kafka.topic("segment-changes")
        self._fetching.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def complete(self) -> bool:
        """Whether every new customer's change has been read."""
        return self._left == 0

    def stop(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            if self._fetching.more(1, 0.05):
                self._fetching.more(5_000, 0.0)
            now = time.monotonic()
            for changes in self._fetching.take().slices:
                for key in changes.keys:
                    self._note(int((key or b"")[1:]) - self._newcomers, now)
        self._fetching.close()

    def _note(self, place: int, now: float) -> None:
        if place >= 0 and not self.times[place]:
            self.times[place] = now
            self._left -= 1


@dataclass
class _Views:
    """Sampled new customers: their place among the orders (m,), when their view was first seen, the looks' times."""

    places: Ints
    seen: Floats
    looks: list[float] = field(default_factory=list)


def _watch_views(run: Run, orders: Orders, rate: float, started: float) -> _Views:
    """Ask Redis again and again for the views of sampled customers whose order is due and whose view has not come."""
    new = np.flatnonzero(orders.who >= CUSTOMERS)
    places = new[:: max(1, round(rate * 0.4 / _VIEWS_A_SECOND))]
    watched = keys.segments(customer_ids(orders.who[places]))
    views, due_at = _Views(places, np.zeros(len(places))), started + places / rate
    begun, waiting = 0, list[int]()
    deadline = started + len(orders) / rate + _SETTLE_S
    while begun < len(places) or waiting:
        now = time.monotonic()
        if now > deadline:
            raise TimeoutError(f"{len(waiting)} views did not come, {watched[waiting[0]]} among them")
        upto = int(np.searchsorted(due_at, now))
        waiting += range(begun, upto)
        begun = upto
        if waiting:
            found = run.redis.mget([watched[i] for i in waiting])
            looked = time.monotonic()
            views.looks.append(looked)
            there = [i for i, value in zip(waiting, found, strict=True) if value is not None]
            views.seen[there] = looked
            waiting = [i for i, value in zip(waiting, found, strict=True) if value is None]
        time.sleep(_POLL_S)
    return views


def _figures(orders: Orders, sent: Sent, arrivals: Floats, views: _Views, first: int) -> Latency:
    """Return the figures of the orders from number `first` on."""
    new = np.flatnonzero(orders.who >= CUSTOMERS)
    counted = new >= first
    delays = (arrivals - sent.times[new])[counted] * 1000
    late = views.places >= first
    readable = (views.seen - sent.times[views.places])[late] * 1000
    p50, p99, p999 = np.percentile(delays, [50, 99, 99.9]).tolist()
    view50, view99, view999 = np.percentile(readable, [50, 99, 99.9]).tolist()
    gaps = np.diff(views.looks)
    return Latency(
        rate=sent.rate,
        p50_ms=p50,
        p99_ms=p99,
        p999_ms=p999,
        view_p50_ms=view50,
        view_p99_ms=view99,
        view_p999_ms=view999,
        changes=len(delays),
        views=len(readable),
        achieved=sent.achieved,
        late_p99_ms=float(np.percentile(sent.late_ms()[first:], 99)),
        view_poll_ms=float(np.median(gaps[gaps < 0.1]) * 1000) if len(gaps) else 0.0,
    )


def _check(run: Run, orders: Orders) -> None:
    wanted = orders.totals(int(orders.who.max()) + 1)
    present = np.flatnonzero(wanted.counts)
    check_outcome_counts(run, {"orders": len(orders)})
    check_records(run, present, wanted.fields(), len(present))
    check_sums(run)
    check_changes(run, present)
