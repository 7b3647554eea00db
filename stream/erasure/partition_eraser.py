"""Erase customers from their partition: the worker that owns it does so, in one transaction."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import redis

from consumers.history.erasure_log import TOPIC as ERASURES
from consumers.runtime.commit import SegmentCommitter
from events.schema.outputs import Erasure, ErasureNotice
from events.segment_changes import decode_change
from events.topics.partitioning import partition_of
from state.customers.records import CustomerBatch
from state.erasures.erased_customers import ErasedCustomers, ErasureQueue, read_erased_customers
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import OwnedPartition, PartitionStore
from state.store import keys
from state.store.pipelined_connection import Command
from stream.model.live_segmenter import LiveSegmenter

__all__ = ["PartitionEraser"]

log = logging.getLogger(__name__)

_POLL_S = 0.5


class PartitionEraser:
    """Erases the customers in the queue of erasures, while the partitions that it runs on are at rest."""

    def __init__(
        self,
        client: redis.Redis,
        store: PartitionStore,
        committer: SegmentCommitter,
        live: LiveSegmenter,
        partitions: int,
        notices: Literal["off", "hash", "id"] = "off",
    ) -> None:
        self._notices = notices
        self._redis, self._queue, self._partitions = client, ErasureQueue(client), partitions
        self._store, self._committer, self._live = store, committer, live
        self._polled = 0.0
        self._waiting: dict[int, list[str]] = {}

    def claimed(self, owned: OwnedPartition) -> None:
        """Nothing is kept of a partition."""

    def due(self, owned: Iterable[OwnedPartition]) -> float:
        """Return 1 where a customer is to be erased, else 0; asks Redis twice a second."""
        self._poll(owned)
        return float(bool(self._waiting))

    def _poll(self, owned: Iterable[OwnedPartition]) -> None:
        now = time.monotonic()
        if now - self._polled >= _POLL_S:
            self._polled = now
            self._waiting = self._queue.waiting(each.partition for each in owned)

    def run(self, owned: Iterable[OwnedPartition]) -> bool:
        """Erase who is waiting; return False, since who cannot be erased yet is tried again later."""
        for each in owned:
            for customer_id in self._waiting.pop(each.partition, ()):
                if partition_of(customer_id, self._partitions) == each.partition:
                    self._erase(each, customer_id)
                else:
                    self._forget_merge(each, customer_id)
        return False

    def _forget_merge(self, owned: OwnedPartition, customer_id: str) -> None:
        """Take a customer, who is erased in another partition already, out of the merges that this one decides on.

        The partition does so itself, so that no decision is on its way to Redis meanwhile. The tombstone says that it
        was done.
        """
        self._store.open(owned, [])
        digest = read_erased_customers(self._redis, owned.partition).digest(customer_id)
        self._store.write(owned, _merge_commands(owned, customer_id, digest))

    def _erase(self, owned: OwnedPartition, customer_id: str) -> None:
        segmenter = self._live.segmenter
        if owned.sums is not None and owned.baseline != segmenter.baseline:
            return  # the sums are those of another baseline: the sweep brings them over first
        erased = read_erased_customers(self._redis, owned.partition) if owned.erased is None else owned.erased
        self._publish(owned.partition, erased, customer_id)
        self._committer.confirm()
        self._committer.trim_outbox(owned)
        customers = self._store.open(owned, [customer_id])
        unsent = [value for value in self._store.outbox(owned.partition, count=1_000_000) if _is_of(value, customer_id)]
        sums = self._without(owned, customers)
        left = None if owned.customers is None else owned.customers - int(customers.known.sum())
        self._store.write(owned, _commands(owned, customer_id, erased.digest(customer_id), sums, unsent, left))
        owned.sums, owned.customers = sums, left
        owned.erased = erased
        owned.lost_merges.pop(customer_id, None)
        erased.add(customer_id)
        log.info("partition %d: a customer was erased", owned.partition)

    def _publish(self, partition: int, erased: ErasedCustomers, customer_id: str) -> None:
        """Publish the erasure first: if Redis comes back from before it, it is carried out again."""
        digest, salt, now = erased.digest(customer_id).hex(), erased.salt.hex(), datetime.now(UTC)
        erasure = Erasure(partition=partition, digest=digest, salt=salt, erased_at=now)
        self._committer.send_elsewhere(ERASURES, digest.encode(), erasure.model_dump_json().encode())
        if self._notices != "off":
            named = customer_id if self._notices == "id" else None
            notice = ErasureNotice(digest=digest, salt=salt, customer_id=named, erased_at=now)
            self._committer.send_elsewhere("segment-changes", digest.encode(), notice.model_dump_json().encode())

    def _without(self, owned: OwnedPartition, customers: CustomerBatch) -> ModelSums | None:
        """Return the partition's sums without a customer."""
        segmenter, rows = self._live.segmenter, customers.rows
        inside = customers.known & (rows["baseline"] == segmenter.baseline) & (rows["cluster"] >= 0)
        if owned.sums is None or not inside.any():
            return owned.sums
        vectors = segmenter.vectors(rows, rows["learned_at"])
        return owned.sums.minus(vectors, rows["cluster"].astype(np.int64))


def _merge_commands(owned: OwnedPartition, customer_id: str, digest: bytes) -> Iterator[Command]:
    """Remove what a partition knows of a customer's merges, and leave the customer's tombstone."""
    partition = owned.partition
    for key in (keys.merged, keys.handovers):
        yield ("HDEL", key(partition, keys.SEGMENTS_GROUP), customer_id)
    yield ("HDEL", keys.merging(partition), customer_id)
    yield ("DEL", keys.aliases(partition, customer_id))
    if partition == keys.IDENTITIES_PARTITION:
        yield ("HDEL", keys.IDENTITIES, customer_id)
    yield ("SADD", keys.erased(partition), digest)
    yield ("SREM", keys.erasing(partition), customer_id)


def _commands(
    owned: OwnedPartition,
    customer_id: str,
    digest: bytes,
    sums: ModelSums | None,
    unsent: Sequence[bytes],
    customers: int | None,
) -> Iterator[Command]:
    partition = owned.partition
    yield ("HDEL", keys.customers(partition), customer_id)
    yield ("HDEL", keys.profiles(partition), customer_id)
    yield ("DEL", keys.segment(customer_id))
    for value in unsent:
        yield ("LREM", keys.outbox(partition), 0, value)
    if sums is not None:
        fields: list[Any] = [part for pair in sums.to_fields().items() for part in pair]
        yield ("HSET", keys.model(partition), *fields)
    if customers is not None:
        yield ("HSET", keys.outcome_counts(partition, keys.SEGMENTS_GROUP), "customers", customers)
    yield from _merge_commands(owned, customer_id, digest)


def _is_of(value: bytes, customer_id: str) -> bool:
    change = decode_change(value)
    return customer_id in (change.customer_id, change.merged_into)
