"""What the experiment consumer has tallied, read for reports.

`tally:{p}:<experiment>` is a hash. A field `<variant>/<segment_id>` holds the sums of that cell's customers as whole
decimal numbers separated by spaces, in the order of `experiments.tally.Tally.names()`; a field `left_out:<reason>`
counts what is not in the sums. Partitions add up. New sums are added at the end: a cell that an earlier release has
written is shorter.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, NamedTuple

import redis

from state.store import keys

__all__ = [
    "LEFT_OUT",
    "Cell",
    "TallyReading",
    "TallyStore",
    "add_sums",
    "cell_field",
    "combined_tallies",
    "decode_tallies",
]

Cell = tuple[str, str]
"""A variant and a segment id: `s3`, or what `state.customers.recent_segments` says where no segment is known."""

LEFT_OUT: Final = "left_out:"
"""What a field begins with that counts what was left out."""


class TallyReading(NamedTuple):
    """The sums by variant and segment id, and how many events or customers were left out, by reason.

    `Tally(*values)` of `experiments.tally` reads a cell's sums.
    """

    cells: dict[Cell, tuple[int, ...]]
    left_out: dict[str, int]

    def with_changes(self, changes: "TallyReading") -> "TallyReading":
        """Return this with the cells and counts of `changes` in the place of its own."""
        return TallyReading({**self.cells, **changes.cells}, {**self.left_out, **changes.left_out})


class TallyStore:
    """Reads tallies; only the owner of a partition writes them (`state.experiments.tally_partitions`)."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def read(self, experiment_id: str, partitions: int) -> TallyReading:
        """Return an experiment's tallies over all partitions, in one round trip; empty where nobody was exposed.

        Each partition is as its last micro-batch left it. Raises redis.RedisError.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            for partition in range(partitions):
                pipe.hgetall(keys.tally(partition, experiment_id))
            return combined_tallies(pipe.execute())


def combined_tallies(partitions: Iterable[Mapping[bytes, bytes]]) -> TallyReading:
    """Read the fields of all partitions' hashes, and add them up."""
    cells: dict[Cell, tuple[int, ...]] = {}
    left_out: dict[str, int] = defaultdict(int)
    for part in map(decode_tallies, partitions):
        for cell, values in part.cells.items():
            cells[cell] = add_sums(cells.get(cell, ()), values)
        for reason, count in part.left_out.items():
            left_out[reason] += count
    return TallyReading(cells, dict(left_out))


def add_sums(left: Sequence[int], right: Sequence[int]) -> tuple[int, ...]:
    """Add the sums of a cell; those that an earlier release did not have count as 0.

    >>> add_sums((2, 1), (1, 1, 5))
    (3, 2, 5)
    """
    return tuple(map(sum, zip_longest(left, right, fillvalue=0)))


def cell_field(cell: Cell) -> str:
    """Return the field that holds a cell; names of variants have no slash.

    >>> cell_field(("B", "s3"))
    'B/s3'
    """
    return "/".join(cell)


def decode_tallies(fields: Mapping[bytes, bytes]) -> TallyReading:
    """Read the fields of one partition's hash.

    >>> decode_tallies({b"A/s1": b"2 1", b"left_out:after_window": b"4"})
    TallyReading(cells={('A', 's1'): (2, 1)}, left_out={'after_window': 4})
    """
    reading = TallyReading({}, {})
    for name, value in fields.items():
        field = name.decode()
        if field.startswith(LEFT_OUT):
            reading.left_out[field.removeprefix(LEFT_OUT)] = int(value)
        else:
            variant, _, segment = field.partition("/")
            reading.cells[variant, segment] = tuple(map(int, value.split()))
    return reading
