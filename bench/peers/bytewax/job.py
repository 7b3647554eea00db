"""The job for bytewax: keyed state in the worker, snapshots by its recovery system, a batching sink to Redis.

Validation is a msgspec struct, decoded a source batch at a time in `flat_map_batch`.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import bytewax.operators as op
import msgspec
import redis
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from job_and_features import Job, Segmenter, read_job

EPOCH_S = 5.0
BATCH = 1_000
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Row = tuple[int, int, int, int, str]


class Order(msgspec.Struct):
    """What the job needs of an order, validated."""

    event_id: Id
    customer_id: Id
    amount: Annotated[float, msgspec.Meta(ge=0)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    occurred_at: datetime


class RedisPartition(StatelessSinkPartition[tuple[str, tuple[Row, bool]]]):
    """Writes the newest state of each customer of a batch with one MSET."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._redis = redis.Redis(job.redis_host, job.redis_port)
        self._written = 0

    def write_batch(self, items: list[tuple[str, tuple[Row, bool]]]) -> None:
        """Write a batch, and say how far that is; the last order counts when the whole flow has ended."""
        prefix = self._job.customers
        newest = {name: row for name, (row, _) in items}
        self._redis.mset({
            prefix + name: f'{{"count":{n},"cents":{cents},"first":{first},"last":{last},"segment":"{segment}"}}'
            for name, (n, cents, first, last, segment) in newest.items()
        })  # fmt: skip
        self._written += len(items)
        self._redis.set(self._job.progress, min(self._written, self._job.events - 1))


class RedisSink(DynamicSink[tuple[str, tuple[Row, bool]]]):
    """One connection to Redis for each worker."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def build(self, step_id: str, worker_index: int, worker_count: int) -> RedisPartition:
        """Connect."""
        return RedisPartition(self._job)


def flow(job: Job) -> Dataflow:
    """Return the dataflow: orders → validated → folded by customer → Redis and changes."""
    decode, segmenter = msgspec.json.Decoder(Order).decode, Segmenter(job)

    def validated(messages: list[Any]) -> list[tuple[str, Order]]:
        orders = [decode(message.value) for message in messages]
        return [(order.customer_id, order) for order in orders]

    def fold(row: Row | None, order: Order) -> tuple[Row, tuple[Row, bool]]:
        at, amount = round(order.occurred_at.timestamp() * 1000), round(order.amount * 100)
        count, cents, first, last, before = row or (0, 0, at, at, "")
        count, cents, first, last = count + 1, cents + amount, min(first, at), max(last, at)
        segment = segmenter.segment(count, cents, last)
        after = (count, cents, first, last, segment)
        return after, (after, segment != before)

    def change(item: tuple[str, tuple[Row, bool]]) -> KafkaSinkMessage[bytes, bytes] | None:
        name, (row, moved) = item
        if not moved:
            return None
        return KafkaSinkMessage(name.encode(), f'{{"customer_id":"{name}","segment_id":"{row[4]}"}}'.encode())

    peer = Dataflow("peer")
    source = KafkaSource([job.bootstrap], [job.orders], tail=False, batch_size=BATCH)
    orders = op.flat_map_batch("validate", op.input("orders", peer, source), validated)
    folded = op.stateful_map("fold", orders, fold)
    op.output("customers", folded, RedisSink(job))
    op.output("changes", op.filter_map("moved", folded, change), KafkaSink([job.bootstrap], job.changes))
    return peer


def main() -> None:
    """Run until the topic's end."""
    job = read_job()
    recovery = None
    if job.variant != "no-recovery":
        directory = Path(job.directory) / "recovery"
        directory.mkdir()
        init_db_dir(directory, 1)
        recovery = RecoveryConfig(directory)
    cli_main(flow(job), epoch_interval=timedelta(seconds=EPOCH_S), recovery_config=recovery)
    redis.Redis(job.redis_host, job.redis_port).set(job.progress, job.events)


if __name__ == "__main__":
    main()
