"""The bytes of customer records: rows as 64-bit words, without the parts in which nothing has happened.

Version 4 of a record is a whole number of little-endian 64-bit words: the words of the customer's row (`RECORD`, 29
words) that are stored, a word with four counts of 16 bits, then the customer's lists (`LIST_WIDTHS`): orders, what was
taken back of orders, web sessions, remembered hashes. The first word holds the version (8 bits), the sections of the
row that are stored (8 bits), and the row's first word (cluster, segment and the low half of the baseline). So the row
of a customer who has only ever ordered takes nine words instead of 29, and thousands of records are read and written
with a few array operations. A row that does not fit this way (a baseline above 65,535) is stored whole.

Version 3 had no counts: behind the row came remembered hashes only.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints
from state.customers.order_entries import ORDER_WORDS, RETURN_WORDS
from state.customers.ragged import Ragged
from state.customers.session_entries import SESSION_WORDS

try:
    from state.customers.record_words import Words as _Compiled
except ImportError:
    _Compiled = None  # type: ignore[assignment, misc]

__all__ = ["LIST_WIDTHS", "VERSION", "WordsUnreadable", "pack_words", "unknown_version", "unpack_words"]

Words = npt.NDArray[np.uint64]

VERSION: Final = 4
_WITHOUT_COUNTS: Final = 3
_READABLE: Final = (1, 2, _WITHOUT_COUNTS, VERSION)
ROW_WORDS: Final = 29
LIST_WIDTHS: Final = (ORDER_WORDS, RETURN_WORDS, SESSION_WORDS, 1)
"""Words of an item of each of a customer's lists."""
_ALWAYS: Final = [0, 1, 2, 3, 4, 5, 7, 10, 11]
"""Words of the segmentation, of the orders that were placed and of the decayed sums."""
_SECTIONS: Final = {
    1: [6, 8, 9],
    2: list(range(12, 18)),
    4: list(range(18, 24)),
    16: list(range(24, 27)),
    64: list(range(27, 29)),
}
"""Words by section: of cancellations and refunds, web sessions, the profile, earlier segments, credit notes."""
_WHOLE: Final = 128
_WHOLE_WORDS: Final = {8: 24, 32: 27, _WHOLE: ROW_WORDS}
"""Rows stored whole; those of before there were earlier segments, and credit notes, are still read."""
_KINDS: Final = [kind for kind in range(128) if kind & ~sum(_SECTIONS) == 0]
_COLUMNS: Final = {
    kind: _ALWAYS + [word for section, words in _SECTIONS.items() if kind & section for word in words]
    for kind in _KINDS
}
_HEAD_WORDS: Final = np.array(
    [1 + _WHOLE_WORDS[kind] if kind in _WHOLE_WORDS else len(_COLUMNS.get(kind, ())) for kind in range(_WHOLE + 1)]
)
_COUNT_BITS: Final = 16
_16, _48, _BYTE = np.uint64(16), np.uint64(48), np.uint64(0xFF)


class WordsUnreadable(ValueError):
    """A value that is no record of this version, and its position among those that were read."""

    def __init__(self, position: int, detail: str) -> None:
        super().__init__(detail)
        self.position = position


def pack_words(rows: Words, blank: Words, lists: Sequence[Ragged]) -> list[bytes]:
    """Return the bytes of each record, from rows (n, 29), the row of nobody (29,), and the customers' lists."""
    if _compiled is not None:
        return _compiled.pack(rows, blank, [(each.values.reshape(-1), each.starts) for each in lists])
    kinds = _kinds(rows, blank)
    heads = _HEAD_WORDS[kinds]
    lengths = [each.lengths * width for each, width in zip(lists, LIST_WIDTHS, strict=True)]
    ends = np.cumsum(heads + 1 + sum(lengths))
    begins = ends - heads - 1 - sum(lengths)
    flat = np.empty(int(ends[-1]) if len(ends) else 0, "<u8")
    for kind in np.flatnonzero(np.bincount(kinds)).tolist():
        members = np.flatnonzero(kinds == kind)
        head, places = _head(rows[members], kind), begins[members]
        for column in range(head.shape[1]):
            flat[places + column] = head[:, column]
    at = begins + heads
    flat[at] = _counts([each.lengths for each in lists])
    at = at + 1
    for each, length in zip(lists, lengths, strict=True):
        flat[_spread(at, length)] = each.values.reshape(-1)
        at = at + length
    data = flat.tobytes()
    return [data[a:b] for a, b in pairwise([0, *(ends * 8).tolist()])]


def unpack_words(values: Sequence[bytes], rows: Words, positions: Ints) -> list[Ragged]:
    """Read records into rows (n, 29) of nobody at these positions; return the lists of all n customers.

    Raises WordsUnreadable.
    """
    quick = None if _compiled is None else _compiled.unpack(list(values), rows, positions)
    if quick is None:  # nothing is compiled, a record is of the version before, or wrong: what comes now says how
        values = [_with_counts(value) if value[0] == _WITHOUT_COUNTS else value for value in values]
        quick = _unpack(values, rows, positions)
    lists = []
    for (items, counts), width in zip(quick, LIST_WIDTHS, strict=True):
        lengths = np.zeros(len(rows), np.int64)
        lengths[positions] = counts
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        lists.append(Ragged(items.reshape(-1, width) if width > 1 else items, starts))
    return lists


def _unpack(values: Sequence[bytes], rows: Words, positions: Ints) -> list[tuple[Words, Ints]]:
    flat = np.frombuffer(b"".join(values), "<u8").astype(np.uint64)
    sizes = np.fromiter(map(len, values), np.int64, len(values)) // 8
    begins = np.cumsum(sizes) - sizes
    kinds = _checked_kinds(flat[begins])
    heads = _HEAD_WORDS[kinds]
    _refuse(sizes < heads + 1, lambda i: f"of version {VERSION} is shorter than {int(heads[i] + 1) * 8} bytes")
    for kind in np.flatnonzero(np.bincount(kinds)).tolist():
        members = np.flatnonzero(kinds == kind)
        _read_heads(flat, begins[members], kind, rows, positions[members])
    at = begins + heads
    words = flat[at]
    counts = [
        (words >> np.uint64(_COUNT_BITS * i) & np.uint64(0xFFFF)).astype(np.int64) for i in range(len(LIST_WIDTHS))
    ]
    lengths = [count * width for count, width in zip(counts, LIST_WIDTHS, strict=True)]
    _refuse(
        sizes != heads + 1 + sum(lengths),
        lambda i: f"has {int(sizes[i]) * 8} bytes where its counts say {int(heads[i] + 1 + sum(lengths)[i]) * 8}",
    )
    at = at + 1
    found = []
    for count, length in zip(counts, lengths, strict=True):
        found.append((flat[_spread(at, length)], count))
        at = at + length
    return found


def _checked_kinds(marks: Words) -> Ints:
    versions = marks & _BYTE
    _refuse(versions != VERSION, lambda i: unknown_version(int(versions[i])))
    kinds = ((marks >> np.uint64(8)) & _BYTE).astype(np.int64)
    known = (kinds <= _WHOLE) & (_HEAD_WORDS[np.minimum(kinds, _WHOLE)] > 0)
    _refuse(~known, lambda i: f"has the sections {int(kinds[i]):#x}; was it written by a newer release?")
    return kinds


def _refuse(bad: Flags, reason: Callable[[int], str]) -> None:
    if bad.any():
        place = int(np.argmax(bad))
        raise WordsUnreadable(place, reason(place))


def _spread(begins: Ints, lengths: Ints) -> Ints:
    """Return the places begins[i], begins[i] + 1, … of all i, `lengths[i]` of each."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(begins - ends + lengths, lengths)


def _kinds(rows: Words, blank: Words) -> Ints:
    kinds = np.zeros(len(rows), np.int64)
    for section, words in _SECTIONS.items():
        happened = np.zeros(len(rows), np.bool_)
        for word in words:  # column by column: `any` along rows of six is several times slower
            happened |= rows[:, word] != blank[word]
        kinds += np.where(happened, section, 0)
    kinds[(rows[:, 0] >> _48) != 0] = _WHOLE
    return kinds


def _counts(lengths: Sequence[Ints]) -> Words:
    words = np.zeros(len(lengths[0]), np.uint64)
    for i, each in enumerate(lengths):
        words |= each.astype(np.uint64) << np.uint64(_COUNT_BITS * i)
    return words


def _with_counts(value: bytes) -> bytes:
    """Return a record of version 3 as one of version 4: its hashes with their count before them."""
    head = 8 * int(_HEAD_WORDS[value[1]]) if len(value) > 1 and value[1] <= _WHOLE else 0
    if not head or len(value) < head:
        return bytes([VERSION]) + value[1:]
    count = (len(value) - head) // 8 << 3 * _COUNT_BITS
    return bytes([VERSION]) + value[1:head] + count.to_bytes(8, "little") + value[head:]


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
    return _Compiled(columns, counts, marked, sections, np.array(LIST_WIDTHS), VERSION)


_compiled = _compile()
