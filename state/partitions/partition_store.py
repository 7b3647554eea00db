"""What a partition owns in Redis, read and written a whole micro-batch at a time by its one writer.

A micro-batch costs two round trips: `open` watches the partition and reads its customers, `save` writes everything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import redis

from state.customers.erasures import read_erased
from state.customers.records import CustomerBatch, pack, unpack
from state.partitions.customer_scan import ScanAhead, scan
from state.partitions.fenced_access import Guarded
from state.partitions.model_sums import ModelSums
from state.partitions.owned_partition import Fenced, Owned, StateMoved
from state.partitions.segment_flows import flow_commands
from state.store import keys
from state.store.round_trip import Command

__all__ = ["Fenced", "Owned", "PartitionStore", "Save", "StateMoved"]

_TOGETHER = 4_000
"""Customers up to which partitions are packed and unpacked together."""


@dataclass(frozen=True)
class Save:
    """All that one micro-batch of a partition changes, to be saved at once or not at all.

    `views` are keys of `segment:<customer_id>`, each followed by its value; `flows` are moves by day and kind.
    """

    customers: CustomerBatch
    profiles: dict[str, bytes]
    baseline: int
    sums: ModelSums | None
    swept: int
    offsets: dict[str, int]
    fates: dict[str, int]
    watermark_ms: int
    changes: list[bytes]
    views: Sequence[str | bytes] = ()
    flows: Mapping[tuple[str, str], int] = field(default_factory=dict)


class PartitionStore:
    """Reads and writes the keys of partitions for one consumer group."""

    def __init__(self, client: redis.Redis, group: str, *, flow_days: int = 400) -> None:
        self._redis: Any = client
        self._group = group
        self._flow_days = flow_days
        self._guarded = Guarded(client, group)
        self._ahead = ScanAhead(client)

    def claim(self, partition: int) -> Owned:
        """Become the partition's one writer: bump its epoch, and only then read where its state stands."""
        self._guarded.leave(partition)
        epoch = int(self._redis.incr(keys.epoch(partition, self._group)))
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(keys.offsets(partition, self._group))
            pipe.hgetall(keys.fates(partition, self._group))
            pipe.hgetall(keys.model(partition))
            offsets, fates, model = pipe.execute()
        counts = {name.decode(): int(value) for name, value in fates.items()}
        return Owned(
            partition,
            epoch,
            {topic.decode(): int(offset) for topic, offset in offsets.items()},
            fates=counts,
            watermark_ms=counts.pop("watermark", 0),
            revision=counts.pop("revision", 0),
            baseline=int(model.get(b"baseline", 0)),
            swept=int(model.get(b"swept", 0)),
            sums=ModelSums.from_fields(model) if model else None,
            erased=read_erased(self._redis, partition),
        )

    def load(self, partition: int, ids: list[str]) -> CustomerBatch:
        """Read the records of these customers in one round trip."""
        if not ids:
            return CustomerBatch.blank([])
        return unpack(ids, self._redis.hmget(keys.customers(partition), ids))

    def open(self, owned: Owned, ids: list[str]) -> CustomerBatch:
        """Begin a micro-batch: watch the partition, and read the records of these customers in the same round trip.

        Raises Fenced, StateMoved, redis.RedisError.
        """
        (customers,) = self.open_all([(owned, ids)])
        if owned.fenced:
            raise owned.fenced
        return customers

    def open_all(self, wanted: Sequence[tuple[Owned, list[str]]]) -> list[CustomerBatch]:
        """Begin a micro-batch of several partitions, as `open` does, waiting for Redis once.

        A partition that another worker has taken over is marked as `fenced`; its customers are as if unknown. Raises
        StateMoved, redis.RedisError.
        """
        commands: list[list[Command]] = [
            [("HMGET", keys.customers(owned.partition), *ids)] if ids else [] for owned, ids in wanted
        ]
        answers = self._guarded.watch_all([owned for owned, _ in wanted], commands)
        values = [found[0] if found else [None] * len(ids) for (_, ids), found in zip(wanted, answers, strict=True)]
        sizes = [len(ids) for _, ids in wanted]
        if sum(sizes) > _TOGETHER:
            return [unpack(ids, found) for (_, ids), found in zip(wanted, values, strict=True)]
        everyone = unpack([name for _, ids in wanted for name in ids], [value for found in values for value in found])
        ends = np.cumsum(sizes).tolist()
        return [everyone.part(end - size, end) for size, end in zip(sizes, ends, strict=True)]

    def scan(self, partition: int, cursor: int, count: int) -> tuple[int, CustomerBatch]:
        """Read about `count` customers from a cursor (0 begins); the cursor returned is 0 at the end."""
        return scan(self._redis, partition, cursor, count)

    def scan_ahead(self, owned: Owned, cursor: int, count: int) -> tuple[int, CustomerBatch]:
        """Read as `scan` does, for an owner that will want the next chunk soon."""
        return self._ahead.read(owned, cursor, count)

    def size(self, partition: int) -> int:
        """Return the number of customers in the partition."""
        return int(self._redis.hlen(keys.customers(partition)))

    def save(self, owned: Owned, save: Save) -> None:
        """Write records, profiles, sums, fates, offsets, outbox and views in one transaction, and move `owned` along.

        Raises Fenced or StateMoved (then nothing was written), redis.RedisError (then nobody knows: claim again).
        """
        self.save_all([(owned, save)])
        if owned.fenced:
            raise owned.fenced

    def save_all(self, saves: Sequence[tuple[Owned, Save]]) -> None:
        """Write several partitions as `save` does, each in a transaction of its own, waiting for Redis once.

        A partition that another worker has taken over is marked as `fenced`, and not written to. Raises StateMoved or
        redis.RedisError: then some partitions may have been written to.
        """
        records = _packed([save.customers for _, save in saves])
        written = self._guarded.write_all(
            [(owned, self._commands(owned, save, packed)) for (owned, save), packed in zip(saves, records, strict=True)]
        )
        for (owned, save), done in zip(saves, written, strict=True):
            if done:
                owned.offsets, owned.fates, owned.watermark_ms = dict(save.offsets), dict(save.fates), save.watermark_ms
                owned.baseline, owned.swept, owned.sums = save.baseline, save.swept, save.sums
                owned.acknowledged = 0

    def _commands(self, owned: Owned, save: Save, records: list[bytes]) -> Iterator[Command]:
        partition = owned.partition
        if records:
            items: list[str | bytes] = [b""] * (2 * len(records))
            items[::2], items[1::2] = save.customers.ids, records
            yield ("HSET", keys.customers(partition), *items)
        if save.profiles:
            yield ("HSET", keys.profiles(partition), *_flat(save.profiles))
        if save.sums is not None:
            under = {"baseline": save.baseline, "swept": save.swept, **save.sums.to_fields()}
            yield ("HSET", keys.model(partition), *_flat(under))
        if save.offsets:
            yield ("HSET", keys.offsets(partition, self._group), *_flat(save.offsets))
        fates = {**save.fates, "watermark": save.watermark_ms}
        yield ("HSET", keys.fates(partition, self._group), *_flat(fates))
        if owned.acknowledged:
            yield ("LTRIM", keys.outbox(partition), owned.acknowledged, -1)
        if save.changes:
            yield ("RPUSH", keys.outbox(partition), *save.changes)
        if save.views:
            yield ("MSET", *save.views)
        yield from flow_commands(partition, save.flows, self._flow_days)

    def watch(self, owned: Owned, wanted: list[Command]) -> list[Any]:
        """Watch a partition, check that it is as its owner knows it, and return the answers to more commands.

        Raises Fenced, StateMoved, redis.RedisError.
        """
        (answers,) = self._guarded.watch_all([owned], [wanted])
        if owned.fenced:
            raise owned.fenced
        return answers

    def write(self, owned: Owned, commands: Iterable[Command]) -> None:
        """Carry out a transaction that goes through only while the partition is as its owner knows it.

        Raises Fenced or StateMoved (then nothing was written), redis.RedisError (then nobody knows: claim again).
        """
        self._guarded.write_all([(owned, commands)])
        if owned.fenced:
            raise owned.fenced

    def outbox(self, partition: int, start: int = 0, count: int = 10_000) -> list[bytes]:
        """Return the oldest changes that Kafka has not acknowledged."""
        found: list[bytes] = self._redis.lrange(keys.outbox(partition), start, start + count - 1)
        return found

    def trim(self, owned: Owned, count: int) -> None:
        """Drop the oldest `count` changes of the outbox, guarded as a save is. Raises Fenced or StateMoved."""
        self.write(owned, [("LTRIM", keys.outbox(owned.partition), count, -1)])

    def verify(self, owned: Sequence[Owned]) -> None:
        """Compare partitions with what their owner knows of them, in one round trip. Raises Fenced or StateMoved."""
        self._guarded.verify(owned)


def _flat(mapping: Mapping[str, Any]) -> list[Any]:
    return [part for pair in mapping.items() for part in pair]


def _packed(batches: Sequence[CustomerBatch]) -> list[list[bytes]]:
    """Return the records of each batch; small ones are packed together, since that costs hardly more than one."""
    sizes = [len(each) for each in batches]
    if sum(sizes) > _TOGETHER:
        return [pack(each) for each in batches]
    records, ends = pack(CustomerBatch.joined(batches)), np.cumsum(sizes).tolist()
    return [records[end - size : end] for size, end in zip(sizes, ends, strict=True)]
