"""Fit algorithms with several numbers of segments to the judged sample and compute their metrics."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score

from batch.clustering import FIND_K, cluster
from batch.clustering.elbow import elbow
from batch.clustering.rfm_rules import RFM
from batch.fit_options import FitOptions
from batch.identity.lloyd_iteration import run_lloyd
from batch.selection.candidate_metrics import CandidateMetrics
from batch.selection.gap_statistic import gap_statistic
from batch.selection.silhouette import Silhouettes
from batch.selection.stability import stability
from events.arrays import Floats, Ints

__all__ = ["score_candidates"]


_LEAST_STABLE = 0.6
_CONTENDING = 0.1
"""Silhouettes this far below the best have no chance, so their stability is not worth the time."""


def score_candidates(
    sample: Floats, ks: Sequence[int], options: FitOptions, features: list[str], seed: int
) -> list[CandidateMetrics]:
    """Return the metrics of every algorithm with every k on a sample of customers (n, d; NaN where missing)."""
    scorer = _Scorer(sample, options, features, seed)
    found: list[CandidateMetrics] = []
    for algorithm in options.algorithms:
        if algorithm == "rfm-rules" and len(options.algorithms) > 1 and not set(RFM) <= set(features):
            continue
        if algorithm in FIND_K:
            found.append(scorer.metrics(algorithm, 0))
            continue
        own = [scorer.metrics(algorithm, k) for k in ks]
        bend = elbow(np.array([each.k for each in own], float), np.array([each.inertia for each in own]))
        found += [replace(each, elbow=place == bend) for place, each in enumerate(own)]
    found = scorer.with_stability(found)
    if options.k is not None:
        return found
    gaps = gap_statistic(np.nan_to_num(sample), list(ks), seed)
    return [replace(each, gap=gaps[each.k][0], gap_error=gaps[each.k][1]) if each.k in gaps else each for each in found]


class _Scorer:
    """Computes metrics on one sample; algorithms that converge to the same segments share those of the segments."""

    def __init__(self, sample: Floats, options: FitOptions, features: list[str], seed: int) -> None:
        self._sample, self._filled = sample, np.nan_to_num(sample)
        self._options, self._features, self._seed = options, features, seed
        self._silhouettes = Silhouettes(self._filled, seed)
        self._by_segments: dict[tuple[int, float], CandidateMetrics] = {}

    def metrics(self, algorithm: str, k: int) -> CandidateMetrics:
        """Fit and score one clustering."""
        fitted = cluster(algorithm, self._filled, k, self._seed, self._features)
        outliers = float((fitted.labels < 0).mean())
        if fitted.k < 2:
            refused = f"{fitted.k} clusters found, at least 2 are needed"
            return CandidateMetrics(algorithm, fitted.k, outlier_share=outliers, bic=fitted.bic, refused=refused)
        centroids, labels = run_lloyd(self._sample, fitted.labels, fitted.k, self._features)
        inside = fitted.labels >= 0
        metrics = replace(
            self._of_segments(centroids, labels),
            algorithm=algorithm,
            outlier_share=outliers,
            agreement=float(adjusted_rand_score(fitted.labels[inside], labels[inside])),
            bic=fitted.bic,
        )
        if metrics.smallest_share < self._options.minimum_share:
            refused = (
                f"its smallest segment has {metrics.smallest_share:.2%} of the customers, less than the minimum of "
                f"{self._options.minimum_share:.2%}"
            )
            return replace(metrics, refused=refused)
        return metrics

    def with_stability(self, found: list[CandidateMetrics]) -> list[CandidateMetrics]:
        """Return the metrics with the stability of those that might be chosen, and without the unstable ones."""
        allowed = [each.silhouette for each in found if each.k > 2 and not each.refused and each.silhouette is not None]
        least = max(allowed, default=-1.0) - _CONTENDING
        return [
            self._with_stability(each) if each.k >= 2 and (each.silhouette or -1.0) >= least else each for each in found
        ]

    def _with_stability(self, metrics: CandidateMetrics) -> CandidateMetrics:
        agreed = stability(metrics.algorithm, self._filled, metrics.k, self._seed, self._features)
        refused = metrics.refused
        if agreed is not None and agreed < _LEAST_STABLE:
            refused = refused or f"refits on bootstrap samples agree to {agreed:.2f} only, less than {_LEAST_STABLE}"
        return replace(metrics, stability=agreed, refused=refused)

    def _of_segments(self, centroids: Floats, labels: Ints) -> CandidateMetrics:
        """Return the metrics that depend only on the segments that go live."""
        k, placed = len(centroids), labels >= 0
        inertia = float(np.nansum((self._sample - centroids[labels])[placed] ** 2)) / len(labels)
        if (k, round(inertia, 9)) not in self._by_segments:
            counts = np.bincount(labels[placed], minlength=k)
            points, own = self._filled[placed], labels[placed]
            defined = 1 < len(np.unique(own)) < len(own)
            self._by_segments[k, round(inertia, 9)] = CandidateMetrics(
                "",
                k,
                silhouette=self._silhouettes.of(labels),
                davies_bouldin=float(davies_bouldin_score(points, own)) if defined else None,
                calinski_harabasz=float(calinski_harabasz_score(points, own)) if defined else None,
                inertia=inertia,
                smallest_share=float(counts.min() / max(1, counts.sum())),
            )
        return self._by_segments[k, round(inertia, 9)]
