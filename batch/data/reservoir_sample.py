"""A uniform sample of bounded size from a stream of customers, the same in whatever order they come."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt
import xxhash

from events.arrays import Ints
from state.customers.records import Rows, blank_rows

__all__ = ["Reservoir", "ReservoirSample"]

Ids = npt.NDArray[np.object_]


@dataclass(frozen=True)
class ReservoirSample:
    """Customers aligned by position: ids (n,), records (n,), the present of each (n,), ms."""

    ids: Ids
    rows: Rows
    now_ms: Ints


class Reservoir:
    """Keeps the customers with the `limit` smallest priorities; a priority is a hash of the customer's id and a seed.

    A reservoir sample by random priorities, that is a bottom-k sample (Cohen and Kaplan, "Summarizing Data using
    Bottom-k Sketches", PODC 2007): uniform, without repeats, and the same for the same customers in any order.
    """

    def __init__(self, limit: int, seed: int) -> None:
        self._limit, self._seed = limit, seed
        self._kept: list[tuple[npt.NDArray[np.uint64], Ids, Rows, Ints]] = []
        self._size = 0
        self.seen = 0

    def offer(self, ids: Ids, rows: Rows, now_ms: Ints) -> None:
        """Take in customers, none of whom was offered before."""
        digests: Iterator[int] = map(xxhash.xxh3_64_intdigest, map(str.encode, ids.tolist()), repeat(self._seed))
        self._kept.append((np.fromiter(digests, np.uint64, len(ids)), ids, rows, now_ms))
        self._size += len(ids)
        self.seen += len(ids)
        if self._size > 2 * self._limit:
            self._truncate()

    def sample(self) -> ReservoirSample:
        """Return the sample, in an order that is random and the same for the same customers."""
        self._truncate()
        if not self._kept:
            return ReservoirSample(np.empty(0, object), blank_rows(0), np.zeros(0, np.int64))
        _, ids, rows, now_ms = self._kept[0]
        return ReservoirSample(ids, rows, now_ms)

    def _truncate(self) -> None:
        """Keep the smallest priorities only."""
        if not self._kept:
            return
        priorities = np.concatenate([each[0] for each in self._kept])
        order = np.argsort(priorities, kind="stable")[: self._limit]
        ids, rows, now_ms = (np.concatenate([each[part] for each in self._kept])[order] for part in (1, 2, 3))
        self._kept = [(priorities[order], ids, rows, now_ms)]
        self._size = len(order)
