"""Columns of bytes: the keys and values of many messages in one buffer, without a Python object for each."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from events.arrays import Ints

__all__ = ["BinaryColumn"]


class BinaryColumn(Sequence[bytes | None]):
    r"""n byte strings, None where there is none.

    `data` (b,) holds them with a zero byte after each, which is what loops over text stop at; where they start in it
    and how long they are is (n,), the length of None is -1.

    >>> column = BinaryColumn.of([b"one", None, b""])
    >>> column[0], column[1], column.take(np.array([2, 0])).tolist(), bytes(column.data)
    (b'one', None, [b'', b'one'], b'one\x00\x00')
    """

    __slots__ = ("data", "lengths", "starts")

    def __init__(self, data: npt.NDArray[np.uint8], starts: Ints, lengths: Ints) -> None:
        self.data, self.starts, self.lengths = data, starts, lengths

    @classmethod
    def of(cls, values: Sequence[bytes | None]) -> "BinaryColumn":
        """Return the values as a column, themselves where they are one already."""
        if isinstance(values, BinaryColumn):
            return values
        present = [value for value in values if value is not None]
        lengths = np.fromiter((-1 if value is None else len(value) for value in values), np.int64, len(values))
        taken = lengths + 1  # with the zero byte; 0 for None
        return cls(np.frombuffer(b"\0".join([*present, b""]), np.uint8), np.cumsum(taken) - taken, lengths)

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, position: int) -> bytes | None: ...

    @overload
    def __getitem__(self, position: slice) -> "BinaryColumn": ...

    def __getitem__(self, position: int | slice) -> "bytes | BinaryColumn | None":
        if isinstance(position, slice):
            return BinaryColumn(self.data, self.starts[position], self.lengths[position])
        start, length = int(self.starts[position]), int(self.lengths[position])
        return None if length < 0 else self.data[start : start + length].tobytes()

    def __iter__(self) -> Iterator[bytes | None]:
        return iter(self.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BinaryColumn) and self.tolist() == other.tolist()

    def take(self, positions: npt.NDArray[Any]) -> "BinaryColumn":
        """Return the values at these positions, or where a mask is true, in the same buffer."""
        return BinaryColumn(self.data, self.starts[positions], self.lengths[positions])

    def tolist(self) -> list[bytes | None]:
        """Return the values as bytes."""
        view = self.data.data
        places = zip(self.starts.tolist(), self.lengths.tolist(), strict=True)
        return [None if length < 0 else bytes(view[start : start + length]) for start, length in places]
