"""Welch's t-test of two means, and the plain interval that goes with it."""

import math

from scipy import stats

from experiments.statistics.sample import Sample, unusable
from experiments.statistics.value_or_reason import Estimate, Interval, NotComputable, Reason, Result

__all__ = ["welch"]


def welch(treatment: Sample, control: Sample, alpha: float = 0.05) -> Result[Estimate]:
    """Return the difference of means with its t interval and two-sided p-value, variances not assumed equal.

    Degrees of freedom after Welch (1947) and Satterthwaite (1946). `method` says whether the variance was pooled
    (`uneven_arms.pooled_if_uneven`).

    >>> welch(Sample(30, 10.5, 4.0), Sample(30, 9.0, 4.0)).p_value < 0.01
    True
    """
    if problem := unusable(treatment, control, least=2):
        return NotComputable(problem)
    squared_error = treatment.squared_error + control.squared_error
    if squared_error <= 0.0:
        return NotComputable(Reason.ZERO_VARIANCE)
    share = treatment.squared_error / squared_error
    degrees = 1.0 / (share**2 / (treatment.n - 1) + (1.0 - share) ** 2 / (control.n - 1))
    effect, error = treatment.mean - control.mean, math.sqrt(squared_error)
    p_value = float(2.0 * stats.t.sf(abs(effect / error), degrees))
    width = float(stats.t.isf(alpha / 2.0, degrees)) * error
    return Estimate(
        effect, Interval(effect - width, effect + width), p_value, "welch_pooled" if treatment.pooled else "welch"
    )
