"""Lists of different lengths, one for each customer, in one flat array."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints

__all__ = ["Ragged", "starts_of"]

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Ragged:
    """The lists of n customers: that of customer i is `values[starts[i]:starts[i + 1]]`.

    `values` is (m,) or (m, width); `starts` (n + 1,) begins with 0 and ends with m.

    >>> lists = Ragged.blank(2).appended(np.array([1, 0, 1]), np.array([7, 8, 9], np.uint64))
    >>> lists.values.tolist(), lists.starts.tolist(), lists.owners.tolist()
    ([8, 7, 9], [0, 1, 3], [0, 1, 1])
    >>> lists.newest(1).values.tolist()
    [8, 9]
    """

    values: Values
    starts: Ints

    @classmethod
    def blank(cls, n: int, width: int = 1) -> "Ragged":
        """Return n empty lists of items of `width` words."""
        return cls(np.empty((0, width) if width > 1 else 0, np.uint64), np.zeros(n + 1, np.int64))

    @classmethod
    def joined(cls, parts: Sequence["Ragged"]) -> "Ragged":
        """Return the lists of all parts, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        ends = np.cumsum([0, *(len(each.values) for each in parts)])
        starts = [each.starts[:-1] + end for each, end in zip(parts, ends.tolist(), strict=False)]
        return cls(np.concatenate([each.values for each in parts]), np.concatenate([*starts, ends[-1:]]))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def lengths(self) -> Ints:
        """How many items each customer has (n,)."""
        return np.diff(self.starts)

    @cached_property
    def owners(self) -> Ints:
        """The customer of each item (m,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def part(self, start: int, end: int) -> "Ragged":
        """Return the lists from customer `start` to before `end`, without copying items."""
        if not len(self.values):
            return Ragged(self.values, self.starts[start : end + 1])
        first, last = self.starts[start], self.starts[end]
        return Ragged(self.values[first:last], self.starts[start : end + 1] - first)

    def take(self, positions: Ints) -> "Ragged":
        """Return the lists of the customers at these positions, in this order."""
        lengths = self.lengths[positions]
        starts = starts_of(lengths)
        source = np.repeat(self.starts[:-1][positions] - starts[:-1], lengths) + np.arange(starts[-1])
        return Ragged(self.values[source], starts)

    def appended(self, owners: Ints, items: Values) -> "Ragged":
        """Return the lists with these items (k,) put behind the lists of their owners (k,), in their order."""
        if not len(items):
            return self
        n = len(self)
        new = np.bincount(owners, minlength=n)
        starts = starts_of(self.lengths + new)
        values = np.empty((int(starts[-1]), *self.values.shape[1:]), self.values.dtype)
        if len(self.values):
            moved = np.arange(len(self.values)) + np.repeat(starts[:-1] - self.starts[:-1], self.lengths)
            _items(values)[moved] = _items(self.values)
        # Sorting numbers of 16 bits is several times as fast.
        order = np.argsort(owners.astype(np.uint16) if n <= 1 << 16 else owners, kind="stable")
        behind = starts[:-1] + self.lengths - np.concatenate([[0], np.cumsum(new)[:-1]])
        _items(values)[np.arange(len(items)) + behind[owners[order]]] = _items(items)[order]
        return Ragged(values, starts)

    def only(self, kept: Flags) -> "Ragged":
        """Return the lists with the items where `kept` (m,) is true."""
        if kept.all():
            return self
        return Ragged(self.values[kept], starts_of(np.bincount(self.owners[kept], minlength=len(self))))

    def newest(self, limit: int) -> "Ragged":
        """Return the last `limit` items of each list."""
        if not len(self) or self.lengths.max() <= limit:
            return self
        from_end = np.repeat(self.starts[1:], self.lengths) - np.arange(len(self.values))
        return self.only(from_end <= limit)


def starts_of(lengths: Ints) -> Ints:
    """Return where each part begins, and the end of the last (n + 1,), from the lengths (n,) of the parts."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _items(values: Values) -> Values:
    """Return values (m, 2) as m items of 16 bytes: numpy moves these several times as fast as rows of two."""
    return values.view(np.complex128)[:, 0] if values.shape[1:] == (2,) else values
