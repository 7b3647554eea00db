"""What a partition of the experiment consumer owns in Redis: read and written a micro-batch at a time, by one writer.

Fenced as customer records are (`state.partitions.fenced_transactions`): by epoch, revision and offsets of its own
group.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import redis

from events.arrays import Flags, Ints
from state.customers.merged_customers import Departure, departure_commands
from state.customers.records import CustomerBatch, unpack
from state.erasures.erased_customers import read_erased_customers
from state.experiments.enrolments import COMPLETE, Enrolments, rebuild_enrolments
from state.experiments.exposed_customers import ExposedCustomers
from state.experiments.purchase_logs import PurchaseLogs
from state.experiments.tally_store import LEFT_OUT, TallyReading, cell_field, decode_tallies
from state.partitions.fenced_transactions import FencedPartitions
from state.partitions.partition_fence import OwnedPartition, StateMismatch
from state.partitions.partition_store import PartitionStore
from state.store import keys
from state.store.pipelined_connection import Command, as_mapping

__all__ = ["ExperimentState", "ExperimentUpdate", "LoadedTallies", "TallyPartitions", "TallyRequest", "TallyUpdate"]


@dataclass(frozen=True)
class ExperimentState:
    """One experiment in one partition: customers of the batch, and the partition's tallies.

    `members` (m,) are the ascending positions of these customers in the batch: those for whom something may change.
    """

    members: Ints
    customers: ExposedCustomers
    tallies: TallyReading

    def places_of(self, positions: Ints) -> Ints:
        """Return where customers, given by their positions in the batch, are among the members."""
        return np.searchsorted(self.members, positions)


@dataclass(frozen=True)
class LoadedTallies:
    """What is known of a micro-batch's n customers; `experiments` by id, as far as they were read.

    `held_by` (m,) are the positions of those whose customer records (m) were read, for the segments that they held.
    """

    logs: PurchaseLogs
    enrolments: Enrolments
    held_by: Ints
    records: CustomerBatch
    experiments: Mapping[str, ExperimentState] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """The customers."""
        return self.logs.ids

    @property
    def known(self) -> Flags:
        """Who has a purchase log here or was exposed here."""
        return self.logs.known | self.enrolments.known


class TallyRequest(NamedTuple):
    """A partition that is to be watched, and the customers of a micro-batch that are to be read.

    `held_by` are positions in `ids` of those whose segments will be asked for.
    """

    owned: OwnedPartition
    ids: list[str]
    held_by: Ints

    @property
    def holders(self) -> list[str]:
        """The customers whose segments will be asked for."""
        return [self.ids[i] for i in self.held_by.tolist()]


@dataclass(frozen=True)
class ExperimentUpdate:
    """What changes of one experiment: packed customers by id, and the tallies and counts that are new."""

    customers: Mapping[str, bytes]
    tallies: TallyReading

    def then(self, later: "ExperimentUpdate") -> "ExperimentUpdate":
        """Return what changes by this and, after it, by another."""
        return ExperimentUpdate({**self.customers, **later.customers}, self.tallies.with_changes(later.tallies))


@dataclass(frozen=True)
class TallyUpdate:
    """All that one micro-batch of a partition changes, to be saved at once or not at all.

    `enrolments` are by customer the experiments of those who are in more than before. `departures` are customers who
    were merged into others. They leave the lists of all experiments that are `defined`, also of those that are over,
    whose tallies stay.
    """

    logs: PurchaseLogs
    experiments: Mapping[str, ExperimentUpdate]
    offsets: dict[str, int]
    outcome_counts: dict[str, int]
    watermark_ms: int
    enrolments: Mapping[str, bytes] = field(default_factory=dict)
    departures: Sequence[Departure] = ()
    defined: Sequence[str] = ()


class TallyPartitions:
    """Reads and writes what the group `experiments` owns of partitions."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._claims = PartitionStore(client, keys.EXPERIMENTS_GROUP)
        self._fenced = FencedPartitions(client, keys.EXPERIMENTS_GROUP)

    def claim(self, partition: int) -> OwnedPartition:
        """Become the partition's one writer: bump its epoch, and only then read where its state stands."""
        self._fenced.leave(partition)
        owned = self._claims.claim(partition)
        self._complete_enrolments(owned)
        return owned

    def _complete_enrolments(self, owned: OwnedPartition) -> None:
        """Write who is in which experiments where an earlier release did not, or Redis has lost it.

        Raises StateMismatch where another process claims the partition meanwhile.
        """
        store: Any = self._redis
        if store.hexists(keys.enrolled(owned.partition), COMPLETE):
            return
        with store.pipeline(transaction=True) as pipe:
            pipe.watch(keys.epoch(owned.partition, keys.EXPERIMENTS_GROUP))
            commands = list(rebuild_enrolments(self._redis, owned.partition))
            if int(pipe.get(keys.epoch(owned.partition, keys.EXPERIMENTS_GROUP)) or 0) != owned.epoch:
                raise StateMismatch(owned.partition, "its epoch changed while it was claimed")
            pipe.multi()
            for command in commands:
                pipe.execute_command(*command)
            try:
                pipe.execute()
            except redis.WatchError as error:
                raise StateMismatch(owned.partition, "its epoch changed while it was claimed") from error

    def verify(self, owned: Sequence[OwnedPartition]) -> None:
        """Compare partitions with what their owner knows of them. Raises Fenced or StateMismatch."""
        self._fenced.verify(owned)

    def open_all(self, wanted: Sequence[TallyRequest]) -> list[LoadedTallies]:
        """Begin a micro-batch: watch partitions and read what is known of its customers, but for experiments.

        It is one round trip. A partition that another worker has taken over is marked as `fenced`, and nobody is known
        of it. Customers are erased by the owner of the group `segments`, not by this one's: who was, is looked up
        again, and an erasure between this reading and its writing makes the writing fail. Raises StateMismatch,
        redis.RedisError.
        """
        commands = [[("SCARD", keys.erased(each.owned.partition)), *_reading(each)] for each in wanted]
        watched = [_of_customers(each) for each in wanted]
        answers = self._fenced.watch_all([each.owned for each in wanted], commands, watched)
        for each, found in zip(wanted, answers, strict=True):
            if found and found[0] != len(each.owned.erased or ()):
                each.owned.erased = read_erased_customers(self._redis, each.owned.partition)
        return [_opened(each, found[1:]) for each, found in zip(wanted, answers, strict=True)]

    def read_experiments(
        self, opened: Sequence[tuple[OwnedPartition, LoadedTallies, Mapping[str, Ints]]]
    ) -> list[LoadedTallies]:
        """Return opened partitions with experiments: of each, by id, those customers at these ascending positions.

        It is one round trip, and none where nobody is in any. Raises redis.RedisError.
        """
        commands = [_of_experiments(owned.partition, customers.ids, members) for owned, customers, members in opened]
        answers = self._fenced.read_more([owned for owned, _, _ in opened], commands)
        return [
            replace(customers, experiments=_states(members, found[1:])) if found else customers
            for (_, customers, members), found in zip(opened, answers, strict=True)
        ]

    def save_all(self, saves: Sequence[tuple[OwnedPartition, TallyUpdate]]) -> None:
        """Write logs, exposed customers, tallies, outcome counts and offsets, each partition's in one transaction.

        A partition that another worker has taken over is marked as `fenced`, and not written to. Raises StateMismatch
        or redis.RedisError: then some partitions may have been written to, and must be claimed again.
        """
        written = self._fenced.write_all([(owned, self._commands(owned.partition, save)) for owned, save in saves])
        for (owned, save), done in zip(saves, written, strict=True):
            if done:
                owned.offsets, owned.outcome_counts, owned.watermark_ms = (
                    dict(save.offsets),
                    dict(save.outcome_counts),
                    save.watermark_ms,
                )
                owned.merged_customers += len(save.departures)

    def write(self, owned: OwnedPartition, commands: Iterable[Command]) -> None:
        """Carry out a transaction that goes through only while the partition is as its owner knows it.

        Raises Fenced or StateMismatch (then nothing was written), redis.RedisError (then nobody knows: claim again).
        """
        self._fenced.write_all([(owned, commands)])
        if owned.fenced:
            raise owned.fenced

    def handovers(self, partition: int) -> dict[str, bytes]:
        """Return what Kafka has not acknowledged of the customers who left a partition, by their ids."""
        return self._claims.handovers(partition)

    def _commands(self, partition: int, save: TallyUpdate) -> Iterator[Command]:
        if len(save.logs):
            yield ("HSET", keys.purchases(partition), *_flat(dict(zip(save.logs.ids, save.logs.pack(), strict=True))))
        if save.enrolments:
            yield ("HSET", keys.enrolled(partition), *_flat(save.enrolments))
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
        outcome_counts = {**save.outcome_counts, "watermark": save.watermark_ms}
        yield ("HSET", keys.outcome_counts(partition, keys.EXPERIMENTS_GROUP), *_flat(outcome_counts))
        if gone := [each.previous_id for each in save.departures]:
            yield ("HDEL", keys.purchases(partition), *gone)
            yield ("HDEL", keys.enrolled(partition), *gone)
            for name in save.defined:
                yield ("HDEL", keys.exposed(partition, name), *gone)
        yield from departure_commands(partition, keys.EXPERIMENTS_GROUP, save.departures)


def _reading(each: TallyRequest) -> list[Command]:
    partition, ids = each.owned.partition, each.ids
    if not ids:
        return []
    wanted: list[Command] = [
        ("HMGET", keys.purchases(partition), *ids),
        ("HMGET", keys.enrolled(partition), COMPLETE, *ids),
    ]
    return [*wanted, ("HMGET", keys.customers(partition), *each.holders)] if each.holders else wanted


def _of_customers(each: TallyRequest) -> list[str]:
    """Return the keys from which an erasure takes a customer, and the one that remembers it."""
    return [name(each.owned.partition) for name in (keys.erased, keys.purchases, keys.enrolled)]


def _opened(each: TallyRequest, answers: list[Any]) -> LoadedTallies:
    """Read the answers to `_reading`; there are none where nobody was asked for, or the partition is lost."""
    if not answers:
        nobody = [None] * len(each.ids)
        logs, enrolments = PurchaseLogs.unpack(each.ids, nobody), Enrolments.unpack(nobody)
        return LoadedTallies(logs, enrolments, each.held_by, CustomerBatch.blank(each.holders))
    found = iter(answers)
    logs = PurchaseLogs.unpack(each.ids, next(found))
    complete, *values = next(found)
    if complete is None:
        where = keys.enrolled(each.owned.partition)
        raise StateMismatch(each.owned.partition, f"{where} is missing, which says who is in which experiments")
    records = unpack(each.holders, next(found)) if each.holders else CustomerBatch.blank([])
    return LoadedTallies(logs, Enrolments.unpack(values), each.held_by, records)


def _of_experiments(partition: int, ids: Sequence[str], members: Mapping[str, Ints]) -> list[Command]:
    if not members:
        return []
    # As of customers: an erasure between reading and writing makes the writing fail.
    commands: list[Command] = [("WATCH", *(keys.exposed(partition, name) for name in members))]
    for name, positions in members.items():
        asked = [ids[i] for i in positions.tolist()]
        commands += [("HMGET", keys.exposed(partition, name), *asked), ("HGETALL", keys.tally(partition, name))]
    return commands


def _states(members: Mapping[str, Ints], answers: list[Any]) -> dict[str, ExperimentState]:
    found = iter(answers)
    return {
        name: ExperimentState(positions, ExposedCustomers.unpack(next(found)), decode_tallies(as_mapping(next(found))))
        for name, positions in members.items()
    }


def _flat(mapping: Mapping[str, Any]) -> list[Any]:
    return [part for pair in mapping.items() for part in pair]
