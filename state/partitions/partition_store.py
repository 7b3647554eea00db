"""What a partition owns in Redis, read and written a whole micro-batch at a time by its one writer.

A micro-batch costs two round trips: `open` watches the partition and reads its customers, `save` writes everything.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import redis

from state.customers.merged_customers import Departure, departure_commands
from state.customers.records import CustomerBatch, pack, unpack
from state.erasures.erased_customers import read_erased_customers
from state.partitions.customer_scan import PrefetchingScan, scan
from state.partitions.fenced_transactions import FencedPartitions
from state.partitions.model_sums import ModelSums
from state.partitions.partition_fence import Fenced, OwnedPartition, StateMismatch
from state.partitions.segment_flows import segment_flow_commands
from state.store import keys
from state.store.pipelined_connection import Command

__all__ = ["Fenced", "OwnedPartition", "PartitionStore", "PartitionUpdate", "StateMismatch"]

_TOGETHER = 4_000
"""Customers up to which partitions are packed and unpacked together."""


@dataclass(frozen=True)
class PartitionUpdate:
    """All that one micro-batch of a partition changes, to be saved at once or not at all.

    `views` are keys of `segment:<customer_id>`, each followed by its value; `flows` are moves by day and kind.
    `departures` are customers whose records end here; `absorbed` are by customer the ids that went up in it, and
    `identities` the merges that partition 0 decided on. `lost_merges` were published, but Redis does not know them.
    """

    customers: CustomerBatch
    profiles: dict[str, bytes]
    baseline: int
    sums: ModelSums | None
    swept_baseline: int
    offsets: dict[str, int]
    outcome_counts: dict[str, int]
    watermark_ms: int
    changes: list[bytes]
    views: Sequence[str | bytes] = ()
    flows: Mapping[tuple[str, str], int] = field(default_factory=dict)
    departures: Sequence[Departure] = ()
    absorbed: Mapping[str, Collection[str]] = field(default_factory=dict)
    identities: Mapping[str, str] = field(default_factory=dict)
    lost_merges: Mapping[str, str] = field(default_factory=dict)


class PartitionStore:
    """Reads and writes the keys of partitions for one consumer group."""

    def __init__(self, client: redis.Redis, group: str, *, flow_days: int = 400) -> None:
        self._redis: Any = client
        self._group = group
        self._flow_days = flow_days
        self._fenced = FencedPartitions(client, group)
        self._ahead = PrefetchingScan(client)

    def claim(self, partition: int) -> OwnedPartition:
        """Become the partition's one writer: bump its epoch, and only then read where its state stands."""
        self._fenced.leave(partition)
        epoch = int(self._redis.incr(keys.epoch(partition, self._group)))
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(keys.offsets(partition, self._group))
            pipe.hgetall(keys.outcome_counts(partition, self._group))
            pipe.hgetall(keys.model(partition))
            pipe.hlen(keys.merged(partition, self._group))
            pipe.hgetall(keys.merging(partition))
            pipe.hlen(keys.customers(partition))
            offsets, outcome_counts, model, merged, merging, customers = pipe.execute()
        counts = {name.decode(): int(value) for name, value in outcome_counts.items()}
        return OwnedPartition(
            partition,
            epoch,
            {topic.decode(): int(offset) for topic, offset in offsets.items()},
            outcome_counts=counts,
            watermark_ms=counts.pop("watermark", 0),
            revision=counts.pop("revision", 0),
            baseline=int(model.get(b"baseline", 0)),
            swept_baseline=int(model.get(b"swept", 0)),
            sums=ModelSums.from_fields(model) if model else None,
            merged_customers=int(merged),
            customers=counts.pop("customers", int(customers)) if self._group == keys.SEGMENTS_GROUP else None,
            lost_merges=_decoded(merging) if self._group == keys.SEGMENTS_GROUP else {},
            erased=read_erased_customers(self._redis, partition),
        )

    def load(self, partition: int, ids: list[str]) -> CustomerBatch:
        """Read the records of these customers in one round trip."""
        if not ids:
            return CustomerBatch.blank([])
        return unpack(ids, self._redis.hmget(keys.customers(partition), ids))

    def open(self, owned: OwnedPartition, ids: list[str]) -> CustomerBatch:
        """Begin a micro-batch: watch the partition, and read the records of these customers in the same round trip.

        Raises Fenced, StateMismatch, redis.RedisError.
        """
        (customers,) = self.open_all([(owned, ids)])
        if owned.fenced:
            raise owned.fenced
        return customers

    def open_all(
        self, wanted: Sequence[tuple[OwnedPartition, list[str]]], profiled: Sequence[list[str]] = ()
    ) -> list[CustomerBatch]:
        """Begin a micro-batch of several partitions, as `open` does, waiting for Redis once.

        `profiled` are, for each partition, those of its customers whose profiles are read too; by default nobody's.
        A partition that another worker has taken over is marked as `fenced`; its customers are as if unknown. Raises
        StateMismatch, redis.RedisError.
        """
        commands: list[list[Command]] = [
            [("HMGET", keys.customers(owned.partition), *ids)] if ids else [] for owned, ids in wanted
        ]
        for (owned, _), names, asked in zip(wanted, profiled, commands, strict=False):
            if names:
                asked.append(("HMGET", keys.profiles(owned.partition), *names))
        answers = self._fenced.watch_all([owned for owned, _ in wanted], commands)
        values = [found[0] if found else [None] * len(ids) for (_, ids), found in zip(wanted, answers, strict=True)]
        sizes = [len(ids) for _, ids in wanted]
        if sum(sizes) > _TOGETHER:
            batches = [unpack(ids, found) for (_, ids), found in zip(wanted, values, strict=True)]
        else:
            everyone = unpack([name for _, ids in wanted for name in ids], [each for found in values for each in found])
            ends = np.cumsum(sizes).tolist()
            batches = [everyone.part(end - size, end) for size, end in zip(sizes, ends, strict=True)]
        for batch, names, found in zip(batches, profiled, answers, strict=False):
            if names and found:
                batch.profiles = _by_position(batch.ids, names, found[1])
        return batches

    def scan(self, partition: int, cursor: int, count: int) -> tuple[int, CustomerBatch]:
        """Read about `count` customers from a cursor (0 begins); the cursor returned is 0 at the end."""
        return scan(self._redis, partition, cursor, count)

    def scan_prefetching(self, owned: OwnedPartition, cursor: int, count: int) -> tuple[int, CustomerBatch]:
        """Read as `scan` does, for an owner that will want the next chunk soon."""
        return self._ahead.read(owned, cursor, count)

    def size(self, partition: int) -> int:
        """Return the number of customers in the partition."""
        return int(self._redis.hlen(keys.customers(partition)))

    def save(self, owned: OwnedPartition, save: PartitionUpdate) -> None:
        """Write records, profiles, sums, outcome counts, offsets, outbox and views in one transaction; update `owned`.

        Raises Fenced or StateMismatch (then nothing was written), redis.RedisError (then nobody knows: claim again).
        """
        self.save_all([(owned, save)])
        if owned.fenced:
            raise owned.fenced

    def save_all(self, saves: Sequence[tuple[OwnedPartition, PartitionUpdate]]) -> None:
        """Write several partitions as `save` does, each in a transaction of its own, waiting for Redis once.

        A partition that another worker has taken over is marked as `fenced`, and not written to. Raises StateMismatch
        or redis.RedisError: then some partitions may have been written to.
        """
        records = _packed([save.customers for _, save in saves])
        written = self._fenced.write_all(
            [(owned, self._commands(owned, save, packed)) for (owned, save), packed in zip(saves, records, strict=True)]
        )
        for (owned, save), done in zip(saves, written, strict=True):
            if done:
                owned.offsets, owned.outcome_counts, owned.watermark_ms = (
                    dict(save.offsets),
                    dict(save.outcome_counts),
                    save.watermark_ms,
                )
                owned.baseline, owned.swept_baseline, owned.sums = save.baseline, save.swept_baseline, save.sums
                owned.customers = _customers_after(owned, save)
                owned.acknowledged = 0
                owned.merged_customers += len(save.departures)
                owned.lost_merges.update(save.lost_merges)
                for each in save.departures:
                    owned.lost_merges.pop(each.previous_id, None)

    def _commands(self, owned: OwnedPartition, save: PartitionUpdate, records: list[bytes]) -> Iterator[Command]:
        partition = owned.partition
        if records:
            items: list[str | bytes] = [b""] * (2 * len(records))
            items[::2], items[1::2] = save.customers.ids, records
            yield ("HSET", keys.customers(partition), *items)
        if save.profiles:
            yield ("HSET", keys.profiles(partition), *_flat(save.profiles))
        if save.sums is not None:
            under = {"baseline": save.baseline, "swept": save.swept_baseline, **save.sums.to_fields()}
            yield ("HSET", keys.model(partition), *_flat(under))
        if save.offsets:
            yield ("HSET", keys.offsets(partition, self._group), *_flat(save.offsets))
        outcome_counts = {**save.outcome_counts, "watermark": save.watermark_ms}
        if (customers := _customers_after(owned, save)) is not None:
            outcome_counts["customers"] = customers
        yield ("HSET", keys.outcome_counts(partition, self._group), *_flat(outcome_counts))
        if owned.acknowledged:
            yield ("LTRIM", keys.outbox(partition), owned.acknowledged, -1)
        if save.changes:
            yield ("RPUSH", keys.outbox(partition), *save.changes)
        if save.views:
            yield ("MSET", *save.views)
        yield from segment_flow_commands(partition, save.flows, self._flow_days)
        yield from self._merge_commands(partition, save)

    def _merge_commands(self, partition: int, save: PartitionUpdate) -> Iterator[Command]:
        for each in save.departures:
            yield ("HDEL", keys.customers(partition), each.previous_id)
            yield ("HDEL", keys.profiles(partition), each.previous_id)
            yield ("DEL", keys.aliases(partition, each.previous_id))
            yield ("HDEL", keys.merging(partition), each.previous_id)
        yield from departure_commands(partition, self._group, save.departures)
        for customer_id, names in save.absorbed.items():
            yield ("SADD", keys.aliases(partition, customer_id), *sorted(names))
        if save.identities:
            yield ("HSET", keys.IDENTITIES, *_flat(save.identities))
        if save.lost_merges:
            yield ("HSET", keys.merging(partition), *_flat(save.lost_merges))

    def watch(self, owned: OwnedPartition, wanted: list[Command]) -> list[Any]:
        """Watch a partition, check that it is as its owner knows it, and return the answers to more commands.

        Raises Fenced, StateMismatch, redis.RedisError.
        """
        (answers,) = self._fenced.watch_all([owned], [wanted])
        if owned.fenced:
            raise owned.fenced
        return answers

    def write(self, owned: OwnedPartition, commands: Iterable[Command]) -> None:
        """Carry out a transaction that goes through only while the partition is as its owner knows it.

        Raises Fenced or StateMismatch (then nothing was written), redis.RedisError (then nobody knows: claim again).
        """
        self._fenced.write_all([(owned, commands)])
        if owned.fenced:
            raise owned.fenced

    def outbox(self, partition: int, start: int = 0, count: int = 10_000) -> list[bytes]:
        """Return the oldest changes that Kafka has not acknowledged."""
        found: list[bytes] = self._redis.lrange(keys.outbox(partition), start, start + count - 1)
        return found

    def handovers(self, partition: int) -> dict[str, bytes]:
        """Return what Kafka has not acknowledged of the customers who left a partition, by their ids."""
        found = self._redis.hgetall(keys.handovers(partition, self._group))
        return {previous.decode(): message for previous, message in found.items()}

    def trim(self, owned: OwnedPartition, count: int) -> None:
        """Drop the oldest `count` changes of the outbox, guarded as a save is. Raises Fenced or StateMismatch."""
        self.write(owned, [("LTRIM", keys.outbox(owned.partition), count, -1)])

    def verify(self, owned: Sequence[OwnedPartition]) -> None:
        """Compare partitions with what their owner knows of them, in one round trip. Raises Fenced or StateMismatch."""
        self._fenced.verify(owned)


def _decoded(merging: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return merges that Redis has lost; the group that publishes changes, `segments`, learns of them by these."""
    return {previous.decode(): survivor.decode() for previous, survivor in merging.items()}


def _by_position(ids: list[str], names: list[str], values: Sequence[bytes | None]) -> dict[int, bytes]:
    """Return the values that there are by the position of their customer among `ids`."""
    place = {name: at for at, name in enumerate(ids)}
    return {place[name]: value for name, value in zip(names, values, strict=True) if value is not None}


def _customers_after(owned: OwnedPartition, save: PartitionUpdate) -> int | None:
    """Return how many records the partition has once this is saved."""
    if owned.customers is None:
        return None
    left = sum(each.had_record for each in save.departures)
    return owned.customers + len(save.customers) - int(save.customers.known.sum()) - left


def _flat(mapping: Mapping[str, Any]) -> list[Any]:
    return [part for pair in mapping.items() for part in pair]


def _packed(batches: Sequence[CustomerBatch]) -> list[list[bytes]]:
    """Return the records of each batch; small ones are packed together, since that costs hardly more than one."""
    sizes = [len(each) for each in batches]
    if sum(sizes) > _TOGETHER:
        return [pack(each) for each in batches]
    records, ends = pack(CustomerBatch.joined(batches)), np.cumsum(sizes).tolist()
    return [records[end - size : end] for size, end in zip(sizes, ends, strict=True)]
