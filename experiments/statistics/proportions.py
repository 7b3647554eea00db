"""Tests and intervals of conversion rates: z-test, Fisher's exact test, Newcombe and Wilson intervals."""

from typing import Final

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest

from experiments.statistics.sample import LARGEST, count_inconsistency
from experiments.statistics.value_or_reason import Estimate, Interval, NotComputable, Reason, Result

__all__ = ["counts_allow_variances", "expected_counts_allow_z", "fisher", "two_proportions", "wilson"]

_LARGEST_FISHER: Final = 10**7
_LEAST_EXPECTED: Final = 5.0


def two_proportions(successes: int, n: int, control_successes: int, control_n: int, alpha: float) -> Result[Estimate]:
    """Return the difference of two rates: pooled z-test, interval after Newcombe (1998, method 10).

    Refused where a count expected under no difference is below 5 (`fisher` answers then). Test and interval rest on
    different approximations, so close to alpha one may include what the other rejects.

    >>> round(two_proportions(120, 1000, 90, 1000, alpha=0.05).p_value, 4)
    0.0287
    """
    if problem := _inconsistency(successes, n, control_successes, control_n):
        return NotComputable(problem)
    if not expected_counts_allow_z(successes, n, control_successes, control_n):
        return NotComputable(Reason.SMALL_EXPECTED_COUNTS)
    _, p_value = proportions_ztest([successes, control_successes], [n, control_n])
    interval = _newcombe(successes, n, control_successes, control_n, alpha)
    return Estimate(successes / n - control_successes / control_n, interval, float(p_value), "z")


def fisher(successes: int, n: int, control_successes: int, control_n: int, alpha: float) -> Result[Estimate]:
    """Return the difference of two rates with Fisher's exact p-value (two-sided) and Newcombe's interval."""
    if problem := _inconsistency(successes, n, control_successes, control_n):
        return NotComputable(problem)
    if max(n, control_n) > _LARGEST_FISHER:
        return NotComputable(Reason.TOO_LARGE_FOR_EXACT)
    table = [[successes, n - successes], [control_successes, control_n - control_successes]]
    p_value = float(np.clip(stats.fisher_exact(table).pvalue, 0.0, 1.0))
    interval = _newcombe(successes, n, control_successes, control_n, alpha)
    return Estimate(successes / n - control_successes / control_n, interval, p_value, "fisher")


def wilson(successes: int, n: int, alpha: float) -> Result[Interval]:
    """Return the interval of one rate after Wilson (1927)."""
    if problem := count_inconsistency([(successes, n)]):
        return NotComputable(problem)
    low, high = proportion_confint(successes, n, alpha, method="wilson")
    return Interval(float(low), float(high))


def expected_counts_allow_z(successes: int, n: int, control_successes: int, control_n: int) -> bool:
    """Return whether all four counts expected under no difference are at least 5 (Cochran's rule)."""
    rate = (successes + control_successes) / (n + control_n)
    return min(n, control_n) * min(rate, 1.0 - rate) >= _LEAST_EXPECTED


def counts_allow_variances(successes: int, n: int, control_successes: int, control_n: int) -> bool:
    """Return whether at least 5 customers of each arm converted and 5 did not, so that each arm's spread is known."""
    return min(successes, n - successes, control_successes, control_n - control_successes) >= _LEAST_EXPECTED


def _inconsistency(successes: int, n: int, control_successes: int, control_n: int) -> Reason | None:
    if n == 0 and control_n == 0:
        return Reason.NO_EXPOSURES
    if n == 0 or control_n == 0:
        return Reason.ARM_EMPTY
    if not (0 <= successes <= n and 0 <= control_successes <= control_n):
        return Reason.INCONSISTENT_SUMS
    if max(n, control_n) > LARGEST:
        return Reason.OUT_OF_RANGE
    if successes + control_successes in {0, n + control_n}:
        return Reason.ZERO_VARIANCE
    return None


def _newcombe(successes: int, n: int, control_successes: int, control_n: int, alpha: float) -> Interval:
    low, high = confint_proportions_2indep(
        successes, n, control_successes, control_n, compare="diff", method="newcomb", alpha=alpha
    )
    return Interval(float(low), float(high))
