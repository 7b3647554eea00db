"""The sketch: a micro-batch loop with the invariants of Shoal's design, and nothing else. A reference, not an engine.

On: validation, repeats by a customer's recent events, one transaction of records, model, offsets and outbox under the
partition's epoch, views, an idempotent producer flushed before the outbox is trimmed, learning by customer.
Off: dead letters, wrong partitions, rebalances, sessions, hysteresis, back-pressure; none of them is per event.
"""

import gc
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np
import redis
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from fold import BLANK, RECORD, Batch, Folded, Folding, Rows
from job_and_features import Job, read_job
from xxhash import xxh3_64_intdigest

BATCH = 20_000
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Order(msgspec.Struct, gc=False):
    """What the job needs of an order, validated."""

    event_id: Id
    customer_id: Id
    amount: Annotated[float, msgspec.Meta(ge=0)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)]


class Store:
    """What the partitions own in Redis: records, model, offsets, outbox, and the views."""

    def __init__(self, job: Job) -> None:
        self._redis: Any = redis.Redis(job.redis_host, job.redis_port)
        self._job = job
        self._epochs = [self._redis.incr(f"epoch:{{{p}}}") for p in range(job.partitions)]
        shape = (len(job.centroids), 1 + len(job.center))
        stored = [self._redis.get(f"model:{{{p}}}") for p in range(job.partitions)]
        blank = bytes(8 * shape[0] * shape[1])
        self.model = np.stack([np.frombuffer(value or blank, np.float64).reshape(shape) for value in stored])

    def offset(self, partition: int) -> int:
        """Return the next offset of a partition, as saved beside the state."""
        return int(self._redis.get(f"offset:{{{partition}}}") or 0)

    def load(self, batch: Batch) -> Rows:
        """Read the records of the batch's customers, one command a partition."""
        rows = np.empty(len(batch.ids), RECORD)
        for p, slots, names in _by_partition(batch):
            found = self._redis.hmget(f"customers:{{{p}}}", names)
            rows[slots] = np.frombuffer(b"".join([value or BLANK for value in found]), RECORD)
        return rows

    def save(self, batch: Batch, folded: Folded, outbox: dict[int, list[bytes]]) -> None:
        """Write all that the batch changes at once, if the partitions are still ours."""
        data, width = folded.rows.tobytes(), RECORD.itemsize
        packed = [data[i : i + width] for i in range(0, len(data), width)]
        model = self.model + folded.model
        with self._redis.pipeline(transaction=True) as pipe:
            keys = [f"epoch:{{{p}}}" for p in range(self._job.partitions)]
            pipe.watch(*keys)
            if [int(value) for value in pipe.mget(keys)] != self._epochs:
                raise SystemExit("another writer has taken a partition over")
            pipe.multi()
            for p, slots, names in _by_partition(batch):
                items: list[Any] = [None] * (2 * len(names))
                items[::2], items[1::2] = names, [packed[slot] for slot in slots.tolist()]
                pipe.hset(f"customers:{{{p}}}", items=items)
                pipe.set(f"model:{{{p}}}", model[p].tobytes())
                if outbox[p]:
                    pipe.rpush(f"outbox:{{{p}}}", *outbox[p])
            for p, offset in batch.offsets.items():
                pipe.set(f"offset:{{{p}}}", offset)
            pipe.execute()
        self.model = model

    def show(self, views: dict[str, str]) -> None:
        """Write the views of the customers that moved."""
        if views:
            self._redis.mset(views)

    def trim(self, outbox: dict[int, list[bytes]], done: int) -> None:
        """Forget the changes that Kafka has, and say how far that is."""
        with self._redis.pipeline(transaction=False) as pipe:
            for p, changes in outbox.items():
                if changes:
                    pipe.ltrim(f"outbox:{{{p}}}", len(changes), -1)
            pipe.set(self._job.progress, done)
            pipe.execute()

    def export(self) -> None:
        """Write each customer as the check of end states wants it, read back from records and views."""
        counts, waiting = np.zeros(len(self._job.segments), np.int64), 0
        for p in range(self._job.partitions):
            found = self._redis.hgetall(f"customers:{{{p}}}")
            names, rows = list(found), np.frombuffer(b"".join(found.values()), RECORD)
            views = self._redis.mget([b"segment:" + name for name in names])
            values = {}
            for name, row, view in zip(names, rows, views, strict=True):
                shown = {"segment": msgspec.json.decode(view)["segment_id"]}
                state = {field: int(row[field]) for field in ("count", "cents", "first", "last")}
                values[self._job.customers.encode() + name] = msgspec.json.encode(state | shown)
            self._redis.mset(values)
            counts += np.bincount(rows["cluster"], minlength=len(counts))
            waiting += self._redis.llen(f"outbox:{{{p}}}")
        if waiting or not np.array_equal(counts, self.model[:, :, 0].sum(axis=0)):
            self._redis.delete(*values)
            raise SystemExit(f"{waiting} changes in outboxes; the model counts {self.model[:, :, 0].sum(axis=0)}")


class Loop:
    """Consume and decode one batch while the last one is saved and told.

    Reading is not overlapped: its many small receptions would each wait for the interpreter lock.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.store, self.folding, self.done = job, Store(job), Folding(job), 0
        self._decode = msgspec.json.Decoder(list[Order]).decode
        common = {"bootstrap.servers": job.bootstrap}
        tuned = {"queued.min.messages": 200_000, "queued.max.messages.kbytes": 131_072, "fetch.queue.backoff.ms": 5}
        grouped = {"group.id": job.group, "enable.auto.commit": False, "fetch.wait.max.ms": 50}
        self.consumer = Consumer(common | tuned | grouped)
        limits = {"linger.ms": 5, "queue.buffering.max.messages": 1_000_000}
        self.producer = Producer(common | limits | {"enable.idempotence": True, "acks": "all"})
        starts = [TopicPartition(job.orders, p, self.store.offset(p)) for p in range(job.partitions)]
        self.consumer.assign(starts)

    def run(self) -> None:
        """Process all orders."""
        read, saving = 0, Future[None]()
        saving.set_result(None)
        with ThreadPoolExecutor(1) as pool:
            while read < self.job.events:
                messages = self.consumer.consume(BATCH, 0.1)
                if not messages:
                    continue
                batch = self._grouped(messages)
                read += batch.events
                saving.result()
                folded = self.folding.fold(batch, self.store.load(batch))
                saving = pool.submit(self._save, batch, folded)
            saving.result()
        self.consumer.close()
        self.store.export()

    def _grouped(self, messages: list[Message]) -> Batch:
        if any(message.error() for message in messages):
            raise SystemExit("Kafka reports an error")
        orders = self._decode(b"[" + b",".join([message.value() for message in messages]) + b"]")
        slots: dict[str, int] = {}
        who = np.array([slots.setdefault(order.customer_id, len(slots)) for order in orders])
        places = np.array([message.partition() for message in messages])
        partitions = np.empty(len(slots), np.int64)
        partitions[who] = places
        last = {p: int(np.flatnonzero(places == p)[-1]) for p in np.unique(places).tolist()}
        return Batch(
            ids=list(slots),
            partitions=partitions,
            who=who,
            at=(np.array([order.occurred_at.timestamp() for order in orders]) * 1000).astype(np.int64),
            cents=np.rint(np.array([order.amount for order in orders]) * 100).astype(np.int64),
            hashes=np.array([xxh3_64_intdigest(order.event_id.encode()) for order in orders], np.uint64),
            offsets={p: messages[i].offset() + 1 for p, i in last.items()},
            events=len(messages),
        )

    def _save(self, batch: Batch, folded: Folded) -> None:
        """Take the steps in the order that a crash anywhere can be repaired from."""
        outbox, keys, views = self._changes(batch, folded)
        self.store.save(batch, folded, outbox)
        self.store.show(views)
        for p, changes in outbox.items():
            for key, change in zip(keys[p], changes, strict=True):
                self.producer.produce(self.job.changes, change, key, p)
        self.producer.flush()
        self.done += batch.events
        self.store.trim(outbox, self.done)
        self.consumer.commit(
            offsets=[TopicPartition(self.job.orders, p, offset) for p, offset in batch.offsets.items()],
            asynchronous=True,
        )

    def _changes(
        self, batch: Batch, folded: Folded
    ) -> tuple[dict[int, list[bytes]], dict[int, list[str]], dict[str, str]]:
        """Return the changes by partition, their keys, and the views."""
        outbox: dict[int, list[bytes]] = {p: [] for p in range(self.job.partitions)}
        keys: dict[int, list[str]] = {p: [] for p in range(self.job.partitions)}
        views, segments, rows = {}, self.job.segments, folded.rows[folded.moved]
        columns = (rows["cluster"], folded.before[folded.moved], rows["change_number"], rows["since"])
        where = batch.partitions[folded.moved].tolist()
        for slot, p, now, then, number, since in zip(
            folded.moved.tolist(), where, *(column.tolist() for column in columns), strict=True
        ):
            name, previous = batch.ids[slot], f'"{segments[then]}"' if then >= 0 else "null"
            view = f'"segment_id":"{segments[now]}","previous":{previous},"since":{since},"baseline":1'
            shown = f'{{{view},"change_id":"{name}-{number}"}}'
            views[f"segment:{name}"] = shown
            outbox[p].append(f'{{"customer_id":"{name}","cause":"activity",{shown[1:]}'.encode())
            keys[p].append(name)
        return outbox, keys, views


def _by_partition(batch: Batch) -> list[tuple[int, Any, list[str]]]:
    """Return each partition's slots, and the ids there."""
    ids, found = batch.ids, []
    for p in np.unique(batch.partitions).tolist():
        slots = np.flatnonzero(batch.partitions == p)
        found.append((p, slots, [ids[slot] for slot in slots.tolist()]))
    return found


if __name__ == "__main__":
    loop = Loop(read_job())
    gc.freeze()
    gc.disable()
    loop.run()
