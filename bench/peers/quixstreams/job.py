"""The job for Quix Streams: customers in its state (RocksDB and a changelog topic), a batching sink to Redis.

Validation is a msgspec struct, decoded from the bytes of the message; changes go out by `to_topic`.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
import redis
from job_and_features import Job, Segmenter, read_job
from quixstreams import Application, State
from quixstreams.sinks import BatchingSink, SinkBatch

COMMIT_S = 2.0
COMMIT_EVERY = 20_000
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Order(msgspec.Struct):
    """What the job needs of an order, validated."""

    event_id: Id
    customer_id: Id
    amount: Annotated[float, msgspec.Meta(ge=0)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    occurred_at: datetime


class RedisSink(BatchingSink):
    """Writes the newest state of each customer of a checkpoint with one MSET."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._written = 0
        self._encode = msgspec.json.Encoder().encode

    def setup(self) -> None:
        """Connect."""
        self.redis = redis.Redis(self._job.redis_host, self._job.redis_port)

    def write(self, batch: SinkBatch) -> None:
        """Write one partition's batch; called at a checkpoint, before the producer is flushed."""
        newest = {item.key: item.value for item in batch}
        prefix, encode = self._job.customers, self._encode
        self.redis.mset({prefix + key.decode(): encode(value) for key, value in newest.items()})
        self._written += batch.size

    def flush(self) -> None:
        """Write all partitions' batches, and say how far that is; the last order counts once Kafka has its change."""
        super().flush()
        if self._written:
            self.redis.set(self._job.progress, min(self._written, self._job.events - 1))


class Counter:
    """Stops the application after the last order."""

    def __init__(self, events: int) -> None:
        self.left = events
        self.app: Application | None = None

    def __call__(self, _topic: str, _partition: int, _offset: int) -> None:
        """Count one processed message."""
        self.left -= 1
        if not self.left and self.app is not None:
            self.app.stop()


def folding(segmenter: Segmenter) -> Any:
    """Return the function that folds an order into the customer's state, and says whether the customer moved."""

    def fold(order: Order, state: State) -> dict[str, Any]:
        at, cents = round(order.occurred_at.timestamp() * 1000), round(order.amount * 100)
        row = state.get("customer")
        if row is None:
            row, before = {"count": 1, "cents": cents, "first": at, "last": at}, None
        else:
            before = row["segment"]
            row["count"] += 1
            row["cents"] += cents
            row["first"], row["last"] = min(row["first"], at), max(row["last"], at)
        row["segment"] = segmenter.segment(row["count"], row["cents"], row["last"])
        state.set("customer", row)
        return {"customer_id": order.customer_id, "row": row, "moved": row["segment"] != before}

    return fold


def main() -> None:
    """Run until all orders are processed; the last checkpoint is committed before the program ends."""
    job = read_job()
    counter = Counter(job.events)
    counter.app = app = Application(
        broker_address=job.bootstrap,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        commit_interval=COMMIT_S,
        commit_every=COMMIT_EVERY,
        state_dir=job.directory,
        use_changelog_topics=job.variant != "no-changelog",
        on_message_processed=counter,
        loglevel="WARNING",
        producer_extra_config={"linger.ms": 5},
    )
    orders = app.topic(job.orders, value_deserializer="bytes")
    changes = app.topic(job.changes, value_serializer="json")
    stream = app.dataframe(orders).apply(msgspec.json.Decoder(Order).decode)
    stream = stream.apply(folding(Segmenter(job)), stateful=True)
    moved = stream.filter(lambda result: result["moved"])
    moved.apply(lambda result: {"customer_id": result["customer_id"], "segment_id": result["row"]["segment"]}).to_topic(
        changes
    )
    sink = RedisSink(job)
    stream.apply(lambda result: result["row"]).sink(sink)
    app.run()
    sink.redis.set(job.progress, job.events)


if __name__ == "__main__":
    main()
