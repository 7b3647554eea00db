"""Throughput: one worker, four pre-loaded partitions, every invariant and full validation on."""

import time
from typing import NamedTuple

import numpy as np

from bench.job import CUSTOMERS, EVENTS, PARTITIONS, expected, orders
from bench.stage import Run, Stage, wait_for
from consumers.change_log import read_changes
from state import keys
from state.partition_store import PartitionStore
from state.segment_views import SegmentViews

__all__ = ["EndStateWrong", "Throughput", "measure_throughput"]

_LIMIT_S = 300.0


class EndStateWrong(AssertionError):
    """The state after a run is not what a plain replay gives: its figures do not count."""


class Throughput(NamedTuple):
    """Figures of one run: from the first save to the last, drained."""

    events_per_s: float
    cpu_s_per_million: float
    redis_cpu_s_per_million: float
    rss_mb: float


def measure_throughput(on: Stage) -> Throughput:
    """Run the job once and check its end state. Raises EndStateWrong, TimeoutError."""
    run = on.new_run()
    try:
        run.load(orders())
        run.start_worker()
        wait_for(lambda: run.processed() > 0, 60, 0.002)
        started, before = time.monotonic(), run.processed()
        cpu, redis_cpu = run.cpu_s(), run.redis_cpu_s()
        wait_for(lambda: run.processed() >= EVENTS and not run.unsent(), _LIMIT_S)
        seconds, events = time.monotonic() - started, EVENTS - before
        figures = Throughput(
            events_per_s=events / seconds,
            cpu_s_per_million=(run.cpu_s() - cpu) / events * 1e6,
            redis_cpu_s_per_million=(run.redis_cpu_s() - redis_cpu) / events * 1e6,
            rss_mb=run.peak_mb(),
        )
        check_end_state(run)
        return figures
    finally:
        run.close()


def check_end_state(run: Run) -> None:
    """Compare every customer with a plain replay, and the folded changes with views and records."""
    wanted, store = expected(), PartitionStore(run.redis, keys.SEGMENTS_GROUP)
    told, views, seen = read_changes(run.kafka).latest, SegmentViews(run.redis), 0
    for partition in range(PARTITIONS):
        _, batch = store.scan(partition, 0, 10 * CUSTOMERS)
        who = np.array([int(name[1:]) for name in batch.ids], np.int64)
        rows = batch.rows
        good = (rows["placed"] == wanted.counts[who]) & (rows["gross"] == wanted.cents[who] * 10)
        good &= (rows["first_order"] == wanted.first_ms[who]) & (rows["last_order"] == wanted.last_ms[who])
        if not good.all():
            raise EndStateWrong(f"{int((~good).sum())} customers of partition {partition} differ from a plain replay")
        for name, row in zip(batch.ids, rows, strict=True):
            change = told[name]
            if change.segment_id != f"s{row['segment']}":
                raise EndStateWrong(f"customer {name} is in s{row['segment']}, its changes say {change.segment_id}")
        for name in batch.ids[::100]:
            view = views.read(name)
            if view is None or view.change_id != told[name].change_id:
                raise EndStateWrong(f"segment:{name} is {view}, its last change {told[name].change_id}")
        seen += len(batch)
    if seen != int((wanted.counts > 0).sum()):
        raise EndStateWrong(f"{seen} customers, {int((wanted.counts > 0).sum())} expected")
