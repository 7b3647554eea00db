"""All customers of a partition, a chunk at a time."""

from dataclasses import dataclass
from typing import Any

import redis

from state.customers.records import CustomerBatch, unpack
from state.partitions.owned_partition import Owned
from state.store import keys
from state.store.round_trip import Line, raise_first

__all__ = ["ScanAhead", "scan"]


def scan(client: redis.Redis, partition: int, cursor: int, count: int) -> tuple[int, CustomerBatch]:
    """Read about `count` customers from a cursor (0 begins); the cursor returned is 0 at the end."""
    line = Line(client)  # the client's own HSCAN costs twice as much
    try:
        (answer,) = line.send([_command(partition, cursor, count)])
    finally:
        line.close()
    raise_first([answer])
    return _customers(answer)


@dataclass(frozen=True)
class _Asked:
    """A chunk that was asked for before it was wanted, of a partition as it was then."""

    line: Line
    place: tuple[int, int, int, int, int]


class ScanAhead:
    """Reads chunks for one partition's owner, and asks Redis for the next while this one is being looked at.

    What was asked for ahead holds only as long as nothing was written to the partition, which its revision tells:
    Redis may show a customer twice, and the second time with what was there before the first was written. So after a
    write the chunk is asked for again, and nothing is asked for ahead until a chunk went by without one.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._asked: _Asked | None = None
        self._seen: tuple[int, int, int] | None = None

    def read(self, owned: Owned, cursor: int, count: int) -> tuple[int, CustomerBatch]:
        """Read as `scan` does."""
        quiet, self._seen = self._seen == (state := _state(owned)), state
        line = self._asked_line((*state, cursor, count))
        try:
            if line is None:
                line = Line(self._redis)
                line.post([_command(owned.partition, cursor, count)])
            (answer,) = line.answers()
            raise_first([answer])
            if quiet and (following := int(answer[0])):
                line.post([_command(owned.partition, following, count)])
                self._asked = _Asked(line, (*state, following, count))
            else:
                line.close()
        except BaseException:
            if line is not None:
                line.drop()
            raise
        return _customers(answer)

    def _asked_line(self, place: tuple[int, int, int, int, int]) -> Line | None:
        """Return the line on which this chunk's answer will come, if it was asked for; what else was is dropped."""
        asked, self._asked = self._asked, None
        if asked is not None and asked.place != place:
            asked.line.drop()
            return None
        return None if asked is None else asked.line


def _state(owned: Owned) -> tuple[int, int, int]:
    return owned.partition, owned.epoch, owned.revision


def _command(partition: int, cursor: int, count: int) -> tuple[str | int, ...]:
    return "HSCAN", keys.customers(partition), cursor, "COUNT", count


def _customers(answer: Any) -> tuple[int, CustomerBatch]:
    found = dict(zip(answer[1][::2], answer[1][1::2], strict=True))  # Redis may give a customer twice
    return int(answer[0]), unpack(list(map(bytes.decode, found)), list(found.values()))
