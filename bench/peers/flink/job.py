"""The job for Apache Flink by PyFlink: fold and segment in SQL on the JVM, with mini-batches; Redis in a pandas UDF.

Validation is the JSON format's (types) and a WHERE (bounds). A vectorised function gets the customers that a mini-batch
changed, compares them with Redis, writes them, and returns the segment before; SQL sends those that moved to Kafka.
Bundles of Python functions are finished before each checkpoint, so nothing is in a buffer then.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import redis
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import ScalarFunction, udf
from rfm import DAY_MS, Job, read_job

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
  'key.format' = 'raw', 'key.fields' = 'customer_id', 'value.format' = 'json', 'sink.delivery-guarantee' = 'at-least-once'
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
FEATURES = """
CREATE TEMPORARY VIEW features AS
SELECT *, (LN(1 + GREATEST({now_ms} - last_ms, 0) / {day_ms}) - {center[0]}) / {scale[0]} AS x,
       (LN(1 + orders) - {center[1]}) / {scale[1]} AS y, (LN(1 + cents / 100.0E0) - {center[2]}) / {scale[2]} AS z
FROM totals"""
MOVES = """
INSERT INTO changes
SELECT customer_id, segment_id FROM (
  SELECT customer_id, segment_id, written(customer_id, orders, cents, first_ms, last_ms, segment_id) AS before
  FROM TO_CHANGELOG(input => TABLE customers, op_mapping => MAP['INSERT, UPDATE_AFTER', 'new'])
) WHERE before <> segment_id"""


class Written(ScalarFunction):  # type: ignore[misc, unused-ignore]
    """Writes customers to Redis, and returns each one's segment before, empty where there was none."""

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
        self, names: pd.Series, counts: pd.Series, cents: pd.Series, first: pd.Series, last: pd.Series, now: pd.Series
    ) -> pd.Series:
        """Write a batch; of a customer that is in it more than once, the last row counts."""
        keys = (self._job.customers + names).tolist()
        old = [json.loads(value) if value else {"count": 0, "segment": ""} for value in self._redis.mget(keys)]
        before, counted, values, latest = [], {}, {}, {}
        columns = (counts.tolist(), cents.tolist(), first.tolist(), last.tolist(), now.tolist())
        for key, was, count, total, begin, end, segment in zip(keys, old, *columns, strict=True):
            before.append(latest.get(key, was["segment"]))
            latest[key] = segment
            counted[key] = count - was["count"]
            values[key] = f'{{"count":{count},"cents":{total},"first":{begin},"last":{end},"segment":"{segment}"}}'
        self._redis.mset(values)
        self._done += sum(counted.values())
        self._redis.set(self._job.progress, min(self._done, self._job.events - 1))
        return pd.Series(before)


def segments(job: Job) -> str:
    """Return the view of customers with the nearest centroid's segment."""
    squares = [
        " + ".join(f"({axis} - ({at})) * ({axis} - ({at}))" for axis, at in zip("xyz", centroid, strict=True))
        for centroid in job.centroids
    ]
    distances = ", ".join(f"{square} AS d{i}" for i, square in enumerate(squares))
    least = f"LEAST({', '.join(f'd{i}' for i in range(len(squares)))})"
    cases = " ".join(f"WHEN d{i} = nearest THEN '{name}'" for i, name in enumerate(job.segments))
    return (
        "CREATE TEMPORARY VIEW customers AS SELECT customer_id, orders, cents, first_ms, last_ms, "
        f"CASE {cases} END AS segment_id FROM (SELECT *, {least} AS nearest FROM (SELECT *, {distances} FROM features))"
    )


def main() -> None:
    """Run until what was in the topic is processed."""
    job = read_job()
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for name, value in SETTINGS.items():
        tables.get_config().set(name, value)
    jars = ";".join(path.resolve().as_uri() for path in Path(job.jars).glob("*.jar"))
    tables.get_config().set("pipeline.jars", jars)
    told = job._asdict() | {"day_ms": DAY_MS}
    written = udf(Written(job), result_type=DataTypes.STRING(), func_type="pandas")
    tables.create_temporary_function("written", written)
    for statement in (ORDERS, CHANGES, TOTALS, FEATURES):
        tables.execute_sql(statement.format(**told))
    tables.execute_sql(segments(job))
    tables.execute_sql(MOVES).wait()
    redis.Redis(job.redis_host, job.redis_port).set(job.progress, job.events)


if __name__ == "__main__":
    main()
