"""Rows that belong together, in the order of the file, with only those in memory that have to wait."""

from collections.abc import Collection, Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["RowGroups"]

R = TypeVar("R")


class RowGroups(Generic[R]):
    """Groups the rows of an id that stand together; those of the ids in `scattered` come at the end.

    Where `single`, every row is a group of its own.

    >>> list(RowGroups({"b"})([("a", 1), ("a", 2), ("b", 3), ("c", 4), ("b", 5)]))
    [[1, 2], [4], [3, 5]]
    """

    def __init__(self, scattered: Collection[str] = (), *, single: bool = False) -> None:
        self._scattered, self._single = scattered, single

    def __call__(self, rows: Iterable[tuple[str, R]]) -> Iterator[list[R]]:
        """Yield the groups of rows that come with their ids; a row without an id is alone."""
        current, group = "", list[R]()
        waiting: dict[str, list[R]] = {}
        for name, row in rows:
            if self._single or not name:
                yield [row]
            elif name in self._scattered:
                waiting.setdefault(name, []).append(row)
            elif name == current:
                group.append(row)
            else:
                if group:
                    yield group
                current, group = name, [row]
        if group:
            yield group
        yield from waiting.values()
