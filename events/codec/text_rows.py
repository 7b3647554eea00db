"""Many rows of bytes put together from columns, such as the JSON of thousands of changes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from events.arrays import Ints

try:
    from events.codec.text_splice import Table, spliced
except ImportError:  # not compiled

    class Table:  # type: ignore[no-redef]
        """Texts of which a part chooses one for each row."""

        def __init__(self, texts: list[bytes]) -> None:
            self.texts = texts

    def spliced(n: int, parts: list[Any]) -> list[bytes]:
        """Return n rows of bytes."""
        return [b"".join(row) for row in zip(*[_column(n, part) for part in parts], strict=True)]


__all__ = ["Part", "Table", "build_rows"]

Part = bytes | Sequence[str] | Ints | tuple[Ints, Table]
"""One text for all rows, a text for each, a number from 0 for each, or the position of each row's text in a table."""


def build_rows(n: int, *parts: Part) -> list[bytes]:
    """Return n rows, each its parts one after the other, text as UTF-8.

    >>> build_rows(2, b"at ", ["a", "b"], b": ", np.array([7, 12]), (np.array([1, 0]), Table([b"!", b"?"])))
    [b'at a: 7?', b'at b: 12!']
    """
    return spliced(n, [_plain(part) for part in parts])


def _plain(part: Part) -> Any:
    if isinstance(part, tuple):
        return np.ascontiguousarray(part[0], np.int64), part[1]
    return np.ascontiguousarray(part, np.int64) if isinstance(part, np.ndarray) else part


def _column(n: int, part: Any) -> list[bytes]:
    if isinstance(part, bytes):
        return [part] * n
    if isinstance(part, tuple):
        positions, table = part
        return [table.texts[position] for position in positions.tolist()]
    return [str(value).encode() for value in (part if isinstance(part, list) else part.tolist())]
