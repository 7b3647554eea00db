"""Mean silhouettes: how much nearer customers are to their own segment than to the next."""

import numpy as np
from sklearn.metrics import pairwise_distances, silhouette_score

from events.arrays import Floats, Ints

__all__ = ["Silhouettes", "silhouette_of"]


_COMPARED = 3_000
_FINAL = 10_000


class Silhouettes:
    """Silhouettes of many clusterings of the same points (n, d; no NaN), on the same at most 3,000 of them.

    The distances between these are computed once. P. J. Rousseeuw, "Silhouettes: a graphical aid to the interpretation
    and validation of cluster analysis", Journal of Computational and Applied Mathematics 20 (1987).
    """

    def __init__(self, points: Floats, seed: int, size: int = _COMPARED) -> None:
        self._chosen = np.arange(len(points))
        if len(points) > size:
            self._chosen = np.random.default_rng(seed).choice(len(points), size, replace=False)
        self._distances = pairwise_distances(points[self._chosen]).astype(np.float32)
        np.fill_diagonal(self._distances, 0.0)

    def of(self, labels: Ints) -> float | None:
        """Return the mean silhouette of labels (n,), those of -1 left out.

        None where the sample holds one cluster only, or no two customers of any.
        """
        own = labels[self._chosen]
        known = np.flatnonzero(own >= 0)
        if not 1 < len(np.unique(own[known])) < len(known):
            return None
        distances = self._distances if len(known) == len(own) else self._distances[np.ix_(known, known)]
        return float(silhouette_score(distances, own[known], metric="precomputed"))


def silhouette_of(points: Floats, labels: Ints, seed: int) -> float | None:
    """Return the mean silhouette of labels (n,) of points (n, d; no NaN), on at most 10,000 of them, or None."""
    known = np.flatnonzero(labels >= 0)
    if len(known) > _FINAL:
        known = np.random.default_rng(seed).choice(known, _FINAL, replace=False)
    if not 1 < len(np.unique(labels[known])) < len(known):
        return None
    return float(silhouette_score(points[known], labels[known]))
