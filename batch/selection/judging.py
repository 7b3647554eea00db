"""Fit one algorithm with one k to the judged sample and take its figures."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score, silhouette_score

from batch.clustering import FIND_K, cluster
from batch.clustering.rules import RFM
from batch.options import FitOptions
from batch.selection.elbow import elbow
from batch.selection.figures import Figures
from batch.selection.gap import gap_statistic
from batch.selection.stability import stability
from batch.settling import settled

__all__ = ["judge_all", "silhouette_of"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

_SILHOUETTE = 5_000
_LEAST_STABLE = 0.6


def judge_all(sample: Floats, ks: Sequence[int], options: FitOptions, features: list[str], seed: int) -> list[Figures]:
    """Return the figures of every algorithm with every k on a sample of customers (n, d; NaN where missing)."""
    filled = np.nan_to_num(sample)
    gaps = gap_statistic(filled, list(ks), seed) if options.k is None else {}
    found = []
    for algorithm in options.algorithms:
        if algorithm == "rfm-rules" and len(options.algorithms) > 1 and not set(RFM) <= set(features):
            continue
        own = [_judge(algorithm, sample, k, options, features, seed) for k in ([0] if algorithm in FIND_K else ks)]
        if algorithm not in FIND_K:
            bend = elbow(np.array([each.k for each in own], float), np.array([each.inertia for each in own]))
            own = [replace(each, elbow=place == bend) for place, each in enumerate(own)]
        found += [
            replace(each, gap=gaps.get(each.k, (None,))[0], gap_error=gaps.get(each.k, (0, None))[1]) for each in own
        ]
    return found


def silhouette_of(filled: Floats, labels: Labels, seed: int) -> float | None:
    """Return the mean silhouette of at most 5,000 points (n, d; no NaN); None where it is not defined.

    P. J. Rousseeuw, "Silhouettes", Journal of Computational and Applied Mathematics 20 (1987). It is not defined where
    the sample holds one cluster only, or no two customers of any.
    """
    known = np.flatnonzero(labels >= 0)
    chosen = known
    if len(known) > _SILHOUETTE:
        chosen = np.random.default_rng(seed).choice(known, _SILHOUETTE, replace=False)
    if not 1 < len(np.unique(labels[chosen])) < len(chosen):
        return None
    return float(silhouette_score(filled[chosen], labels[chosen]))


def _judge(algorithm: str, sample: Floats, k: int, options: FitOptions, features: list[str], seed: int) -> Figures:
    filled = np.nan_to_num(sample)
    fitted = cluster(algorithm, filled, k, seed, features)
    outliers = float((fitted.labels < 0).mean())
    if fitted.k < 2:
        refused = f"{fitted.k} clusters found, at least 2 are needed"
        return Figures(algorithm, fitted.k, outlier_share=outliers, bic=fitted.bic, refused=refused)
    centroids, labels = settled(sample, fitted.labels, fitted.k, features)
    placed, inside = labels >= 0, fitted.labels >= 0
    counts = np.bincount(labels[placed], minlength=fitted.k)
    figures = Figures(
        algorithm,
        fitted.k,
        silhouette=silhouette_of(filled, labels, seed),
        inertia=float(np.nansum((sample - centroids[labels])[placed] ** 2)) / len(sample),
        smallest_share=float(counts.min() / max(1, counts.sum())),
        outlier_share=outliers,
        agreement=float(adjusted_rand_score(fitted.labels[inside], labels[inside])),
        stability=stability(algorithm, filled, fitted.k, seed, features),
        bic=fitted.bic,
    )
    if 1 < len(np.unique(labels[placed])) < placed.sum():
        figures = replace(
            figures,
            davies_bouldin=float(davies_bouldin_score(filled[placed], labels[placed])),
            calinski_harabasz=float(calinski_harabasz_score(filled[placed], labels[placed])),
        )
    return replace(figures, refused=_refusal(figures, options))


def _refusal(figures: Figures, options: FitOptions) -> str:
    if figures.smallest_share < options.minimum_share:
        return (
            f"its smallest segment has {figures.smallest_share:.2%} of the customers, less than the minimum of "
            f"{options.minimum_share:.2%}"
        )
    if figures.stability is not None and figures.stability < _LEAST_STABLE:
        return f"refits on bootstrap samples agree to {figures.stability:.2f} only, less than {_LEAST_STABLE}"
    return ""
