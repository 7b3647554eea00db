"""Reads and writes of partitions that go through only while each is as its owner knows it.

A WATCH holds for a connection, so each partition has a connection of its own between its reading and its writing, and
several partitions are waited for at once.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import redis

from state.partitions.partition_fence import Fenced, OwnedPartition, StateMismatch, require_unchanged
from state.store import keys
from state.store.pipelined_connection import Command, PipelinedConnection, as_mapping, raise_first_error

__all__ = ["FencedPartitions"]

_GUARD = 5
_VERIFIED = 4


class FencedPartitions:
    """The connections on which the partitions of one consumer group are watched."""

    def __init__(self, client: redis.Redis, group: str) -> None:
        self._redis: Any = client
        self._group = group
        self._connections: dict[int, PipelinedConnection] = {}

    def write_all(self, writes: Sequence[tuple[OwnedPartition, Iterable[Command]]]) -> list[bool]:
        """Carry out a transaction for each partition, which goes through only while it is as its owner knows it.

        Returns whether each went through; the others are fenced.
        """
        unwatched = [owned for owned, _ in writes if owned.partition not in self._connections]
        self.watch_all(unwatched, [[] for _ in unwatched])
        connections: list[tuple[OwnedPartition, PipelinedConnection]] = []
        try:
            for owned, commands in writes:
                if owned.fenced is None:
                    counted = (
                        "HSET",
                        keys.outcome_counts(owned.partition, self._group),
                        "revision",
                        owned.revision + 1,
                    )
                    connections.append((owned, self._connections[owned.partition]))
                    connections[-1][1].send([("MULTI",), *commands, counted, ("EXEC",)])
            answers = [connection.read_replies() for _, connection in connections]
        except BaseException:
            for owned, _ in writes:
                self.leave(owned.partition)
            raise
        for owned, connection in connections:
            del self._connections[owned.partition]
            connection.release()
        for (owned, _), answer in zip(connections, answers, strict=True):
            self._check_done(owned, answer)
        return [owned.fenced is None for owned, _ in writes]

    def _check_done(self, owned: OwnedPartition, answers: list[Any]) -> None:
        """Take note of what became of a transaction. Raises StateMismatch, redis.RedisError."""
        done = answers[-1]
        raise_first_error([*answers[:-1], *(done if isinstance(done, list) else [done])])
        if done is not None:
            owned.revision += 1
            return
        try:
            self.verify([owned])  # says so where another worker has taken over
        except Fenced as error:
            owned.fenced = error
        else:
            raise StateMismatch(owned.partition, "its epoch, revision or offsets changed during a save")

    def watch_all(
        self,
        partitions: Sequence[OwnedPartition],
        wanted: Sequence[list[Command]],
        also: Sequence[Sequence[str]] | None = None,
    ) -> list[list[Any]]:
        """Watch partitions, check that each is as its owner knows it, and return the answers to more commands of each.

        `also` are more keys of each that nobody else may change meanwhile. A partition that another worker has taken
        over is marked as `fenced`, and has no answers.
        """
        found: list[list[Any]] = []
        try:
            for owned, commands, more in zip(partitions, wanted, also or [()] * len(partitions), strict=True):
                self.leave(owned.partition)
                self._connections[owned.partition] = connection = PipelinedConnection(self._redis)
                connection.send([*self._guard(owned, more), *commands])
            for owned in partitions:
                answers = self._connections[owned.partition].read_replies()
                raise_first_error(answers)
                found.append(answers[_GUARD:] if _unfenced(owned, answers) else [])
        except BaseException:
            for owned in partitions:
                self.leave(owned.partition)
            raise
        for owned in partitions:
            if owned.fenced:
                self.leave(owned.partition)
        return found

    def read_more(self, partitions: Sequence[OwnedPartition], wanted: Sequence[Sequence[Command]]) -> list[list[Any]]:
        """Return the answers to more commands of partitions that are watched; there are none of those that are fenced.

        Raises redis.RedisError: then none of them is watched any more.
        """
        asked = [bool(commands) and owned.fenced is None for owned, commands in zip(partitions, wanted, strict=True)]
        try:
            for owned, commands, is_asked in zip(partitions, wanted, asked, strict=True):
                if is_asked:
                    self._connections[owned.partition].send(commands)
            found = [
                self._connections[owned.partition].read_replies() if is_asked else []
                for owned, is_asked in zip(partitions, asked, strict=True)
            ]
            for answers in found:
                raise_first_error(answers)
        except BaseException:
            for owned in partitions:
                self.leave(owned.partition)
            raise
        return found

    def _guard(self, owned: OwnedPartition, more: Sequence[str]) -> list[Command]:
        partition, customers = owned.partition, keys.customers(owned.partition)
        epoch, outcome_counts = keys.epoch(partition, self._group), keys.outcome_counts(partition, self._group)
        offsets = keys.offsets(partition, self._group)
        written = () if owned.customers is None else (customers,)  # by this group
        return [
            ("WATCH", epoch, outcome_counts, offsets, *written, *more),
            ("GET", epoch),
            ("HGET", outcome_counts, "revision"),
            ("HGETALL", offsets),
            ("HLEN", customers),
        ]

    def verify(self, owned: Sequence[OwnedPartition]) -> None:
        """Compare partitions with what their owner knows of them, in one round trip. Raises Fenced or StateMismatch.

        A partition without events is written to seldom; without this, an older Redis would go unnoticed until then.
        """
        with self._redis.pipeline(transaction=True) as pipe:
            for each in owned:
                pipe.get(keys.epoch(each.partition, self._group))
                pipe.hget(keys.outcome_counts(each.partition, self._group), "revision")
                pipe.hgetall(keys.offsets(each.partition, self._group))
                pipe.hlen(keys.customers(each.partition))
            found = pipe.execute()
        for position, each in enumerate(owned):
            require_unchanged(each, *found[_VERIFIED * position : _VERIFIED * (position + 1)])

    def leave(self, partition: int) -> None:
        """End what is watched of a partition, if anything is."""
        connection = self._connections.pop(partition, None)
        if connection is not None:
            connection.disconnect()


def _unfenced(owned: OwnedPartition, answers: list[Any]) -> bool:
    """Return whether the partition is still its owner's, from the answers to the guard. Raises StateMismatch."""
    try:
        require_unchanged(owned, answers[1], answers[2], as_mapping(answers[3]), int(answers[4]))
    except Fenced as error:
        owned.fenced = error
    return owned.fenced is None
