"""Fit algorithms with several numbers of segments to the judged sample and take their figures."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score

from batch.clustering import FIND_K, cluster
from batch.clustering.rules import RFM
from batch.options import FitOptions
from batch.selection.elbow import elbow
from batch.selection.figures import Figures
from batch.selection.gap import gap_statistic
from batch.selection.silhouette import Silhouettes
from batch.selection.stability import stability
from batch.settling import settled

__all__ = ["judge_all"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

_LEAST_STABLE = 0.6


def judge_all(sample: Floats, ks: Sequence[int], options: FitOptions, features: list[str], seed: int) -> list[Figures]:
    """Return the figures of every algorithm with every k on a sample of customers (n, d; NaN where missing)."""
    judge = _Judge(sample, options, features, seed)
    found: list[Figures] = []
    for algorithm in options.algorithms:
        if algorithm == "rfm-rules" and len(options.algorithms) > 1 and not set(RFM) <= set(features):
            continue
        if algorithm in FIND_K:
            found.append(judge.figures(algorithm, 0))
            continue
        own = [judge.figures(algorithm, k) for k in ks]
        bend = elbow(np.array([each.k for each in own], float), np.array([each.inertia for each in own]))
        found += [replace(each, elbow=place == bend) for place, each in enumerate(own)]
    if options.k is not None:
        return found
    gaps = gap_statistic(np.nan_to_num(sample), list(ks), seed)
    return [replace(each, gap=gaps[each.k][0], gap_error=gaps[each.k][1]) if each.k in gaps else each for each in found]


class _Judge:
    """Takes figures on one sample; algorithms that settle on the same segments share what was computed for them."""

    def __init__(self, sample: Floats, options: FitOptions, features: list[str], seed: int) -> None:
        self._sample, self._filled = sample, np.nan_to_num(sample)
        self._options, self._features, self._seed = options, features, seed
        self._silhouettes = Silhouettes(self._filled, seed)
        self._settled: dict[tuple[int, float], Figures] = {}

    def figures(self, algorithm: str, k: int) -> Figures:
        """Fit and judge one clustering."""
        fitted = cluster(algorithm, self._filled, k, self._seed, self._features)
        outliers = float((fitted.labels < 0).mean())
        if fitted.k < 2:
            refused = f"{fitted.k} clusters found, at least 2 are needed"
            return Figures(algorithm, fitted.k, outlier_share=outliers, bic=fitted.bic, refused=refused)
        centroids, labels = settled(self._sample, fitted.labels, fitted.k, self._features)
        inside = fitted.labels >= 0
        figures = replace(
            self._of_segments(centroids, labels),
            algorithm=algorithm,
            outlier_share=outliers,
            agreement=float(adjusted_rand_score(fitted.labels[inside], labels[inside])),
            stability=stability(algorithm, self._filled, fitted.k, self._seed, self._features),
            bic=fitted.bic,
        )
        return replace(figures, refused=_refusal(figures, self._options))

    def _of_segments(self, centroids: Floats, labels: Labels) -> Figures:
        """Return the figures that depend only on the segments that go live."""
        k, placed = len(centroids), labels >= 0
        inertia = float(np.nansum((self._sample - centroids[labels])[placed] ** 2)) / len(labels)
        if (k, round(inertia, 9)) not in self._settled:
            counts = np.bincount(labels[placed], minlength=k)
            points, own = self._filled[placed], labels[placed]
            defined = 1 < len(np.unique(own)) < len(own)
            self._settled[k, round(inertia, 9)] = Figures(
                "",
                k,
                silhouette=self._silhouettes.of(labels),
                davies_bouldin=float(davies_bouldin_score(points, own)) if defined else None,
                calinski_harabasz=float(calinski_harabasz_score(points, own)) if defined else None,
                inertia=inertia,
                smallest_share=float(counts.min() / max(1, counts.sum())),
            )
        return self._settled[k, round(inertia, 9)]


def _refusal(figures: Figures, options: FitOptions) -> str:
    if figures.smallest_share < options.minimum_share:
        return (
            f"its smallest segment has {figures.smallest_share:.2%} of the customers, less than the minimum of "
            f"{options.minimum_share:.2%}"
        )
    if figures.stability is not None and figures.stability < _LEAST_STABLE:
        return f"refits on bootstrap samples agree to {figures.stability:.2f} only, less than {_LEAST_STABLE}"
    return ""
