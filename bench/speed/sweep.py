"""Sweep: how fast silent customers are re-evaluated, and what that costs the events that arrive meanwhile."""

import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bench.job.end_state import EndStateWrong, check_sums
from bench.job.fixed_job import BASELINE, PARTITIONS
from bench.job.servers import BenchServers, Run, wait_for
from bench.job.stored_customers import buyer_rows, store_customers, with_converged_centroids
from consumers.broker.consumer_lag import reported_ends
from state.partitions.partition_store import PartitionStore
from state.store import keys

__all__ = ["Sweep", "measure_sweep"]

_AWAY = timedelta(days=10)
_QUIET_S = 1.5
_LONGEST_S = 300.0
_WATCHED_S = 6.0


class Sweep(NamedTuple):
    """Customers a second: where each has to be written again, and where none has to; and the changes of the former."""

    all_due_per_s: float
    none_due_per_s: float
    changes: int


def measure_sweep(servers: BenchServers, customers: int) -> Sweep:
    """Sweep customers who were last looked at ten days ago, then the same again and again.

    In ten days of silence every customer's features move by more than the tolerance, so the first sweep writes each
    record; a second later none moves. The model is not published meanwhile, since its moves would make customers due.
    Raises EndStateWrong, TimeoutError.
    """
    then = datetime.now(UTC) - _AWAY
    then_ms = round(then.timestamp() * 1000)
    run = servers.new_run(with_converged_centroids(BASELINE, buyer_rows, then_ms))
    try:
        store_customers(run, customers, buyer_rows, then_ms)
        run.start_worker(sweep_s=0.1, model_s=60)
        all_due = _first_sweep(run, customers)
        none_due = _later_sweeps(run)
        run.stop_workers()
        check_sums(run)
        _check_written(run, customers, then)
        changes = sum(reported_ends(run.kafka, ["segment-changes"], range(PARTITIONS)).values())
        return Sweep(all_due, none_due, changes)
    finally:
        run.close()


def _first_sweep(run: Run, customers: int) -> float:
    """Return the customers a second from the first write to the last one before a pause."""
    begin = _writes(run)
    wait_for(lambda: _writes(run) > begin, 60, 0.001)
    first = last = time.monotonic()
    seen = _writes(run)
    while time.monotonic() - last < _QUIET_S:
        if time.monotonic() - first > _LONGEST_S:
            raise TimeoutError(f"the sweep still writes after {_LONGEST_S:g} s")
        if (now_seen := _writes(run)) != seen:
            seen, last = now_seen, time.monotonic()
        time.sleep(0.002)
    return customers / (last - first)


def _later_sweeps(run: Run) -> float:
    """Return the customers a second between two of the worker's heartbeats, some seconds apart."""
    (before,) = run.beats()
    time.sleep(_WATCHED_S)
    (after,) = run.beats()
    return (after.swept - before.swept) / (after.at_ms - before.at_ms) * 1000


def _writes(run: Run) -> int:
    """Return how many transactions all partitions have had."""
    with run.redis.pipeline(transaction=False) as pipe:
        for partition in range(PARTITIONS):
            pipe.hget(keys.outcome_counts(partition, keys.SEGMENTS_GROUP), "revision")
        return sum(int(value or 0) for value in pipe.execute())


def _check_written(run: Run, customers: int, then: datetime) -> None:
    """Every customer was learned anew: otherwise the first sweep did not do what its figure says."""
    store, learned_before = PartitionStore(run.redis, keys.SEGMENTS_GROUP), then + _AWAY / 2
    late, seen = 0, 0
    for partition in range(PARTITIONS):
        cursor = -1
        while cursor:
            cursor, batch = store.scan(partition, max(cursor, 0), 50_000)
            late += int((batch.rows["learned_at"] < learned_before.timestamp() * 1000).sum())
        seen += store.size(partition)
    if late or seen != customers:
        raise EndStateWrong(f"{late} of {seen} customers were not written by the sweep, {customers} expected")
