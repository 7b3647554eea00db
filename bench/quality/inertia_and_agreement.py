"""What is measured of a segmentation: inertia, agreement with a fresh fit, and moves that were for nothing."""

from collections.abc import Iterable, Sequence

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from events.arrays import Floats, Ints
from events.time_units import DAY_MS

__all__ = ["Move", "Refit", "flaps", "inertia", "refit", "unmatched"]


Move = tuple[str, int, str | None]

FLAP_DAYS = 30


class Refit:
    """Fresh batch fits of the same vectors (n, d): scikit-learn's k-means++, ten starts each, from several seeds.

    `unique` says whether all seeds reach the same optimum: inertias within 0.01% and labels that agree (adjusted Rand
    above 0.99). Where they do not, there is no one right answer to agree with.
    """

    def __init__(self, vectors: Floats, k: int, seeds: Iterable[int] = range(5)) -> None:
        fits = [KMeans(k, n_init=10, random_state=seed).fit(vectors) for seed in seeds]
        best = min(fits, key=lambda fit: fit.inertia_)
        self.inertia = float(best.inertia_)
        self.labels: Ints = best.labels_.astype(np.int64)
        self.centroids: Floats = best.cluster_centers_
        self.unique = all(
            fit.inertia_ <= self.inertia * 1.0001 and adjusted_rand_score(fit.labels_, self.labels) > 0.99
            for fit in fits
        )

    def agreement(self, labels: Ints) -> float:
        """Return the adjusted Rand index of labels (n,) with those of the best fit."""
        return float(adjusted_rand_score(self.labels, labels))


def refit(vectors: Floats, k: int) -> Refit:
    """Return fresh fits."""
    return Refit(vectors, k)


def inertia(vectors: Floats, centroids: Floats) -> float:
    """Return the summed squared distance of vectors (n, d) to the nearest of centroids (k, d)."""
    squared = ((vectors[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2)
    return float(squared.min(axis=1).sum())


def unmatched(changes: Sequence[Move], others: Sequence[Move], days: float = 1.0) -> int:
    """Return how many changes have no counterpart within some days; each is (who, when in ms, to which segment).

    >>> day = 86_400_000
    >>> unmatched([("anna", 3 * day, "s1"), ("bert", 3 * day, "s1")], [("anna", 4 * day, "s1"), ("bert", 0, "s1")])
    1
    """
    times: dict[tuple[str, str | None], list[int]] = {}
    for who, when, target in others:
        times.setdefault((who, target), []).append(when)
    return sum(
        not any(abs(when - other) <= days * DAY_MS for other in times.get((who, target), ()))
        for who, when, target in changes
    )


def flaps(customers: Ints, times_ms: Ints, previous: Ints, present: Ints, days: float = FLAP_DAYS) -> int:
    """Return how many moves take a customer back to the segment that it left at most so many days before.

    Moves (n,) are in order of time: whose, when, from which segment, to which.

    >>> who, when = np.zeros(3, np.int64), np.array([0, 1, 2]) * 86_400_000
    >>> flaps(who, when, np.array([1, 2, 1]), np.array([2, 1, 3]))
    1
    """
    left: dict[tuple[int, int], int] = {}
    found = 0
    for who, when, source, target in zip(
        customers.tolist(), times_ms.tolist(), previous.tolist(), present.tolist(), strict=True
    ):
        back = left.get((who, target))
        found += back is not None and when - back <= days * DAY_MS
        left[who, source] = when
    return found
