"""A purchase log that was read from a file: compact rows, made into orders one at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from events.inputs import Order

__all__ = ["OrderLog"]

Row = TypeVar("Row")


class OrderLog(Generic[Row]):
    """Orders sorted by time. It has a length, and may be iterated more than once.

    Args:
        rows: one for each order, sorted by time.
        build: makes the order of a row.
    """

    def __init__(self, rows: Sequence[Row], build: Callable[[Row], Order]) -> None:
        self._rows = rows
        self._build = build

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Order]:
        return map(self._build, self._rows)
