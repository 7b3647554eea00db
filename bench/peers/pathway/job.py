"""The job for Pathway: groupby and reduce in its Rust engine, a batched UDF for the segment, a subscriber for Redis.

Validation is Pathway's schema (types) and a filter (bounds). Changes are the upserts of the table of segments, which
the engine updates only where a segment differs after a batch.
"""

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pathway as pw
import redis
from job_and_features import Job, read_job
from nearest_centroid_numpy import nearest_segments

COMMIT_MS = 500
BACKLOG = 50_000
ENDING_S = 6.0


class Order(pw.Schema):
    """What the job needs of an order."""

    event_id: str
    customer_id: str
    amount: float
    currency: str
    occurred_at: str


class RedisObserver:
    """Writes the customers that changed in a batch with one MSET, and counts the orders in it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._redis = redis.Redis(job.redis_host, job.redis_port)
        self._values: dict[str, str] = {}
        self._done = 0

    def on_change(self, key: Any, row: dict[str, Any], time: int, is_addition: bool) -> None:
        """Take a row that came or went."""
        if not is_addition:
            self._done -= row["count"]
            return
        self._done += row["count"]
        self._values[self._job.customers + row["customer_id"]] = (
            f'{{"count":{row["count"]},"cents":{row["cents"]},"first":{row["first"]},"last":{row["last"]},'
            f'"segment":"{row["segment_id"]}"}}'
        )

    def on_time_end(self, time: int) -> None:
        """Write what a batch changed, and say how far that is."""
        if self._values:
            self._redis.mset(self._values)
            self._values.clear()
            self._redis.set(self._job.progress, self._done)
        if self._done >= self._job.events:
            threading.Thread(target=end, daemon=True).start()


def end() -> None:
    """End the program, which would wait for more orders, once offsets are committed."""
    time.sleep(ENDING_S)
    os._exit(0)


def customers_of(orders: pw.Table, job: Job) -> pw.Table:
    """Return the table of customers, with their segments."""

    @pw.udf(deterministic=True, max_batch_size=4_096)
    def segment(count: list[int], cents: list[int], last: list[int]) -> list[str]:
        places = nearest_segments(job, np.array(count), np.array(cents), np.array(last))
        return [job.segments[place] for place in places.tolist()]

    good = orders.filter(
        (pw.this.amount >= 0.0)
        & (pw.this.currency.str.len() == 3)
        & (pw.this.customer_id.str.len() >= 1)
        & (pw.this.customer_id.str.len() <= 128)
    )
    events = good.select(
        pw.this.customer_id,
        cents=pw.cast(int, (pw.this.amount * 100).num.round()),
        at=pw.cast(int, pw.this.occurred_at.dt.strptime("%Y-%m-%dT%H:%M:%SZ").dt.timestamp(unit="ms")),
    )
    totals = events.groupby(pw.this.customer_id).reduce(
        pw.this.customer_id,
        count=pw.reducers.count(),
        cents=pw.reducers.sum(pw.this.cents),
        first=pw.reducers.min(pw.this.at),
        last=pw.reducers.max(pw.this.at),
    )
    return totals.with_columns(segment_id=segment(pw.this.count, pw.this.cents, pw.this.last))


def main() -> None:
    """Build the tables and run the engine."""
    job = read_job()
    kafka = {"bootstrap.servers": job.bootstrap, "group.id": job.group, "auto.offset.reset": "earliest"}
    orders = pw.io.kafka.read(
        kafka,
        job.orders,
        schema=Order,
        format="json",
        autocommit_duration_ms=COMMIT_MS,
        max_backlog_size=BACKLOG,
    )
    customers = customers_of(orders, job)
    observer = RedisObserver(job)
    pw.io.subscribe(customers, observer.on_change, on_time_end=observer.on_time_end)
    moves = customers.select(pw.this.customer_id, pw.this.segment_id).to_stream().filter(pw.this.is_upsert)
    pw.io.kafka.write(moves, {"bootstrap.servers": job.bootstrap}, job.changes, key=moves.customer_id)
    persistence = None
    if job.variant == "persistence":
        backend = pw.persistence.Backend.filesystem(Path(job.directory) / "persistence")
        persistence = pw.persistence.Config(backend, snapshot_interval_ms=5_000)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE, persistence_config=persistence)


if __name__ == "__main__":
    main()
