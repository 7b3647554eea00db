"""Starving clusters: where hardly any customers are left, the centroid is frozen."""

from collections.abc import Sequence

import numpy as np

from events.arrays import Flags, Ints
from events.schema.outputs import Baseline

__all__ = ["starving_clusters", "starving_segments"]


def starving_segments(baseline: Baseline, counts: Ints, share: float) -> Flags:
    """Return which of a baseline's segments starve (see `starving_clusters`); a stage of the lifecycle may be empty."""
    learned = np.array([each.stage is None for each in baseline.segments])
    fitted = [each.customers * (each.stage is None) for each in baseline.segments]
    return starving_clusters(counts * learned, fitted, share)


def starving_clusters(counts: Ints, fitted: Sequence[int], share: float) -> Flags:
    """Return which clusters (k,) have less than `share` of the part of all customers that they had in the baseline.

    `counts` (k,) are their members now, `fitted` those when the baseline was fitted. Going by parts and not by numbers,
    a small group that stays as it is does not starve, however small.

    >>> starving_clusters(np.array([960, 36, 4]), [800, 160, 40], share=0.2).tolist()
    [False, False, True]
    """
    before = np.asarray(fitted, np.float64)
    if not counts.sum() or not before.sum():
        return np.zeros(len(counts), np.bool_)
    return np.asarray(counts / counts.sum() < share * before / before.sum())
