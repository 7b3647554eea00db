"""Omnibus tests: is there any difference between more than two arms?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from statsmodels.stats.oneway import anova_generic

from experiments.statistics.sample import Sample, count_inconsistency, unusable
from experiments.statistics.value_or_reason import NotComputable, Reason, Result

__all__ = ["OmnibusTest", "chi_squared", "welch_anova"]


class OmnibusTest(NamedTuple):
    """A test statistic of "all arms are the same", its degrees of freedom, and its p-value."""

    statistic: float
    degrees: float
    p_value: float


def chi_squared(arms: Sequence[tuple[int, int]]) -> Result[OmnibusTest]:
    """Return Pearson's chi-squared test of (successes, n) of each arm, without continuity correction.

    >>> round(chi_squared([(90, 1000), (120, 1000), (100, 1000)]).p_value, 4)
    0.0806
    """
    if len(arms) < 2:
        return NotComputable(Reason.ONE_ARM)
    if problem := count_inconsistency(arms):
        return NotComputable(problem)
    if any(n == 0 for _, n in arms):
        return NotComputable(Reason.ARM_EMPTY)
    table = np.array([[successes, n - successes] for successes, n in arms], dtype=np.float64)
    if not table.sum(axis=0).all():
        return NotComputable(Reason.ZERO_VARIANCE)
    result = stats.chi2_contingency(table, correction=False)
    if result.expected_freq.min() < 5.0:
        return NotComputable(Reason.SMALL_EXPECTED_COUNTS)
    return OmnibusTest(float(result.statistic), float(result.dof), float(result.pvalue))


def welch_anova(arms: Sequence[Sample]) -> Result[OmnibusTest]:
    """Return Welch's (1951) one-way analysis of variance, variances not assumed equal; degrees are the numerator's."""
    if len(arms) < 2:
        return NotComputable(Reason.ONE_ARM)
    if problem := unusable(*arms, least=2):
        return NotComputable(problem)
    if any(arm.variance <= 0.0 for arm in arms):
        return NotComputable(Reason.ZERO_VARIANCE)
    columns = np.array([(arm.mean, arm.variance, arm.n) for arm in arms], dtype=np.float64).T
    with np.errstate(all="ignore"):
        result = anova_generic(*columns, use_var="unequal", welch_correction=True)
    values = (float(result.statistic), float(result.df_num), float(result.pvalue))
    return OmnibusTest(*values) if np.isfinite(values).all() else NotComputable(Reason.OUT_OF_RANGE)
