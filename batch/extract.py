"""Read customer records of all partitions into one table of features."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from state.partition_store import PartitionStore
from state.records import NEVER_FIRST, Rows, blank_rows
from stream.clock import SegmentClock
from stream.features import feature_matrix

__all__ = ["Extract", "extract_customers", "features_of"]

_CHUNK = 5_000


@dataclass(frozen=True)
class Extract:
    """Customer rows (n,), and for each the present of its partition (n,), ms since 1970 UTC."""

    rows: Rows
    now_ms: npt.NDArray[np.int64]

    @property
    def history_days(self) -> float:
        """The days from the first order of all to the present."""
        first = self.rows["first_order"]
        happened = first != NEVER_FIRST
        if not happened.any():
            return 0.0
        return float(self.now_ms.max() - first[happened].min()) / 86_400_000.0


def extract_customers(
    store: PartitionStore, watermarks: dict[int, int], clock: SegmentClock, limit: int, seed: int
) -> Extract:
    """Read the records of the partitions in `watermarks` (partition → largest event time); at most `limit` are kept.

    Where there are more, each partition keeps a uniform sample of its share.
    """
    random = np.random.default_rng(seed)
    share = max(1, limit // max(1, len(watermarks)))
    rows, times = [blank_rows(0)], [np.zeros(0, np.int64)]
    for partition, watermark_ms in watermarks.items():
        found = _partition_rows(store, partition)
        if len(found) > share:
            found = found[random.choice(len(found), share, replace=False)]
        rows.append(found)
        times.append(np.full(len(found), clock.now_ms(watermark_ms), np.int64))
    return Extract(np.concatenate(rows), np.concatenate(times))


def _partition_rows(store: PartitionStore, partition: int) -> Rows:
    """Return the rows of a partition in the order of their ids, so that the same state gives the same table."""
    found: dict[str, Rows] = {}
    cursor = 0
    while True:
        cursor, batch = store.scan(partition, cursor, _CHUNK)
        found.update(zip(batch.ids, batch.rows, strict=True))
        if cursor == 0:
            ordered = [found[name] for name in sorted(found)]
            return np.array(ordered, batch.rows.dtype) if ordered else blank_rows(0)


def features_of(extract: Extract, names: list[str], half_life_ms: float) -> npt.NDArray[np.float64]:
    """Return the (n, d) matrix of the named features, NaN where missing."""
    return feature_matrix(extract.rows, names, extract.now_ms, half_life_ms)
