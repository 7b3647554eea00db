"""Describe clusters in words by their highest and lowest features."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from events.arrays import Floats

__all__ = ["describe_centroids", "disambiguate_names", "notable_features"]


_WORDS: Final = {
    "recency": ("recently active", "average recency", "long silent"),
    "frequency": ("seldom buying", "average frequency", "often buying"),
    "monetary": ("low spend", "average spend", "high spend"),
    "average_order_value": ("small orders", "average orders", "large orders"),
    "tenure": ("new", "average tenure", "long-standing"),
    "engagement": ("seldom visiting", "average visits", "often visiting"),
    "age": ("younger", "average age", "older"),
}
"""Of each feature: low, about average, high."""
_NOTABLE: Final = 0.5
"""Standard deviations from the average customer from which on a feature is called high or low."""
_SHOWN: Final = 2


def describe_centroids(centroids: Floats, features: Sequence[str]) -> list[str]:
    """Return a name for each centroid (k, d; standardised units) from its two most striking features, all different.

    >>> describe_centroids(np.array([[1.0, -1.1], [1.0, 1.2], [0.1, 0.0]]), ["income", "spending_score"])
    ['High income, low spending', 'High income, high spending', 'Average income, average spending']
    """
    names = []
    for centroid in centroids:
        text = ", ".join(_words(features[column], level) for column, level in notable_features(centroid))
        names.append(text[:1].upper() + text[1:])
    return disambiguate_names(names, centroids, features)


def notable_features(centroid: Floats) -> list[tuple[int, int]]:
    """Return the most striking features of a centroid (d,), at most two, each with 0 for low, 1 average, 2 high."""
    striking = np.argsort(-np.abs(centroid), kind="stable")[:_SHOWN]
    return [(column, _level(centroid[column])) for column in sorted(striking.tolist())]


def disambiguate_names(names: Sequence[str], centroids: Floats, features: Sequence[str]) -> list[str]:
    """Return the names, those that several clusters share made different by the feature that differs most among them.

    Two or three are called low, average and high in it; more are numbered from low to high.

    >>> disambiguate_names(["Frequent Buyers"] * 2, np.array([[0.0, 2.0], [0.1, 1.0]]), ["recency", "monetary"])
    ['Frequent Buyers (high spend)', 'Frequent Buyers (low spend)']
    """
    found = list(names)
    for name in sorted({each for each in names if names.count(each) > 1}):
        alike = [place for place, each in enumerate(names) if each == name]
        column = int(np.argmax(np.ptp(centroids[alike], axis=0)))
        ranked = sorted(alike, key=lambda place: (centroids[place][column], *centroids[place]))
        levels = {2: (0, 2), 3: (0, 1, 2)}.get(len(ranked))
        for rank, place in enumerate(ranked):
            found[place] = f"{name} ({_words(features[column], levels[rank])})" if levels else f"{name} {rank + 1}"
    return found


def _level(value: float) -> int:
    """Return 0 for low, 1 for about average, 2 for high."""
    return 1 + int(value >= _NOTABLE) - int(value <= -_NOTABLE)


def _words(feature: str, level: int) -> str:
    if feature in _WORDS:
        return _WORDS[feature][level]
    subject = feature.removesuffix("_score").replace("_", " ")
    return f"{('low', 'average', 'high')[level]} {subject}"
