"""The gap statistic: within-cluster dispersion compared with that of points without structure."""

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from events.arrays import Floats

__all__ = ["gap_statistic"]


_SAMPLE = 1_000
_REFERENCES = 8


def gap_statistic(points: Floats, ks: list[int], seed: int) -> dict[int, tuple[float, float]]:
    """Return for each k the gap and its standard error, from k-means on at most 1,000 of the points (n, d).

    R. Tibshirani, G. Walther, T. Hastie, "Estimating the number of clusters in a data set via the gap statistic", JRSS
    B 63 (2001): Gap(k) = mean of log W over uniform references in the box of the principal axes, less log W of the
    data; the error is the references' standard deviation times sqrt(1 + 1 / B).
    """
    random = np.random.default_rng(seed)
    sample = points[random.permutation(len(points))[:_SAMPLE]]
    sample = sample - sample.mean(axis=0)
    axes = np.linalg.svd(sample, full_matrices=False)[2]
    turned = sample @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    references = [random.uniform(low, high, turned.shape) @ axes for _ in range(_REFERENCES)]
    found = {}
    for k in ks:
        own = _log_w(sample, k, seed)
        theirs = np.array([_log_w(reference, k, seed) for reference in references])
        found[k] = (float(theirs.mean() - own), float(theirs.std() * np.sqrt(1.0 + 1.0 / _REFERENCES)))
    return found


def _log_w(points: Floats, k: int, seed: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer than k different points: inertia 0
        inertia = KMeans(k, n_init=1, random_state=seed).fit(points).inertia_
    return float(np.log(max(float(inertia), 1e-300)))
