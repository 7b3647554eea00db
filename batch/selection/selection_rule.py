"""The rule by which one of the compared clusterings is chosen, and the sentence that says why."""

from typing import Final

import numpy as np

from batch.errors import NoCandidate
from batch.selection.candidate_metrics import CandidateMetrics

__all__ = ["best_candidate", "selection_reason"]

_DENSITY: Final = frozenset({"dbscan", "hdbscan"})
_STRONG: Final = 0.71
"""From here on a silhouette means a strong structure: Kaufman and Rousseeuw, "Finding Groups in Data" (1990), p. 88."""
_REASONABLE: Final = 0.51
"""And from here on a reasonable one (the same table)."""
_ALIKE: Final = 0.01
"""Silhouettes nearer than this are not told apart by a sample of some thousand customers."""


def best_candidate(tried: list[CandidateMetrics], asked: int | None = None) -> CandidateMetrics:
    """Return the clustering to go live with. Raises NoCandidate where nothing has two clusters.

    Where a number of segments was asked for, others count only where nothing has it.
    Refused ones (a segment too small, refits that disagree) are left out while any other is left. Two segments only are
    taken where their structure is strong and nothing finer is even reasonable, since they seldom tell marketing more
    than who has lapsed. Then the largest silhouette wins; among those within 0.01 of it, the best mean rank by
    Davies–Bouldin, Calinski–Harabasz, stability and elbow; at last the algorithm named first, with fewer segments.
    Where several algorithms converge to the same centroids, the first of them counts.
    """
    tried = [each for each in tried if each.k == asked] or tried
    usable = [each for each in tried if each.silhouette is not None] or [each for each in tried if each.k >= 2]
    if not usable:
        raise NoCandidate(_no_segments(tried))
    eligible = _eligible([each for each in usable if not each.refused] or usable)
    top = max(map(_silhouette, eligible))
    tied = [each for each in eligible if _silhouette(each) >= top - _ALIKE]
    distinct = list({(each.k, round(_silhouette(each), 6)): each for each in reversed(tied)}.values())[::-1]
    return distinct[int(np.argmin(_mean_ranks(distinct)))]


def _no_segments(tried: list[CandidateMetrics]) -> str:
    """Return why no clustering has two segments.

    >>> _no_segments([CandidateMetrics("dbscan", 1)]).split(":")[0]
    'dbscan found 1 cluster'
    """
    if all(each.algorithm in _DENSITY for each in tried):
        found = ", ".join(f"{each.algorithm} found {each.k} cluster{'s' * (each.k != 1)}" for each in tried)
        return (
            f"{found}: it looks for dense groups with gaps between them, and these customers have none; they may "
            "differ all the same: let k-means, ward or gaussian-mixture divide them"
        )
    return "no clustering has two segments: the customers hardly differ in these features; choose other features"


def _eligible(allowed: list[CandidateMetrics]) -> list[CandidateMetrics]:
    """Return those with more than two segments, or all where there are none or where two segments are enough."""
    finer = [each for each in allowed if each.k > 2]
    strong, reasonable = max(map(_silhouette, allowed)) >= _STRONG, max(map(_silhouette, finer), default=-1.0)
    return allowed if strong and reasonable < _REASONABLE else finer or allowed


def selection_reason(best: CandidateMetrics, tried: list[CandidateMetrics], asked: int | None) -> str:
    """Return why it was chosen, as a sentence or two.

    >>> only = CandidateMetrics("k-means", 3, silhouette=0.6)
    >>> selection_reason(only, [only, CandidateMetrics("k-means", 4, silhouette=0.5)], None)
    'k-means with 3 segments has the largest silhouette, 0.600, of the 2 clusterings compared.'
    """
    said = "undefined" if best.silhouette is None else f"{best.silhouette:.3f}"
    if asked:
        wish = "as asked for" if best.k == asked else f"all that came out where {asked} were asked for"
        text = f"{best.algorithm} with {best.k} segments, {wish}, has a silhouette of {said}."
    else:
        larger = [each for each in tried if _silhouette(each) > _silhouette(best)]
        first = "the largest silhouette" if not larger else "the best metrics"
        text = f"{best.algorithm} with {best.k} segments has {first}, {said}, of the {len(tried)} clusterings compared."
        text += _passed_over(larger)
    return text + _support(best)


def _passed_over(larger: list[CandidateMetrics]) -> str:
    """Say why those with a larger silhouette were not taken."""
    if not larger:
        return ""
    best = max(larger, key=_silhouette)
    why = best.refused or (
        "two segments are taken only from 0.71 on and where no finer ones reach 0.51"
        if best.k == 2
        else "the other metrics are worse"
    )
    return f" {best.algorithm} with {best.k} segments has {_silhouette(best):.3f}, but {why}."


def _support(best: CandidateMetrics) -> str:
    said = []
    if best.elbow:
        said.append("the sum of squares bends here")
    if best.stability is not None:
        said.append(f"refits on bootstrap samples agree to {best.stability:.2f}")
    if best.refused:
        said.append(f"nothing better was found, although {best.refused}")
    text = ", and ".join(said)
    return f" {text[:1].upper()}{text[1:]}." if said else ""


def _silhouette(metrics: CandidateMetrics) -> float:
    return -2.0 if metrics.silhouette is None else metrics.silhouette


def _mean_ranks(tied: list[CandidateMetrics]) -> list[float]:
    keys = np.array([_sort_keys(each) for each in tied])
    ranks = (keys[None, :, :] < keys[:, None, :]).sum(axis=1)
    return [float(value) for value in ranks.mean(axis=1)]


def _sort_keys(metrics: CandidateMetrics) -> tuple[float, float, float, float]:
    """Return the metrics that break ties, each of which is better the smaller it is."""
    return (
        float("inf") if metrics.davies_bouldin is None else metrics.davies_bouldin,
        -(metrics.calinski_harabasz or 0.0),
        -round(metrics.stability or 0.0, 2),
        0.0 if metrics.elbow else 1.0,
    )
