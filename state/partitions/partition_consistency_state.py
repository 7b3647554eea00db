"""What Redis holds of a partition for a consumer group, as far as its parts can be held against each other."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import redis

from state.store import keys

__all__ = ["StoredState", "note_logs", "read_logs", "read_stored_states"]

_RECORDS: Final = {keys.SEGMENTS_GROUP: keys.customers, keys.EXPERIMENTS_GROUP: keys.purchases}


class StoredState(NamedTuple):
    """The parts of a partition's state, all as they were at one moment.

    `offsets` are the next offsets by full topic name, `events` how many were counted by topic (name without prefix),
    `revision` is 0 where nothing was ever written. `records` are there, where `customers` were saved (None: not
    counted). `logs` says by full topic name which log the offsets belong to.
    """

    partition: int
    group: str
    offsets: dict[str, int]
    events: dict[str, int]
    revision: int
    records: int
    customers: int | None
    logs: dict[str, str]

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all."""
        return not (self.offsets or self.revision or self.records)


def read_stored_states(client: redis.Redis, partitions: Iterable[int], group: str) -> list[StoredState]:
    """Read partitions, each at one moment, in one round trip."""
    store: Any = client
    wanted = list(partitions)
    with store.pipeline(transaction=True) as pipe:
        for partition in wanted:
            pipe.hgetall(keys.offsets(partition, group))
            pipe.hgetall(keys.outcome_counts(partition, group))
            pipe.hlen(_RECORDS[group](partition))
            pipe.hgetall(keys.logs(partition, group))
        found = iter(pipe.execute())
    parts = list(zip(found, found, found, found, strict=True))
    return [_stored(partition, group, *part) for partition, part in zip(wanted, parts, strict=True)]


def _stored(
    partition: int,
    group: str,
    offsets: dict[bytes, bytes],
    outcome_counts: dict[bytes, bytes],
    records: int,
    logs: dict[bytes, bytes],
) -> StoredState:
    counts = {name.decode(): int(value) for name, value in outcome_counts.items()}
    events: Counter[str] = Counter()
    for name, count in counts.items():
        topic, separator, _ = name.partition(":")
        if separator:
            events[topic] += count  # what another partition sent on is balanced by a negative count
    return StoredState(
        partition,
        group,
        {topic.decode(): int(offset) for topic, offset in offsets.items()},
        {topic: count for topic, count in events.items() if count > 0},
        counts.get("revision", 0),
        records,
        counts.get("customers"),
        {topic.decode(): log.decode() for topic, log in logs.items()},
    )


def read_logs(client: redis.Redis, partitions: Iterable[int], group: str) -> dict[int, dict[str, str]]:
    """Return by partition which logs, by full topic name, its offsets belong to."""
    store: Any = client
    wanted = list(partitions)
    with store.pipeline(transaction=False) as pipe:
        for partition in wanted:
            pipe.hgetall(keys.logs(partition, group))
        found = pipe.execute()
    return {
        partition: {topic.decode(): log.decode() for topic, log in logs.items()}
        for partition, logs in zip(wanted, found, strict=True)
    }


def note_logs(client: redis.Redis, partition: int, group: str, logs: Mapping[str, str]) -> None:
    """Write which logs, by full topic name, the offsets of a partition belong to from now on."""
    if logs:
        store: Any = client
        store.hset(keys.logs(partition, group), mapping=dict(logs))
