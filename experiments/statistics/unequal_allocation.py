"""Arms of uneven size: a variance that does not mislead, and how many customers of even arms they are worth."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from experiments.statistics.sample import Sample

__all__ = ["UNEVEN", "effective_customers", "pooled_if_uneven"]

UNEVEN: Final = 1.5
"""Arms are uneven where the largest has more than this many times the customers of the smallest."""


def effective_customers(sizes: Sequence[int]) -> float:
    """Return the customers of two even arms whose means differ with the same error, if all customers vary alike.

    4 / (1/n + 1/m): what a sequence takes as time, because one over the squared error grows with it.

    >>> effective_customers([5_000, 5_000]), round(effective_customers([100, 9_900]))
    (10000.0, 396)
    """
    return 4.0 / sum(1.0 / size for size in sizes)


def pooled_if_uneven(arms: Sequence[Sample]) -> list[Sample]:
    """Return the arms; where they are uneven and it makes the larger error, each with the variance pooled over all.

    The mean and the variance of a small, skewed sample go together: one that misses the rare large values has a low
    mean and looks precise. Its own variance then finds differences that are not there (docs/decisions/0024). With the
    larger of the two errors neither a lucky small arm nor an unlucky one does. Even arms are left as they are: their
    errors cancel, and every figure is the textbook's.

    >>> [arm.variance for arm in pooled_if_uneven([Sample(10, 1.0, 2.0), Sample(90, 2.0, 8.0)])]
    [7.448979591836735, 7.448979591836735]
    >>> [arm.variance for arm in pooled_if_uneven([Sample(80, 1.0, 2.0), Sample(90, 2.0, 8.0)])]
    [2.0, 8.0]
    """
    sizes = [arm.n for arm in arms]
    freedom = sum(sizes) - len(sizes)
    if min(sizes) < 1 or freedom < 1 or max(sizes) <= UNEVEN * min(sizes):
        return list(arms)
    variance = sum((arm.n - 1) * arm.variance for arm in arms) / freedom
    if variance * sum(1.0 / size for size in sizes) <= sum(arm.squared_error for arm in arms):
        return list(arms)
    return [replace(arm, variance=variance, pooled=True) for arm in arms]
