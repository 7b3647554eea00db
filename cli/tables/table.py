"""What every table is: named columns, and chunks of rows that know their place in the file."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from events.arrays import Ints

__all__ = ["CHUNK_ROWS", "Chunk", "Fault", "Table", "distinct_names", "in_chunks", "make_chunk"]

CHUNK_ROWS: Final = 10_000
"""Rows in memory at a time."""


@dataclass(frozen=True)
class Fault:
    """A row that could not be read as cells of the columns, and why."""

    row: int
    reason: str
    text: str = ""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table.

    A cell of `cells` is text, or what a typed file holds (number, bool, datetime, list); None where there is nothing.
    `rows` (n,) are the numbers that a spreadsheet shows: the line of the header counts.
    """

    cells: pd.DataFrame
    rows: Ints
    faults: Sequence[Fault] = ()


@dataclass
class Table(ABC):
    """A table that can be read as often as wanted, a chunk at a time.

    `notes` say for people how it is read: encoding, delimiter, sheet. `share_read` is from 0 to 1, None if not known.
    """

    name: str
    columns: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    share_read: float | None = None

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows from the beginning. Raises FileInvalid for a file that is not of its format."""


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return the names of columns, each once: the second Total is called Total#2; a column without one by its place.

    >>> distinct_names(["Id", "Total", " Total ", ""])
    ['Id', 'Total', 'Total#2', 'column 4']
    """
    seen: dict[str, int] = {}
    found = []
    for place, name in enumerate(names, 1):
        plain = name.strip() or f"column {place}"
        seen[plain] = seen.get(plain, 0) + 1
        found.append(plain if seen[plain] == 1 else f"{plain}#{seen[plain]}")
    return found


def make_chunk(
    columns: Sequence[str], cells: Sequence[Sequence[Any]], rows: Sequence[int], faults: Sequence[Fault] = ()
) -> Chunk:
    """Return a chunk of rows that are lists of cells in the order of the columns."""
    array = np.empty((len(cells), len(columns)), object)
    for place, row in enumerate(cells):
        array[place, :] = row
    return Chunk(pd.DataFrame(array, columns=list(columns), dtype=object), np.asarray(rows, np.int64), faults)


def in_chunks(columns: Sequence[str], records: Iterable[tuple[int, Sequence[Any] | Fault]]) -> Iterator[Chunk]:
    """Yield records, each a row's number with its cells or what is wrong with it, `CHUNK_ROWS` at a time."""
    cells: list[Sequence[Any]] = []
    rows: list[int] = []
    faults: list[Fault] = []
    for row, found in records:
        if isinstance(found, Fault):
            faults.append(found)
        else:
            cells.append(found)
            rows.append(row)
        if len(rows) + len(faults) >= CHUNK_ROWS:
            yield make_chunk(columns, cells, rows, faults)
            cells, rows, faults = [], [], []
    if rows or faults:
        yield make_chunk(columns, cells, rows, faults)
