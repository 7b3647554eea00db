"""What a partition of the experiment consumer owns in Redis: read and written a micro-batch at a time, by one writer.

Guarded as customers' records are (`state.partition_store`), under epoch, revision and offsets of its own group.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import redis

from state import keys
from state.exposed import ExposedCustomers
from state.partition_store import Owned, PartitionStore
from state.purchases import PurchaseLogs
from state.records import CustomerBatch, unpack
from state.round_trip import Command, as_mapping
from state.tallies import LEFT_OUT, TallyReading, cell_field, decode_tallies

__all__ = ["ExperimentSave", "ExperimentState", "OpenedTallies", "TallyPartitions", "TallySave"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ExperimentState:
    """One experiment in one partition: the batch's customers, and the partition's tallies."""

    customers: ExposedCustomers
    tallies: TallyReading


@dataclass(frozen=True)
class OpenedTallies:
    """What is known of a micro-batch's n customers; `experiments` by id.

    `held_by` (m,) are the positions of those whose customer records (m) were read, for the segments that they held.
    """

    logs: PurchaseLogs
    experiments: dict[str, ExperimentState]
    held_by: Ints
    records: CustomerBatch

    @property
    def ids(self) -> list[str]:
        """The customers."""
        return self.logs.ids

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Who has a purchase log here or was exposed here."""
        known = self.logs.known
        for state in self.experiments.values():
            known = known | state.customers.known
        return known


@dataclass(frozen=True)
class ExperimentSave:
    """What changes of one experiment: packed customers by id, and the tallies and counts that are new."""

    customers: Mapping[str, bytes]
    tallies: TallyReading


@dataclass(frozen=True)
class TallySave:
    """All that one micro-batch of a partition changes, to be saved at once or not at all."""

    logs: PurchaseLogs
    experiments: Mapping[str, ExperimentSave]
    offsets: dict[str, int]
    fates: dict[str, int]
    watermark_ms: int


class TallyPartitions:
    """Reads and writes what the group `experiments` owns of partitions."""

    def __init__(self, client: redis.Redis) -> None:
        self._store = PartitionStore(client, keys.EXPERIMENTS_GROUP)

    def claim(self, partition: int) -> Owned:
        """Become the partition's one writer: bump its epoch, and only then read where its state stands."""
        return self._store.claim(partition)

    def verify(self, owned: Sequence[Owned]) -> None:
        """Compare partitions with what their owner knows of them. Raises Fenced or StateMoved."""
        self._store.verify(owned)

    def open(self, owned: Owned, ids: list[str], experiments: Sequence[str], held_by: Ints) -> OpenedTallies:
        """Begin a micro-batch: watch the partition and read, in the same round trip, all that is known of customers.

        `held_by` are positions in `ids` of those whose segments will be asked for. Raises Fenced, StateMoved,
        redis.RedisError.
        """
        partition, holders = owned.partition, [ids[i] for i in held_by.tolist()]
        wanted: list[Command] = []
        if ids:
            wanted.append(("HMGET", keys.purchases(partition), *ids))
            for each in experiments:
                wanted += [("HMGET", keys.exposed(partition, each), *ids), ("HGETALL", keys.tally(partition, each))]
        if holders:
            wanted.append(("HMGET", keys.customers(partition), *holders))
        found = iter(self._store.watch(owned, wanted))
        if not ids:
            return OpenedTallies(PurchaseLogs.unpack([], []), {}, held_by, CustomerBatch.blank([]))
        logs = PurchaseLogs.unpack(ids, next(found))
        states = {
            each: ExperimentState(ExposedCustomers.unpack(next(found)), decode_tallies(as_mapping(next(found))))
            for each in experiments
        }
        records = unpack(holders, next(found)) if holders else CustomerBatch.blank([])
        return OpenedTallies(logs, states, held_by, records)

    def save(self, owned: Owned, save: TallySave) -> None:
        """Write logs, exposed customers, tallies, fates and offsets in one transaction, and move `owned` along.

        Raises Fenced or StateMoved (then nothing was written), redis.RedisError (then nobody knows: claim again).
        """
        self._store.write(owned, self._commands(owned.partition, save))
        owned.offsets, owned.fates, owned.watermark_ms = dict(save.offsets), dict(save.fates), save.watermark_ms

    def _commands(self, partition: int, save: TallySave) -> Iterator[Command]:
        if len(save.logs):
            yield ("HSET", keys.purchases(partition), *_flat(dict(zip(save.logs.ids, save.logs.pack(), strict=True))))
        for each, changed in save.experiments.items():
            if changed.customers:
                yield ("HSET", keys.exposed(partition, each), *_flat(changed.customers))
            fields: dict[str, Any] = {
                cell_field(cell): " ".join(map(str, values)) for cell, values in changed.tallies.cells.items()
            }
            fields |= {LEFT_OUT + reason: count for reason, count in changed.tallies.left_out.items()}
            if fields:
                yield ("HSET", keys.tally(partition, each), *_flat(fields))
        if save.offsets:
            yield ("HSET", keys.offsets(partition, keys.EXPERIMENTS_GROUP), *_flat(save.offsets))
        fates = {**save.fates, "watermark": save.watermark_ms}
        yield ("HSET", keys.fates(partition, keys.EXPERIMENTS_GROUP), *_flat(fates))


def _flat(mapping: Mapping[str, Any]) -> list[Any]:
    return [part for pair in mapping.items() for part in pair]
