"""Runs of one measurement brought together: medians, and how far the runs lie apart."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = ["Ratio", "ratio_of_pairs", "summary"]


class Ratio(NamedTuple):
    """How many times as much, run by run: the median and the two ends."""

    median: float
    lowest: float
    highest: float


def summary(runs: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Return the median of each figure, their `spread` as [smallest, largest], and the number of `runs`.

    >>> summary([{"s": 3.0}, {"s": 1.0}, {"s": 2.0}])
    {'s': 2.0, 'spread': {'s': [1.0, 3.0]}, 'runs': 3}
    """
    columns = {name: [round(float(run[name]), 6) for run in runs] for name in runs[0]}
    return {
        **{name: statistics.median(values) for name, values in columns.items()},
        "spread": {name: [min(values), max(values)] for name, values in columns.items()},
        "runs": len(runs),
    }


def ratio_of_pairs(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Return how many times theirs ours is, from figures that were measured in turn (A B A B).

    >>> ratio_of_pairs([10.0, 12.0, 9.0], [5.0, 4.0, 6.0])
    Ratio(median=2.0, lowest=1.5, highest=3.0)
    """
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))
