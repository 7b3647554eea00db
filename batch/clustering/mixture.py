"""Gaussian mixture by expectation maximisation."""

import numpy as np
from sklearn.mixture import GaussianMixture

from batch.clustering.clustering_result import ClusteringResult, with_consecutive_labels
from events.arrays import Floats

__all__ = ["gaussian_mixture"]

_SAMPLE = 5_000


def gaussian_mixture(points: Floats, k: int, seed: int) -> ClusteringResult:
    """Return the most probable component of each point, of a mixture fitted to at most 5,000 of them, and its BIC.

    The BIC is of the sample that was fitted: G. Schwarz, "Estimating the Dimension of a Model", Annals of Statistics 6
    (1978); smaller is better.
    """
    sample = points
    if len(points) > _SAMPLE:
        sample = points[np.random.default_rng(seed).choice(len(points), _SAMPLE, replace=False)]
    fitted = GaussianMixture(k, max_iter=100, reg_covar=1e-4, random_state=seed).fit(sample)
    found = with_consecutive_labels(fitted.predict(points))
    return ClusteringResult(found.labels, found.k, float(fitted.bic(sample)))
