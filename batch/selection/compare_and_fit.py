"""Compare clusterings on a sample, choose one, and fit it to all customers of the table."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xxhash
from sklearn.metrics import adjusted_rand_score

from batch.clustering import cluster
from batch.data.cleaning import Cleaned
from batch.fit_options import FitOptions
from batch.identity.lloyd_iteration import run_lloyd
from batch.selection.candidate_metrics import CandidateMetrics
from batch.selection.candidate_scoring import score_candidates
from batch.selection.selection_rule import best_candidate, selection_reason
from batch.selection.silhouette import silhouette_of
from events.arrays import Floats, Ints

__all__ = ["Choice", "choose"]

Ids = npt.NDArray[np.object_]

_COMPARISON_SEED = 0


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen clustering of n customers: centroids (k, d), labels (n,), its metrics, all metrics, and why."""

    centroids: Floats
    labels: Ints
    inertia: float
    chosen: CandidateMetrics
    tried: tuple[CandidateMetrics, ...]
    reason: str


def choose(cleaned: Cleaned, ids: Ids, options: FitOptions, features: list[str], seed: int) -> Choice:
    """Return the clustering of the cleaned customers, who have these ids (n,), that has the best metrics.

    Candidates are compared on the same customers and with the same randomness whatever the seed, so that
    luck does not decide a near tie; the seed is that of the final fit. Raises NoCandidate.
    """
    sample = _sample(cleaned, ids, options.judged_customers)
    different = len(np.unique(np.nan_to_num(sample), axis=0))
    ks = [options.k] if options.k else list(range(options.k_min, min(options.k_max, different) + 1))
    tried = score_candidates(sample, ks, options, features, _COMPARISON_SEED)
    best = best_candidate(tried, options.k)
    labels, k = _fit_all(cleaned, best, seed, features)
    centroids, nearest = _ordered_by_size(*run_lloyd(cleaned.standard, labels, k, features))
    placed, clustered = nearest >= 0, labels >= 0
    chosen = replace(
        best,
        k=k,
        agreement=float(adjusted_rand_score(labels[clustered], nearest[clustered])),
        silhouette=silhouette_of(np.nan_to_num(cleaned.standard), nearest, seed),
    )
    inertia = float(np.nansum((cleaned.standard - centroids[nearest])[placed] ** 2))
    return Choice(centroids, nearest, inertia, chosen, tuple(tried), selection_reason(best, tried, options.k))


def _sample(cleaned: Cleaned, ids: Ids, size: int) -> Floats:
    """Return those with the smallest hashes of their ids: a uniform sample that is the same in any order."""
    kept = np.flatnonzero(~cleaned.isolated)
    digests: Iterator[int] = map(xxhash.xxh3_64_intdigest, map(str.encode, ids[kept].tolist()))
    order = np.argsort(np.fromiter(digests, np.uint64, len(kept)), kind="stable")
    return cleaned.standard[kept[order[:size]]]


def _fit_all(cleaned: Cleaned, best: CandidateMetrics, seed: int, features: list[str]) -> tuple[Ints, int]:
    """Return the labels (n,) of the chosen algorithm on all customers that were not set aside, and their number."""
    kept = ~cleaned.isolated
    fitted = cluster(best.algorithm, np.nan_to_num(cleaned.standard[kept]), best.k, seed, features)
    labels = np.full(len(kept), -1, np.int64)
    labels[kept] = fitted.labels
    return labels, fitted.k


def _ordered_by_size(centroids: Floats, labels: Ints) -> tuple[Floats, Ints]:
    """Return the clusters numbered from the largest to the smallest, whatever numbers the algorithm gave them."""
    k = len(centroids)
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    order = np.lexsort((*centroids.T[::-1], -sizes))
    place = np.full(k + 1, -1, np.int64)  # a label of -1 reads the last place
    place[order] = np.arange(k)
    return centroids[order], place[labels]
