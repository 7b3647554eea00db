"""The job for Apache Flink by PyFlink: the fold in SQL, with mini-batches; segment and Redis in a pandas UDF.

Validation is the JSON format's (types) and a WHERE (bounds). A vectorised function gets the customers that a mini-batch
changed, finds their segments, compares with Redis, writes them, and returns who moved; SQL sends those to Kafka.
Bundles of Python functions are finished before each checkpoint, so nothing is in a buffer then.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import redis
from job_and_features import Job, read_job
from nearest_centroid_numpy import nearest_segments
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import ScalarFunction, udf

SETTINGS = {
    "parallelism.default": "1",
    "execution.checkpointing.interval": "2 s",
    "execution.checkpointing.mode": "AT_LEAST_ONCE",
    "table.local-time-zone": "UTC",
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "500 ms",
    "table.exec.mini-batch.size": "20000",
    "python.fn-execution.arrow.batch.size": "5000",
    "python.fn-execution.bundle.size": "20000",
    "python.fn-execution.bundle.time": "200",
}
ORDERS = """
CREATE TABLE orders (
  event_id STRING, customer_id STRING, amount DOUBLE, currency STRING, occurred_at TIMESTAMP_LTZ(3)
) WITH (
  'connector' = 'kafka', 'topic' = '{orders}', 'properties.bootstrap.servers' = '{bootstrap}',
  'properties.group.id' = '{group}', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
  'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601'
)"""
CHANGES = """
CREATE TABLE changes (customer_id STRING, segment_id STRING) WITH (
  'connector' = 'kafka', 'topic' = '{changes}', 'properties.bootstrap.servers' = '{bootstrap}',
  'key.format' = 'raw', 'key.fields' = 'customer_id', 'value.format' = 'json',
  'sink.delivery-guarantee' = 'at-least-once'
)"""
TOTALS = """
CREATE TEMPORARY VIEW totals AS
SELECT customer_id, COUNT(*) AS orders, SUM(cents) AS cents, MIN(at_ms) AS first_ms, MAX(at_ms) AS last_ms
FROM (
  SELECT customer_id, CAST(ROUND(amount * 100, 0) AS BIGINT) AS cents,
         EXTRACT(EPOCH FROM occurred_at) * 1000 + EXTRACT(MILLISECOND FROM occurred_at) AS at_ms
  FROM orders
  WHERE amount >= 0 AND CHAR_LENGTH(customer_id) BETWEEN 1 AND 128 AND CHAR_LENGTH(currency) = 3
) GROUP BY customer_id"""
MOVES = """
INSERT INTO changes
SELECT customer_id, moved_to FROM (
  SELECT customer_id, written(customer_id, orders, cents, first_ms, last_ms) AS moved_to
  FROM TO_CHANGELOG(input => TABLE totals, op_mapping => MAP['INSERT, UPDATE_AFTER', 'new'])
) WHERE moved_to IS NOT NULL"""


class Written(ScalarFunction):  # type: ignore[misc, unused-ignore]
    """Writes customers and their segments to Redis; returns the segment of each who moved, None for the others."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def open(self, function_context: Any) -> None:
        """Connect."""
        self._redis: Any = redis.Redis(self._job.redis_host, self._job.redis_port)
        self._done = 0

    def is_deterministic(self) -> bool:
        """Say that it must not be called twice for a row."""
        return False

    def eval(
        self, names: pd.Series, counts: pd.Series, cents: pd.Series, first: pd.Series, last: pd.Series
    ) -> pd.Series:
        """Write a batch; of a customer that is in it more than once, the last row counts."""
        places = nearest_segments(self._job, counts.to_numpy(), cents.to_numpy(), last.to_numpy())
        keys = (self._job.customers + names).tolist()
        old = [json.loads(value) if value else {"count": 0, "segment": ""} for value in self._redis.mget(keys)]
        moved, counted, values, latest = [], {}, {}, {}
        columns = (places.tolist(), counts.tolist(), cents.tolist(), first.tolist(), last.tolist())
        for key, was, place, count, total, begin, end in zip(keys, old, *columns, strict=True):
            segment = self._job.segments[place]
            moved.append(segment if segment != latest.get(key, was["segment"]) else None)
            latest[key] = segment
            counted[key] = count - was["count"]
            values[key] = f'{{"count":{count},"cents":{total},"first":{begin},"last":{end},"segment":"{segment}"}}'
        self._redis.mset(values)
        self._done += sum(counted.values())
        self._redis.set(self._job.progress, min(self._done, self._job.events - 1))
        return pd.Series(moved, dtype=object)


def main() -> None:
    """Run until what was in the topic is processed."""
    job = read_job()
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for name, value in SETTINGS.items():
        tables.get_config().set(name, value)
    jars = ";".join(path.resolve().as_uri() for path in Path(job.jars).glob("*.jar"))
    tables.get_config().set("pipeline.jars", jars)
    written = udf(Written(job), result_type=DataTypes.STRING(), func_type="pandas")
    tables.create_temporary_function("written", written)
    for statement in (ORDERS, CHANGES, TOTALS):
        tables.execute_sql(statement.format(**job._asdict()))
    tables.execute_sql(MOVES).wait()
    redis.Redis(job.redis_host, job.redis_port).set(job.progress, job.events)


if __name__ == "__main__":
    main()
