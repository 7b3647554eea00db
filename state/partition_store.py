"""What a partition owns in Redis, read and written a whole micro-batch at a time by its one writer.

Two numbers guard every write. The epoch grows with every worker that takes the partition over; the revision grows with
every write. A writer whose epoch is no longer the partition's has lost it; where epoch or revision are smaller than the
writer knows them, Redis has come back older than it was.

A micro-batch costs two round trips: `open` watches the partition and reads its customers, `save` writes everything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from events.errors import ShoalError
from state import keys
from state.records import CustomerBatch, pack, unpack
from state.round_trip import Command, Line, as_mapping, raise_first
from state.sums import ModelSums

__all__ = ["Fenced", "Owned", "PartitionStore", "Save", "StateMoved"]


class Fenced(ShoalError):
    """Another worker has taken the partition over; what this one has in hand is abandoned."""

    def __init__(self, partition: int, mine: int, found: int) -> None:
        super().__init__(
            f"partition {partition} has epoch {found}; this worker's was {mine}: another worker owns it now"
        )
        self.partition = partition


class StateMoved(ShoalError):
    """Redis is not where this worker left it: it came back older. The partition must be claimed again and replayed."""

    retriable = True

    def __init__(self, partition: int, detail: str) -> None:
        super().__init__(
            f"the state of partition {partition} in Redis moved under its owner ({detail}); claiming it again"
        )
        self.partition = partition


@dataclass
class Owned:
    """What the owner of a partition holds in memory; it equals Redis between two saves.

    `offsets` are the next offsets to read, by topic; `fates` the number of events by `<topic>:<fate>`; `sums` the
    partition's part of the model under baseline number `baseline` (None before the first save), complete once
    `swept` has reached that number; `acknowledged` how many of the oldest changes in the outbox Kafka has, which the
    next save drops; `unsent` whether Kafka did not take some, which a new claim sends again.
    """

    partition: int
    epoch: int
    offsets: dict[str, int]
    revision: int = 0
    fates: dict[str, int] = field(default_factory=dict)
    watermark_ms: int = 0
    baseline: int = 0
    swept: int = 0
    sums: ModelSums | None = None
    acknowledged: int = 0
    unsent: bool = False


@dataclass(frozen=True)
class Save:
    """All that one micro-batch of a partition changes, to be saved at once or not at all.

    `views` are keys of `segment:<customer_id>`, each followed by its value.
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


class PartitionStore:
    """Reads and writes the keys of partitions for one consumer group."""

    def __init__(self, client: redis.Redis, group: str) -> None:
        self._redis: Any = client
        self._group = group
        self._lines: dict[int, Line] = {}

    def claim(self, partition: int) -> Owned:
        """Become the partition's one writer: bump its epoch, and only then read where its state stands."""
        self._leave(partition)
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
        wanted = [("HMGET", keys.customers(owned.partition), *ids)] if ids else []
        found = self.watch(owned, wanted)
        return unpack(ids, found[0]) if ids else CustomerBatch.blank([])

    def scan(self, partition: int, cursor: int, count: int) -> tuple[int, CustomerBatch]:
        """Read about `count` customers from a cursor (0 begins); the cursor returned is 0 at the end."""
        cursor, found = self._redis.hscan(keys.customers(partition), cursor, count=count)
        return int(cursor), unpack([name.decode() for name in found], list(found.values()))

    def size(self, partition: int) -> int:
        """Return the number of customers in the partition."""
        return int(self._redis.hlen(keys.customers(partition)))

    def save(self, owned: Owned, save: Save) -> None:
        """Write records, profiles, sums, fates, offsets, outbox and views in one transaction, and move `owned` along.

        Raises Fenced or StateMoved (then nothing was written), redis.RedisError (then nobody knows: claim again).
        """
        self.write(owned, self._commands(owned, save))
        owned.offsets, owned.fates, owned.watermark_ms = dict(save.offsets), dict(save.fates), save.watermark_ms
        owned.baseline, owned.swept, owned.sums = save.baseline, save.swept, save.sums
        owned.acknowledged = 0

    def _commands(self, owned: Owned, save: Save) -> Iterator[Command]:
        partition = owned.partition
        if len(save.customers):
            items: list[str | bytes] = [b""] * (2 * len(save.customers))
            items[::2], items[1::2] = save.customers.ids, pack(save.customers)
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

    def outbox(self, partition: int, start: int = 0, count: int = 10_000) -> list[bytes]:
        """Return the oldest changes that Kafka has not acknowledged."""
        found: list[bytes] = self._redis.lrange(keys.outbox(partition), start, start + count - 1)
        return found

    def trim(self, owned: Owned, count: int) -> None:
        """Drop the oldest `count` changes of the outbox, guarded as a save is. Raises Fenced or StateMoved."""
        self.write(owned, [("LTRIM", keys.outbox(owned.partition), count, -1)])

    def verify(self, owned: Sequence[Owned]) -> None:
        """Compare partitions with what their owner knows of them, in one round trip. Raises Fenced or StateMoved.

        A partition without events is written to seldom; without this, an older Redis would go unnoticed until then.
        """
        with self._redis.pipeline(transaction=True) as pipe:
            for each in owned:
                pipe.get(keys.epoch(each.partition, self._group))
                pipe.hget(keys.fates(each.partition, self._group), "revision")
                pipe.hgetall(keys.offsets(each.partition, self._group))
            found = pipe.execute()
        for place, each in enumerate(owned):
            check_unmoved(each, *found[3 * place : 3 * place + 3])

    def write(self, owned: Owned, commands: Iterable[Command]) -> None:
        """Carry out a transaction that goes through only while the partition is as its owner knows it.

        Raises Fenced or StateMoved (then nothing was written), redis.RedisError (then nobody knows: claim again).
        """
        if owned.partition not in self._lines:
            self.watch(owned, [])
        counted = ("HSET", keys.fates(owned.partition, self._group), "revision", owned.revision + 1)
        line = self._lines.pop(owned.partition)
        try:
            answers = line.send([("MULTI",), *commands, counted, ("EXEC",)])
        finally:
            line.close()
        done = answers[-1]
        raise_first([*answers[:-1], *(done if isinstance(done, list) else [done])])
        if done is None:
            self.verify([owned])  # says so where another worker has taken over
            raise StateMoved(owned.partition, "its epoch, revision or offsets changed during a save")
        owned.revision += 1

    def watch(self, owned: Owned, wanted: list[Command]) -> list[Any]:
        """Watch a partition, check that it is as its owner knows it, and return the answers to more commands.

        Raises Fenced, StateMoved, redis.RedisError.
        """
        partition = owned.partition
        epoch, fates = keys.epoch(partition, self._group), keys.fates(partition, self._group)
        offsets = keys.offsets(partition, self._group)
        guard: list[Command] = [
            ("WATCH", epoch, fates, offsets),
            *(("GET", epoch), ("HGET", fates, "revision"), ("HGETALL", offsets)),
        ]
        self._leave(partition)
        self._lines[partition] = line = Line(self._redis)
        try:
            answers = line.send([*guard, *wanted])
            raise_first(answers)
            check_unmoved(owned, answers[1], answers[2], as_mapping(answers[3]))
        except BaseException:
            self._leave(partition)
            raise
        return answers[len(guard) :]

    def _leave(self, partition: int) -> None:
        """End what is watched of a partition, if anything is."""
        line = self._lines.pop(partition, None)
        if line is not None:
            line.drop()


def _flat(mapping: Mapping[str, Any]) -> list[Any]:
    return [part for pair in mapping.items() for part in pair]


def check_unmoved(owned: Owned, epoch: bytes | None, revision: bytes | None, offsets: dict[bytes, bytes]) -> None:
    """Compare what Redis says of a partition with what its owner knows. Raises Fenced or StateMoved.

    A smaller epoch than one's own cannot come from another worker: Redis has come back older.
    """
    found = int(epoch or 0)
    if found > owned.epoch:
        raise Fenced(owned.partition, owned.epoch, found)
    if found < owned.epoch:
        raise StateMoved(owned.partition, f"epoch {found} where {owned.epoch} was written")
    if int(revision or 0) != owned.revision:
        raise StateMoved(owned.partition, f"revision {int(revision or 0)} where {owned.revision} was written")
    stored = {topic.decode(): int(offset) for topic, offset in offsets.items()}
    if stored != owned.offsets:
        raise StateMoved(owned.partition, f"offsets {stored} where {owned.offsets} were written")
