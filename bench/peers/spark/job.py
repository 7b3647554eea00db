"""The job for Spark Structured Streaming by PySpark: the fold as an aggregation in update mode, foreachBatch to Redis.

Validation is `from_json` with a schema (types) and a filter (bounds). The customers that a micro-batch changed come to
Python as one Arrow table, are compared with Redis and written; the moves go out by Spark's own Kafka writer.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import redis
from job_and_features import Job, read_job
from nearest_centroid_numpy import nearest_segments
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as fn

PER_TRIGGER = 50_000
SCHEMA = "event_id STRING, customer_id STRING, amount DOUBLE, currency STRING, occurred_at TIMESTAMP"


class RedisWriter:
    """Writes a micro-batch's customers with one MSET, after their moves are in Kafka."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._redis: Any = redis.Redis(job.redis_host, job.redis_port)
        self._done = 0

    def __call__(self, batch: DataFrame, _number: int) -> None:
        """Handle one micro-batch."""
        rows = batch.toPandas()
        if rows.empty:
            return
        job, columns = self._job, (rows["count"], rows["cents"], rows["first"], rows["last"])
        count, cents, first, last = (column.to_numpy() for column in columns)
        now = [job.segments[place] for place in nearest_segments(job, count, cents, last).tolist()]
        keys = [job.customers + name for name in rows["customer_id"].tolist()]
        old = [json.loads(value) if value else {"count": 0, "segment": ""} for value in self._redis.mget(keys)]
        rows["segment_id"] = now
        moved = rows.loc[[was["segment"] != segment for was, segment in zip(old, now, strict=True)]]
        self._tell(batch.sparkSession, moved[["customer_id", "segment_id"]])
        whole = zip(keys, count.tolist(), cents.tolist(), first.tolist(), last.tolist(), now, strict=True)
        self._redis.mset({
            key: f'{{"count":{n},"cents":{total},"first":{begin},"last":{end},"segment":"{segment}"}}'
            for key, n, total, begin, end, segment in whole
        })  # fmt: skip
        self._done += int(count.sum()) - sum(was["count"] for was in old)
        self._redis.set(job.progress, self._done)

    def _tell(self, spark: SparkSession, moved: pd.DataFrame) -> None:
        if moved.empty:
            return
        frame = spark.createDataFrame(moved)
        value = fn.to_json(fn.struct("customer_id", "segment_id"))
        frame = frame.select(fn.col("customer_id").alias("key"), value.alias("value"))
        kafka = {"kafka.bootstrap.servers": self._job.bootstrap, "topic": self._job.changes}
        frame.write.format("kafka").options(**kafka).save()


def customers_of(spark: SparkSession, job: Job) -> DataFrame:
    """Return the stream of customers: orders validated and added up."""
    reader = spark.readStream.format("kafka").option("kafka.bootstrap.servers", job.bootstrap)
    reader = reader.option("subscribe", job.orders).option("startingOffsets", "earliest")
    messages = reader.option("maxOffsetsPerTrigger", PER_TRIGGER).load()
    order = fn.from_json(fn.col("value").cast("string"), SCHEMA, {"mode": "FAILFAST"})
    orders = messages.select(order.alias("order")).select("order.*")
    good = orders.where(
        "amount >= 0 AND length(customer_id) BETWEEN 1 AND 128 AND length(currency) = 3 AND occurred_at IS NOT NULL"
    )
    cents = fn.round(fn.col("amount") * 100).cast("long")
    at = fn.unix_millis("occurred_at")
    return good.groupBy("customer_id").agg(
        fn.count("*").alias("count"),
        fn.sum(cents).alias("cents"),
        fn.min(at).alias("first"),
        fn.max(at).alias("last"),
    )


def main() -> None:
    """Run until what was in the topic is processed."""
    job = read_job()
    jars = ",".join(str(path) for path in Path(job.jars).glob("*.jar"))
    builder = SparkSession.builder.master("local[2]").appName("peer").config("spark.jars", jars)
    settings = {
        "spark.sql.shuffle.partitions": job.partitions,
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.streaming.stateStore.providerClass": (
            "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
        ),
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    stream = customers_of(builder.getOrCreate(), job).writeStream.outputMode("update")
    stream = stream.option("checkpointLocation", str(Path(job.directory) / "checkpoint"))
    query = stream.foreachBatch(RedisWriter(job)).trigger(availableNow=True).start()
    query.awaitTermination()


if __name__ == "__main__":
    main()
