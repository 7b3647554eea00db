"""The features and the nearest centroid for many customers at once, for programs that work in columns (numpy)."""

import numpy as np
import numpy.typing as npt

from rfm import DAY_MS, Job  # type: ignore[import-not-found, unused-ignore]

__all__ = ["nearest_segments"]


def nearest_segments(
    job: Job, count: npt.NDArray[np.int64], cents: npt.NDArray[np.int64], last_ms: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the places (n,) of the nearest centroids."""
    recency = np.log1p(np.maximum(job.now_ms - last_ms, 0) / DAY_MS)
    raw = np.stack([recency, np.log1p(count), np.log1p(cents / 100)])
    vectors = (raw - np.array(job.center)[:, None]) / np.array(job.scale)[:, None]
    centroids = np.array(job.centroids)
    # |x - c|^2 less the |x|^2 that all centroids share
    return np.asarray(np.argmin((centroids**2).sum(axis=1)[:, None] - 2.0 * (centroids @ vectors), axis=0))
