"""The arithmetic of the sketch: packed customer records, and a batch of orders folded into them in columns (numpy)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from job_and_features import Job
from nearest_centroid_numpy import standard_vectors

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[Any]

RECENT = 8
RECORD = np.dtype(
    [
        ("count", "<u4"),
        ("change_number", "<u4"),
        ("cents", "<i8"),
        ("first", "<i8"),
        ("last", "<i8"),
        ("cluster", "<i2"),
        ("baseline", "<u2"),
        ("spare", "<u4"),
        ("learned_at", "<i8"),
        ("since", "<i8"),
        ("recent", "<u8", (RECENT,)),  # hashes of the newest event ids, oldest first
    ]
)
"""A customer: 120 bytes."""
_BLANK = np.zeros(1, RECORD)
_BLANK["first"], _BLANK["last"], _BLANK["cluster"] = 2**62, -(2**62), -1
BLANK = _BLANK.tobytes()


@dataclass
class Batch:
    """Orders in columns (n,): whose each is (its slot among `ids`), and the (m,) customers' ids and partitions."""

    ids: list[str]
    partitions: Ints
    who: Ints
    at: Ints
    cents: Ints
    hashes: npt.NDArray[np.uint64]
    offsets: dict[int, int]
    events: int


@dataclass
class Folded:
    """The customers' new records, which of them moved, and what that adds to each partition's model (p, k, 1 + d)."""

    rows: Rows
    moved: Ints
    before: Ints
    model: Floats


class Folding:
    """Folds batches under fixed centroids."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._centroids = np.array(job.centroids)
        self._squares = (self._centroids**2).sum(axis=1)

    def fold(self, batch: Batch, rows: Rows) -> Folded:
        """Return the records after the batch; repeats of recent events are left out."""
        fresh = self._fresh(batch, rows)
        who, at, cents, hashes = batch.who[fresh], batch.at[fresh], batch.cents[fresh], batch.hashes[fresh]
        after, m = rows.copy(), len(rows)
        arrived = np.bincount(who, minlength=m)
        after["count"] += arrived.astype(np.uint32)
        after["cents"] += np.bincount(who, cents, m).astype(np.int64)
        np.minimum.at(after["first"], who, at)
        np.maximum.at(after["last"], who, at)
        after["recent"] = _remembered(rows["recent"], who, hashes, arrived)
        old, new = self._vectors(rows), self._vectors(after)
        clusters = np.argmin(self._squares - 2.0 * (new @ self._centroids.T), axis=1)
        before = rows["cluster"].astype(np.int64)
        moved = np.flatnonzero(before != clusters)
        after["cluster"], after["baseline"], after["learned_at"] = clusters, 1, self._job.now_ms
        after["change_number"][moved] += 1
        after["since"][moved] = after["last"][moved]
        model = self._learned(batch.partitions, before, old, clusters, new)
        return Folded(after, moved, before, model)

    def _fresh(self, batch: Batch, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which orders are neither in the records nor earlier in the batch."""
        fresh = ~(rows["recent"][batch.who] == batch.hashes[:, None]).any(axis=1)
        order = np.argsort(batch.hashes, kind="stable")
        ordered = batch.hashes[order]
        fresh[order[1:][ordered[1:] == ordered[:-1]]] = False
        return np.asarray(fresh)

    def _vectors(self, rows: Rows) -> Floats:
        count, last = rows["count"].astype(np.int64), np.where(rows["count"] > 0, rows["last"], 0)
        vectors = standard_vectors(self._job, count, rows["cents"], last).T
        return np.asarray(np.rint(vectors * 2.0**20) / 2.0**20)  # on a grid sums are exact in any order

    def _learned(self, partitions: Ints, before: Ints, old: Floats, clusters: Ints, new: Floats) -> Floats:
        """Take the old vectors out of their clusters and put the new ones into theirs."""
        p, k, d = self._job.partitions, *self._centroids.shape
        known = before >= 0
        places = np.concatenate([partitions[known] * k + before[known], partitions * k + clusters])
        signs = np.concatenate([-np.ones(int(known.sum())), np.ones(len(clusters))])
        vectors = np.concatenate([old[known], new]) * signs[:, None]
        columns = [np.bincount(places, signs, p * k)]
        columns += [np.bincount(places, vectors[:, i], p * k) for i in range(d)]
        return np.stack(columns, axis=1).reshape(p, k, d + 1)


def _remembered(recent: Rows, who: Ints, hashes: npt.NDArray[np.uint64], arrived: Ints) -> Rows:
    """Return the newest hashes (m, RECENT) of each customer, oldest first."""
    m = len(recent)
    wide = np.concatenate([recent, np.zeros((m, RECENT), np.uint64)], axis=1)
    added = np.minimum(arrived, RECENT)
    kept = np.take_along_axis(wide, np.arange(RECENT) + added[:, None], axis=1)
    order = np.argsort(who, kind="stable")
    ends = np.cumsum(arrived)
    from_end = ends[who[order]] - 1 - np.arange(len(who))
    newest = from_end < RECENT
    kept[who[order][newest], RECENT - 1 - from_end[newest]] = hashes[order][newest]
    return np.asarray(kept)
