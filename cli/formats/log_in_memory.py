"""A log that was read from a file: compact rows, made into events one at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from events.schema.inputs import Event

__all__ = ["EventLog"]

Row = TypeVar("Row")
E = TypeVar("E", bound=Event)


class EventLog(Generic[Row, E]):
    """Events of one kind, sorted by time. It has a length, and may be iterated more than once.

    Args:
        rows: one for each event, sorted by time.
        build: makes the event of a row.
    """

    def __init__(self, rows: Sequence[Row], build: Callable[[Row], E]) -> None:
        self._rows = rows
        self._build = build

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[E]:
        return map(self._build, self._rows)
