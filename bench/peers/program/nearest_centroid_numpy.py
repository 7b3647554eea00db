"""The features and the nearest centroid for many customers at once, for programs that work in columns (numpy)."""

import numpy as np
import numpy.typing as npt
from job_and_features import DAY_MS, Job  # type: ignore[import-not-found, unused-ignore]

__all__ = ["nearest_segments", "standard_vectors"]

Ints = npt.NDArray[np.int64]


def standard_vectors(job: Job, count: Ints, cents: Ints, last_ms: Ints) -> npt.NDArray[np.float64]:
    """Return the customers' standardised features, (3, n)."""
    recency = np.log1p(np.maximum(job.now_ms - last_ms, 0) / DAY_MS)
    raw = np.stack([recency, np.log1p(count), np.log1p(cents / 100)])
    return np.asarray((raw - np.array(job.center)[:, None]) / np.array(job.scale)[:, None])


def nearest_segments(job: Job, count: Ints, cents: Ints, last_ms: Ints) -> Ints:
    """Return the places (n,) of the nearest centroids."""
    vectors, centroids = standard_vectors(job, count, cents, last_ms), np.array(job.centroids)
    # |x - c|^2 less the |x|^2 that all centroids share
    return np.asarray(np.argmin((centroids**2).sum(axis=1)[:, None] - 2.0 * (centroids @ vectors), axis=0))
