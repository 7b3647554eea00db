"""The bytes of customer records: rows as 64-bit words, without the parts in which nothing has happened.

Version 3 of a record is a whole number of little-endian 64-bit words: the words of the customer's row (`RECORD`, 27
words) that are stored, then the hashes of its recent events. The first word holds the version (8 bits), the sections
that follow the orders (8 bits), and the row's first word (cluster, segment and the low half of the baseline). So a
customer who has only ever ordered takes nine words instead of 27, and thousands of records are read and written with
a few array operations. A row that does not fit this way (a baseline above 65,535) is stored whole.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from events.arrays import Ints

try:
    from state.customers.record_words import Words as _Compiled
except ImportError:
    _Compiled = None  # type: ignore[assignment, misc]

__all__ = ["VERSION", "WordsUnreadable", "pack_words", "unknown_version", "unpack_words"]

Words = npt.NDArray[np.uint64]

VERSION: Final = 3
_READABLE: Final = (1, 2, VERSION)
ROW_WORDS: Final = 27
_ALWAYS: Final = [0, 1, 2, 3, 4, 5, 7, 10, 11]
"""Words of the segmentation, of the orders that were placed and of the decayed sums."""
_SECTIONS: Final = {1: [6, 8, 9], 2: list(range(12, 18)), 4: list(range(18, 24)), 16: list(range(24, 27))}
"""Words by section: of cancellations and refunds, of web sessions, of the profile, of earlier segments."""
_EARLIER_WHOLE: Final = 8
"""Rows stored whole before there was a section of earlier segments: still read."""
_WHOLE: Final = 32
_COLUMNS: Final = {
    kind: _ALWAYS + [word for section, words in _SECTIONS.items() if kind & section for word in words]
    for kind in (*range(8), *range(16, 24))
}
_WHOLE_WORDS: Final = {_EARLIER_WHOLE: 24, _WHOLE: ROW_WORDS}
_HEAD_WORDS: Final = np.array(
    [1 + _WHOLE_WORDS[kind] if kind in _WHOLE_WORDS else len(_COLUMNS.get(kind, ())) for kind in range(_WHOLE + 1)]
)
_16, _48, _BYTE = np.uint64(16), np.uint64(48), np.uint64(0xFF)


class WordsUnreadable(ValueError):
    """A value that is no record of this version, and its position among those that were read."""

    def __init__(self, position: int, detail: str) -> None:
        super().__init__(detail)
        self.position = position


def pack_words(rows: Words, blank: Words, recent: Words, starts: Ints) -> list[bytes]:
    """Return the bytes of each record, from rows (n, 27), the row of nobody (27,), and the ragged recent hashes."""
    if _compiled is not None:
        return _compiled.pack(rows, blank, recent, starts)
    sections = np.zeros(len(rows), np.int64)
    for section, words in _SECTIONS.items():
        happened = np.zeros(len(rows), np.bool_)
        for word in words:  # column by column: `any` along rows of six is several times slower
            happened |= rows[:, word] != blank[word]
        sections += np.where(happened, section, 0)
    sections[(rows[:, 0] >> _48) != 0] = _WHOLE
    hashes = np.diff(starts)
    heads = _HEAD_WORDS[sections]
    ends = np.cumsum(heads + hashes)
    begins = ends - heads - hashes
    flat = np.empty(int(ends[-1]) if len(ends) else 0, "<u8")
    for kind in np.flatnonzero(np.bincount(sections)).tolist():
        members = np.flatnonzero(sections == kind)
        alike = len(members) == len(rows)
        head, positions = _head(rows if alike else rows[members], kind), begins[members]
        for column in range(head.shape[1]):
            flat[positions + column] = head[:, column]
    flat[np.arange(len(recent)) + np.repeat(begins + heads - starts[:-1], hashes)] = recent
    data = flat.tobytes()
    return [data[a:b] for a, b in pairwise([0, *(ends * 8).tolist()])]


def unpack_words(values: Sequence[bytes], rows: Words, positions: Ints) -> tuple[Words, Ints]:
    """Read records into rows (n, 27) of nobody at these positions; return the hashes of all, and how many each has.

    Raises WordsUnreadable.
    """
    quick = None if _compiled is None else _compiled.unpack(list(values), rows, positions)
    if quick is not None:  # else there is something wrong, and what comes now says what
        return quick
    flat = np.frombuffer(b"".join(values), "<u8")
    lengths = np.fromiter(map(len, values), np.int64, len(values)) // 8
    begins = np.cumsum(lengths) - lengths
    marks = flat[begins]
    versions = marks & _BYTE
    if (versions != VERSION).any():
        position = int(np.argmax(versions != VERSION))
        raise WordsUnreadable(position, unknown_version(int(versions[position])))
    sections = ((marks >> np.uint64(8)) & _BYTE).astype(np.int64)
    known = _HEAD_WORDS[np.minimum(sections, _WHOLE)] > 0
    if (sections > _WHOLE).any() or not known.all():
        position = int(np.argmax((sections > _WHOLE) | ~known))
        raise WordsUnreadable(
            position, f"has the sections {int(sections[position]):#x}; was it written by a newer release?"
        )
    heads = _HEAD_WORDS[sections]
    if (lengths < heads).any():
        position = int(np.argmax(lengths < heads))
        raise WordsUnreadable(position, f"of version {VERSION} is shorter than {int(heads[position]) * 8} bytes")
    is_hash = np.ones(len(flat), np.bool_)
    for kind in np.flatnonzero(np.bincount(sections)).tolist():
        members = np.flatnonzero(sections == kind)
        _read_heads(flat, begins[members], kind, rows, positions[members])
        for column in range(_HEAD_WORDS[kind]):
            is_hash[begins[members] + column] = False
    return flat[is_hash].astype(np.uint64, copy=False), lengths - heads


def unknown_version(version: int) -> str:
    """Say that a record has a version that this release does not know."""
    return f"has version {version}, this release reads {list(_READABLE)}; was Redis written by a newer release?"


def _head(rows: Words, kind: int) -> Words:
    mark = np.uint64(VERSION | kind << 8)
    if kind == _WHOLE:
        return np.hstack([np.full((len(rows), 1), mark), rows])
    head = rows[:, _COLUMNS[kind]]
    head[:, 0] = (head[:, 0] << _16) | mark
    return head


def _read_heads(flat: Words, begins: Ints, kind: int, rows: Words, positions: Ints) -> None:
    """Copy the heads of one kind, word by word, into the rows of their customers."""
    if kind in _WHOLE_WORDS:
        for word in range(_WHOLE_WORDS[kind]):
            rows[positions, word] = flat[begins + 1 + word]
        return
    for position, word in enumerate(_COLUMNS[kind]):
        rows[positions, word] = flat[begins + position]
    rows[positions, 0] >>= _16


def _compile() -> "_Compiled | None":
    """Return the compiled loops, if there are any, with the tables that they work by."""
    if _Compiled is None:
        return None
    columns = np.zeros((_WHOLE + 1, ROW_WORDS), np.int64)
    counts, marked, sections = (np.zeros(size, np.int64) for size in (_WHOLE + 1, _WHOLE + 1, ROW_WORDS))
    for kind, words in {**_COLUMNS, **{kind: list(range(count)) for kind, count in _WHOLE_WORDS.items()}}.items():
        columns[kind, : len(words)], counts[kind] = words, len(words)
    marked[list(_WHOLE_WORDS)] = 1
    for section, words in _SECTIONS.items():
        sections[words] = section
    return _Compiled(columns, counts, marked, sections, VERSION)


_compiled = _compile()
