"""All customers of a partition, a chunk at a time."""

from dataclasses import dataclass
from typing import Any

import redis

from state.customers.records import CustomerBatch, unpack
from state.partitions.partition_fence import OwnedPartition
from state.store import keys
from state.store.pipelined_connection import PipelinedConnection, raise_first_error

__all__ = ["PrefetchingScan", "scan"]


def scan(client: redis.Redis, partition: int, cursor: int, count: int) -> tuple[int, CustomerBatch]:
    """Read about `count` customers from a cursor (0 begins); the cursor returned is 0 at the end."""
    connection = PipelinedConnection(client)  # the client's own HSCAN costs twice as much
    try:
        (answer,) = connection.execute([_command(partition, cursor, count)])
    finally:
        connection.release()
    raise_first_error([answer])
    return _customers(answer)


@dataclass(frozen=True)
class _Prefetch:
    """A chunk that was asked for before it was wanted, of a partition as it was then."""

    connection: PipelinedConnection
    position: tuple[int, int, int, int, int]


class PrefetchingScan:
    """Reads chunks for one partition's owner, and asks Redis for the next while this one is being looked at.

    What was asked for ahead holds only as long as nothing was written to the partition, which its revision tells:
    Redis may show a customer twice, and the second time with what was there before the first was written. So after a
    write the chunk is asked for again, and nothing is asked for ahead until a chunk went by without one.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._prefetch: _Prefetch | None = None
        self._seen: tuple[int, int, int] | None = None

    def read(self, owned: OwnedPartition, cursor: int, count: int) -> tuple[int, CustomerBatch]:
        """Read as `scan` does."""
        quiet, self._seen = self._seen == (state := _state(owned)), state
        connection = self._prefetched_connection((*state, cursor, count))
        try:
            if connection is None:
                connection = PipelinedConnection(self._redis)
                connection.send([_command(owned.partition, cursor, count)])
            (answer,) = connection.read_replies()
            raise_first_error([answer])
            if quiet and (following := int(answer[0])):
                connection.send([_command(owned.partition, following, count)])
                self._prefetch = _Prefetch(connection, (*state, following, count))
            else:
                connection.release()
        except BaseException:
            if connection is not None:
                connection.disconnect()
            raise
        return _customers(answer)

    def _prefetched_connection(self, position: tuple[int, int, int, int, int]) -> PipelinedConnection | None:
        """Return the connection that this chunk was requested on, or None; one of another chunk is closed."""
        asked, self._prefetch = self._prefetch, None
        if asked is not None and asked.position != position:
            asked.connection.disconnect()
            return None
        return None if asked is None else asked.connection


def _state(owned: OwnedPartition) -> tuple[int, int, int]:
    return owned.partition, owned.epoch, owned.revision


def _command(partition: int, cursor: int, count: int) -> tuple[str | int, ...]:
    return "HSCAN", keys.customers(partition), cursor, "COUNT", count


def _customers(answer: Any) -> tuple[int, CustomerBatch]:
    found = dict(zip(answer[1][::2], answer[1][1::2], strict=True))  # Redis may give a customer twice
    return int(answer[0]), unpack(list(map(bytes.decode, found)), list(found.values()))
