"""The job for faust-streaming: an agent with its customers in Redis, one order at a time or by `take`.

Validation is faust's own: a Record with typed fields and `validation=True`.
"""

import asyncio
import os
import signal
from datetime import datetime
from typing import Any

import faust
import redis.asyncio
from faust.models.fields import FloatField, StringField
from job_and_features import Job, Segmenter, read_job

TAKE = 1_000
WITHIN_S = 0.2
COMMIT_S = 2.0


class Order(faust.Record, coerce=True, validation=True, serializer="json"):
    """What the job needs of an order, validated."""

    event_id: str = StringField(min_length=1, max_length=128)
    customer_id: str = StringField(min_length=1, max_length=128)
    currency: str = StringField(min_length=3, max_length=3)
    amount: float = FloatField(min_value=0.0)
    occurred_at: datetime


class Change(faust.Record, serializer="json"):
    """A customer's move to another segment."""

    customer_id: str
    segment_id: str


def folded(row: dict[str, Any], order: Order, segmenter: Segmenter) -> dict[str, Any]:
    """Return a customer's state with one more order."""
    at = round(order.occurred_at.timestamp() * 1000)
    count = int(row.get("count", 0)) + 1
    cents = int(row.get("cents", 0)) + round(order.amount * 100)
    first, last = min(int(row.get("first", at)), at), max(int(row.get("last", at)), at)
    segment = segmenter.segment(count, cents, last)
    return {"count": count, "cents": cents, "first": first, "last": last, "segment": segment}


class Peer:
    """The application, its Redis, and how far it is."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.segmenter = Segmenter(job)
        self.app = faust.App(
            job.group,
            broker=f"kafka://{job.bootstrap}",
            store="memory://",
            datadir=job.directory,
            topic_partitions=job.partitions,
            topic_allow_declare=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            broker_commit_interval=COMMIT_S,
            web_enabled=False,
        )
        self.orders = self.app.topic(job.orders, value_type=Order)
        self.changes = self.app.topic(job.changes, key_type=str, value_type=Change)
        self.redis = redis.asyncio.Redis(host=job.redis_host, port=job.redis_port, decode_responses=True)
        self.done = 0
        self.unsent: set[Any] = set()
        self.app.agent(self.orders)(self.take if job.variant == "take" else self.one)
        self.app.timer(0.1)(self.report)

    async def one(self, stream: Any) -> None:
        """Process one order at a time: HGETALL, HSET, send."""
        async for order in stream:
            key = self.job.customers + order.customer_id
            before = await self.redis.hgetall(key)
            after = folded(before, order, self.segmenter)
            await self.redis.hset(key, mapping=after)
            if after["segment"] != before.get("segment"):
                await self.send(order.customer_id, after["segment"])
            self.done += 1

    async def take(self, stream: Any) -> None:
        """Process up to a thousand orders at a time: one pipeline to read, one to write, all sends awaited."""
        async for orders in stream.take(TAKE, within=WITHIN_S):
            names = list({order.customer_id: None for order in orders})
            keys = [self.job.customers + name for name in names]
            async with self.redis.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.hgetall(key)
                before = dict(zip(names, await pipe.execute(), strict=True))
            after = dict(before)
            for order in orders:
                after[order.customer_id] = folded(after[order.customer_id], order, self.segmenter)
            async with self.redis.pipeline(transaction=False) as pipe:
                for key, name in zip(keys, names, strict=True):
                    pipe.hset(key, mapping=after[name])
                await pipe.execute()
            for name in names:
                if after[name]["segment"] != before[name].get("segment"):
                    await self.send(name, after[name]["segment"])
            await asyncio.gather(*self.unsent)
            self.done += len(orders)

    async def send(self, customer_id: str, segment_id: str) -> None:
        """Hand a change to the producer, and remember it until Kafka has it."""
        sent = await self.changes.send(key=customer_id, value=Change(customer_id=customer_id, segment_id=segment_id))
        self.unsent.add(sent)
        sent.add_done_callback(self.unsent.discard)

    async def report(self) -> None:
        """Say how many orders are done; the last only when Kafka has every change. Then commit, and end."""
        done = self.done if not self.unsent else min(self.done, self.job.events - 1)
        if done:
            await self.redis.set(self.job.progress, done)
        if done >= self.job.events:
            await asyncio.sleep(2 * COMMIT_S)
            os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    peer = Peer(read_job())
    faust.Worker(peer.app, loglevel="WARN").execute_from_commandline()
