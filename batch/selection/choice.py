"""Compare clusterings on a sample, choose one, and fit it to all customers of the table."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score, silhouette_score

from batch.cleaning import Cleaned
from batch.clustering import cluster
from batch.options import FitOptions
from batch.refusals import NoCandidate
from batch.selection.figures import Figures
from batch.settling import settled

__all__ = ["Choice", "choose"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen clustering of n customers: centroids (k, d), labels (n,), its figures, all figures, and why."""

    centroids: Floats
    labels: Labels
    inertia: float
    chosen: Figures
    tried: tuple[Figures, ...]
    reason: str


def choose(cleaned: Cleaned, options: FitOptions, features: list[str], seed: int) -> Choice:
    """Return the clustering of the cleaned customers that has the best figures. Raises NoCandidate."""
    sample = _sample(cleaned, options.judged_customers, seed)
    different = len(np.unique(np.nan_to_num(sample), axis=0))
    ks = [options.k] if options.k else range(options.k_min, min(options.k_max, different) + 1)
    tried = [_figures(algorithm, sample, k, options, features, seed) for algorithm in options.algorithms for k in ks]
    best = _best(tried)
    filled = np.nan_to_num(cleaned.standard)
    labels = np.full(len(filled), -1, np.int64)
    labels[~cleaned.isolated] = cluster(best.algorithm, filled[~cleaned.isolated], best.k, seed)
    centroids, nearest = settled(cleaned.standard, labels, best.k, features)
    inertia = float(np.nansum((cleaned.standard - centroids[nearest])[nearest >= 0] ** 2))
    clustered = labels >= 0
    agreement = float(adjusted_rand_score(labels[clustered], nearest[clustered]))
    chosen = replace(best, agreement=agreement, silhouette=_silhouette(sample, centroids))
    return Choice(centroids, nearest, inertia, chosen, tuple(tried), _reason(best, tried, options))


def _sample(cleaned: Cleaned, size: int, seed: int) -> Floats:
    kept = np.flatnonzero(~cleaned.isolated)
    if len(kept) > size:
        kept = np.sort(np.random.default_rng(seed).choice(kept, size, replace=False))
    return cleaned.standard[kept]


def _figures(algorithm: str, sample: Floats, k: int, options: FitOptions, features: list[str], seed: int) -> Figures:
    filled = np.nan_to_num(sample)
    own = cluster(algorithm, filled, k, seed)
    centroids, labels = settled(sample, own, k, features)
    counts = np.bincount(labels[labels >= 0], minlength=k)
    share = float(counts.min() / max(1, counts.sum()))
    inertia = float(np.nansum((sample - centroids[labels])[labels >= 0] ** 2)) / len(sample)
    defined = 1 < len(np.unique(labels)) < len(sample)
    refused = ""
    if share < options.minimum_share:
        refused = f"a segment of {share:.2%} of the customers is below the minimum of {options.minimum_share:.2%}"
    return Figures(
        algorithm,
        k,
        float(silhouette_score(filled, labels)) if defined else None,
        float(davies_bouldin_score(filled, labels)) if defined else None,
        float(calinski_harabasz_score(filled, labels)) if defined else None,
        inertia,
        share,
        float(adjusted_rand_score(own[own >= 0], labels[own >= 0])),
        refused,
    )


def _silhouette(sample: Floats, centroids: Floats) -> float | None:
    """Return the silhouette of the sample under the final centroids, None where it is not defined."""
    filled = np.nan_to_num(sample)
    labels = np.argmin(((filled[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2), axis=1)
    if not 1 < len(np.unique(labels)) < len(filled):
        return None
    return float(silhouette_score(filled, labels))


def _best(tried: list[Figures]) -> Figures:
    allowed = [each for each in tried if not each.refused] or tried
    if not allowed:
        raise NoCandidate("there was nothing to compare: the customers are too few for any number of segments")
    return max(allowed, key=lambda each: -2.0 if each.silhouette is None else each.silhouette)


def _reason(best: Figures, tried: list[Figures], options: FitOptions) -> str:
    if options.k:
        return f"k = {best.k} was asked for; {best.algorithm} with silhouette {_said(best.silhouette)}."
    return (
        f"{best.algorithm} with k = {best.k} has the best silhouette, {_said(best.silhouette)}, of the "
        f"{len(tried)} clusterings compared."
    )


def _said(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
