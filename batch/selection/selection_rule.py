"""The rule by which one of the compared clusterings is chosen, and the sentence that says why."""

from typing import Final

import numpy as np

from batch.refusals import NoCandidate
from batch.selection.candidate_figures import Figures

__all__ = ["best_of", "reason_for"]

_STRONG: Final = 0.71
"""From here on a silhouette means a strong structure: Kaufman and Rousseeuw, "Finding Groups in Data" (1990), p. 88."""
_REASONABLE: Final = 0.51
"""And from here on a reasonable one (the same table)."""
_ALIKE: Final = 0.01
"""Silhouettes nearer than this are not told apart by a sample of some thousand customers."""


def best_of(tried: list[Figures], asked: int | None = None) -> Figures:
    """Return the clustering to go live with. Raises NoCandidate where nothing has two clusters.

    Where a number of segments was asked for, others count only where nothing has it.
    Refused ones (a segment too small, refits that disagree) are left out while any other is left. Two segments only are
    taken where their structure is strong and nothing finer is even reasonable, since they seldom tell marketing more
    than who has lapsed. Then the largest silhouette wins; among those within 0.01 of it, the best mean rank by
    Davies–Bouldin, Calinski–Harabasz, stability and elbow; at last the algorithm named first, with fewer segments.
    Where several algorithms settle on the same centroids, the first of them counts.
    """
    tried = [each for each in tried if each.k == asked] or tried
    usable = [each for each in tried if each.silhouette is not None] or [each for each in tried if each.k >= 2]
    if not usable:
        raise NoCandidate(
            "no clustering has two segments: the customers hardly differ in these features; choose other features"
        )
    allowed = [each for each in usable if not each.refused] or usable
    finer = [each for each in allowed if each.k > 2]
    two_will_do = max(map(_silhouette, allowed)) >= _STRONG and max(map(_silhouette, finer), default=-1) < _REASONABLE
    telling = allowed if two_will_do else finer or allowed
    top = max(map(_silhouette, telling))
    alike = [each for each in telling if _silhouette(each) >= top - _ALIKE]
    different = list({(each.k, round(_silhouette(each), 6)): each for each in reversed(alike)}.values())[::-1]
    return different[int(np.argmin(_mean_ranks(different)))]


def reason_for(best: Figures, tried: list[Figures], asked: int | None) -> str:
    """Return why it was chosen, as a sentence or two.

    >>> only = Figures("k-means", 3, silhouette=0.6)
    >>> reason_for(only, [only, Figures("k-means", 4, silhouette=0.5)], None)
    'k-means with 3 segments has the largest silhouette, 0.600, of the 2 clusterings compared.'
    """
    said = "undefined" if best.silhouette is None else f"{best.silhouette:.3f}"
    if asked:
        wish = "as asked for" if best.k == asked else f"all that came out where {asked} were asked for"
        text = f"{best.algorithm} with {best.k} segments, {wish}, has a silhouette of {said}."
    else:
        larger = [each for each in tried if _silhouette(each) > _silhouette(best)]
        first = "the largest silhouette" if not larger else "the best figures"
        text = f"{best.algorithm} with {best.k} segments has {first}, {said}, of the {len(tried)} clusterings compared."
        text += _passed_over(larger)
    return text + _support(best)


def _passed_over(larger: list[Figures]) -> str:
    """Say why those with a larger silhouette were not taken."""
    if not larger:
        return ""
    best = max(larger, key=_silhouette)
    why = best.refused or (
        "two segments are taken only from 0.71 on and where no finer ones reach 0.51"
        if best.k == 2
        else "the other figures are worse"
    )
    return f" {best.algorithm} with {best.k} segments has {_silhouette(best):.3f}, but {why}."


def _support(best: Figures) -> str:
    said = []
    if best.elbow:
        said.append("the sum of squares bends here")
    if best.stability is not None:
        said.append(f"refits on bootstrap samples agree to {best.stability:.2f}")
    if best.refused:
        said.append(f"nothing better was found, although {best.refused}")
    text = ", and ".join(said)
    return f" {text[:1].upper()}{text[1:]}." if said else ""


def _silhouette(figures: Figures) -> float:
    return -2.0 if figures.silhouette is None else figures.silhouette


def _mean_ranks(alike: list[Figures]) -> list[float]:
    worst = float("inf")
    columns = [
        [worst if each.davies_bouldin is None else each.davies_bouldin for each in alike],
        [0.0 if each.calinski_harabasz is None else -each.calinski_harabasz for each in alike],
        [0.0 if each.stability is None else -round(each.stability, 2) for each in alike],
        [0.0 if each.elbow else 1.0 for each in alike],
    ]
    ranks = np.array([[sum(other < value for other in column) for value in column] for column in columns])
    return [float(value) for value in ranks.mean(axis=0)]
