"""Customers in two dimensions: principal components, for a scatter plot."""

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from events.arrays import Floats, Ints

__all__ = ["PcaProjection", "pca_projection"]


_POINTS = 2_000


@dataclass(frozen=True, eq=False)
class PcaProjection:
    """A sample of m customers and the k centroids on the first two principal components.

    `positions` (m,) are the customers' places in the table, `points` (m, 2), `labels` (m,), `centroids` (k, 2),
    `axes` (2, d) the weights of the features in each component, `explained` the share of variance of each (2,).
    """

    positions: Ints
    points: Floats
    labels: Ints
    centroids: Floats
    axes: Floats
    explained: Floats


def pca_projection(standard: Floats, labels: Ints, centroids: Floats, seed: int) -> PcaProjection:
    """Return at most 2,000 customers of standardised features (n, d; NaN counts as the mean) in two dimensions."""
    filled = np.nan_to_num(standard)
    count = min(2, filled.shape[1], len(filled))
    fitted = PCA(count, svd_solver="covariance_eigh").fit(filled)
    positions = np.sort(np.random.default_rng(seed).permutation(len(filled))[:_POINTS])
    return PcaProjection(
        positions,
        _two_columns(fitted.transform(filled[positions])),
        labels[positions],
        _two_columns(fitted.transform(centroids)),
        _two_columns(fitted.components_.T).T,
        _two_columns(fitted.explained_variance_ratio_[None, :])[0],
    )


def _two_columns(values: Floats) -> Floats:
    """Return the values with a second column of zeros where one feature is all there is."""
    missing = 2 - values.shape[1]
    return np.hstack([values, np.zeros((len(values), missing))]) if missing else np.asarray(values)
