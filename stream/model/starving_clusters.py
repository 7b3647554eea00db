"""Starving clusters: where hardly any customers are left, the centroid is frozen."""

from collections.abc import Sequence

import numpy as np

from events.arrays import Flags, Ints

__all__ = ["starving_clusters"]


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
