"""Values of a hash that are a fixed-width head and any number of fixed-width items: many packed and read at once."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints
from events.base_error import ShoalError
from state.customers.ragged import starts_of

__all__ = ["ValueUnreadable", "pack_values", "unpack_values"]

Rows = npt.NDArray[Any]


class ValueUnreadable(ShoalError):
    """A value in Redis is not one that this release wrote."""


def pack_values(heads: Rows, items: Rows, starts: Ints) -> list[bytes]:
    """Return the bytes of n values: head i, then items[starts[i]:starts[i + 1]]; both of whole 64-bit words."""
    head_words, item_words = heads.dtype.itemsize // 8, items.dtype.itemsize // 8
    lengths = np.diff(starts)
    ends = np.cumsum(head_words + lengths * item_words)
    flat = np.empty(int(ends[-1]) if len(ends) else 0, "<u8")
    is_head = np.zeros(len(flat), np.bool_)
    begins = ends - head_words - lengths * item_words
    for word in range(head_words):
        is_head[begins + word] = True
    flat[is_head] = np.ascontiguousarray(heads).view("<u8")
    flat[~is_head] = np.ascontiguousarray(items).view("<u8")
    data = flat.tobytes()
    return [data[a:b] for a, b in pairwise([0, *(ends * 8).tolist()])]


def unpack_values(
    values: Sequence[bytes | None], blank: Rows, item: np.dtype[Any], what: str
) -> tuple[Rows, Flags, Rows, Ints]:
    """Return heads (n,), which of them were there, the items of all, and where each one's begin (n + 1,).

    `blank` (1,) is the head of what is not there. Raises ValueUnreadable.
    """
    n = len(values)
    known = np.array([value is not None for value in values], np.bool_)
    heads = np.repeat(blank, n)
    present = [value for value in values if value is not None]
    sizes = np.fromiter(map(len, present), np.int64, len(present))
    head_bytes = blank.dtype.itemsize
    if (sizes < head_bytes).any() or ((sizes - head_bytes) % item.itemsize).any():
        raise ValueUnreadable(f"{what} in Redis has {sorted(set(sizes.tolist()))[:5]} bytes; was it written by Shoal?")
    flat = np.frombuffer(b"".join(present), "<u8")
    words = sizes // 8
    begins = np.cumsum(words) - words
    is_item = np.ones(len(flat), np.bool_)
    for word in range(head_bytes // 8):
        is_item[begins + word] = False
    heads[known] = flat[~is_item].view(blank.dtype)
    lengths = np.zeros(n, np.int64)
    lengths[known] = (sizes - head_bytes) // item.itemsize
    return heads, known, flat[is_item].view(item), starts_of(lengths)
