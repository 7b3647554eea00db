"""The ceiling: the job as a hand-written micro-batch loop, without any invariant. A reference, not an engine.

It has no duplicates, no bad input, no rebalance, no outbox: a crash between two lines counts orders twice.
"""

import gc
from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np
import redis
from confluent_kafka import Consumer, Producer
from job_and_features import Job, read_job
from nearest_centroid_numpy import nearest_segments

BATCH = 20_000
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Order(msgspec.Struct):
    """What the job needs of an order, validated."""

    event_id: Id
    customer_id: Id
    amount: Annotated[float, msgspec.Meta(ge=0)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    occurred_at: datetime


class Customer(msgspec.Struct):
    """What is kept of a customer."""

    count: int = 0
    cents: int = 0
    first: int = 2**62
    last: int = -(2**62)
    segment: str = ""


class Loop:
    """Consume, decode, read, compute, write, produce, commit."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.redis = redis.Redis(job.redis_host, job.redis_port)
        self.consumer = Consumer(
            {
                "bootstrap.servers": job.bootstrap,
                "group.id": job.group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "queued.min.messages": 200_000,
                "queued.max.messages.kbytes": 131_072,
                "fetch.queue.backoff.ms": 5,
                "fetch.wait.max.ms": 50,
            }
        )
        self.producer = Producer(
            {"bootstrap.servers": job.bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000}
        )
        self._orders = msgspec.json.Decoder(list[Order])
        self._customers = msgspec.json.Decoder(list[Customer])
        self._places = {name: place for place, name in enumerate(job.segments)} | {"": -1}

    def run(self) -> None:
        """Process all orders."""
        self.consumer.subscribe([self.job.orders])
        done = 0
        while done < self.job.events:
            messages = self.consumer.consume(BATCH, 0.1)
            values = [value for message in messages if (value := message.value()) and not message.error()]
            if values:
                self._process(values)
                self.consumer.commit(asynchronous=True)
                done += len(values)
                self.redis.set(self.job.progress, done)
        self.consumer.close()

    def _process(self, values: list[bytes]) -> None:
        orders = self._orders.decode(b"[" + b",".join(values) + b"]")
        slots: dict[str, int] = {}
        who = np.array([slots.setdefault(order.customer_id, len(slots)) for order in orders])
        at = (np.array([order.occurred_at.timestamp() for order in orders]) * 1000).astype(np.int64)
        cents = np.rint(np.array([order.amount for order in orders]) * 100).astype(np.int64)
        before = self._read(list(slots))
        count = np.array([customer.count for customer in before]) + np.bincount(who)
        total = np.array([customer.cents for customer in before]) + np.bincount(who, cents).astype(np.int64)
        first = np.array([customer.first for customer in before])
        last = np.array([customer.last for customer in before])
        np.minimum.at(first, who, at)
        np.maximum.at(last, who, at)
        places = nearest_segments(self.job, count, total, last)
        names = [self.job.segments[place] for place in places.tolist()]
        columns = zip(slots, count.tolist(), total.tolist(), first.tolist(), last.tolist(), names, strict=True)
        self._write({
            f"{self.job.customers}{who}": f'{{"count":{n},"cents":{c},"first":{f},"last":{t},"segment":"{s}"}}'
            for who, n, c, f, t, s in columns
        })  # fmt: skip
        old = np.array([self._places[customer.segment] for customer in before])
        self._tell(list(slots), names, np.flatnonzero(old != places).tolist())

    def _read(self, ids: list[str]) -> list[Customer]:
        found: Any = self.redis.mget([f"{self.job.customers}{name}" for name in ids])
        return self._customers.decode(b"[" + b",".join([value or b"{}" for value in found]) + b"]")

    def _write(self, values: dict[str, str]) -> None:
        self.redis.mset(values)

    def _tell(self, ids: list[str], names: list[str], moved: list[int]) -> None:
        produce, topic = self.producer.produce, self.job.changes
        for i in moved:
            produce(topic, f'{{"customer_id":"{ids[i]}","segment_id":"{names[i]}"}}', ids[i])
        self.producer.flush()


if __name__ == "__main__":
    gc.disable()
    Loop(read_job()).run()
