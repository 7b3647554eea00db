"""The relative lift, treatment over control less one, with Fieller's interval."""

import math

from scipy import stats

from experiments.statistics.sample import Sample, unusable
from experiments.statistics.value_or_reason import Estimate, Interval, NotComputable, Reason, Result

__all__ = ["fieller_lift"]


def fieller_lift(treatment: Sample, control: Sample, alpha: float = 0.05) -> Result[Estimate]:
    """Return the relative lift with Fieller's (1954) interval, the one that reports show.

    It inverts the test of "treatment mean = ratio times control mean", so it stays honest where the control's mean is
    noisy; where that mean cannot be distinguished from zero at `alpha` it has no bounds. Normal quantiles.

    >>> lift = fieller_lift(Sample(1000, 11.0, 25.0), Sample(1000, 10.0, 25.0))
    >>> round(lift.effect, 3), lift.interval.low < 0.1 < lift.interval.high
    (0.1, True)
    """
    if problem := unusable(treatment, control):
        return NotComputable(problem)
    squared_error = treatment.squared_error + control.squared_error
    if squared_error <= 0.0:
        return NotComputable(Reason.ZERO_VARIANCE)
    quantile = float(stats.norm.isf(alpha / 2.0)) ** 2
    denominator = control.mean**2 - quantile * control.squared_error
    if denominator <= 0.0:
        return NotComputable(Reason.CONTROL_NEAR_ZERO)
    centre = treatment.mean * control.mean / denominator
    discriminant = (
        control.mean**2 * treatment.squared_error
        + treatment.mean**2 * control.squared_error
        - quantile * treatment.squared_error * control.squared_error
    )
    width = math.sqrt(quantile * max(discriminant, 0.0)) / denominator
    interval = Interval(centre - width - 1.0, centre + width - 1.0)
    effect = treatment.mean / control.mean - 1.0
    if not all(map(math.isfinite, (effect, *interval))):
        return NotComputable(Reason.OUT_OF_RANGE)
    p_value = float(2.0 * stats.norm.sf(abs(treatment.mean - control.mean) / math.sqrt(squared_error)))
    return Estimate(effect, interval, p_value, "fieller")
