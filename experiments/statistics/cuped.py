"""CUPED: adjust revenue by revenue before exposure, to reduce its variance (Deng, Xu, Kohavi and Walker 2013)."""

from typing import NamedTuple

from experiments.statistics.sample import Sample, covariance, inconsistency, pre_revenue, revenue
from experiments.statistics.value_or_reason import NotComputable, Reason, Result
from experiments.tally import THOUSANDTHS, Tally

__all__ = ["CupedSamples", "adjusted_revenue"]


class CupedSamples(NamedTuple):
    """Revenue per customer of two arms after adjustment, and the share of variance that it took away."""

    treatment: Sample
    control: Sample
    variance_reduction: float


def adjusted_revenue(treatment: Tally, control: Tally) -> Result[CupedSamples]:
    """Return both arms' revenue less theta times (pre-exposure revenue less its pooled mean).

    theta = cov(x, y) / var(y) over the customers of both arms; the variance by customer becomes
    var x + theta² var y - 2 theta cov(x, y), which is (1 - rho²) var x at the optimum.
    """
    if problem := inconsistency(treatment) or inconsistency(control) or inconsistency(treatment + control):
        return NotComputable(problem)
    plain = revenue(treatment), revenue(control)
    before = pre_revenue(treatment), pre_revenue(control)
    for sample in (*plain, *before):
        if isinstance(sample, NotComputable):
            return sample
    theta = _theta(treatment + control)
    if theta == 0.0:
        return NotComputable(Reason.NO_PRE_PERIOD)
    both = treatment + control
    centre = both.pre_revenue / (both.exposed * THOUSANDTHS)
    arms = [_adjusted(tally, theta, centre) for tally in (treatment, control)]
    unadjusted = (
        sum(
            covariance(each.exposed, each.revenue, each.revenue, each.revenue_squares) / each.exposed
            for each in (treatment, control)
        )
        / THOUSANDTHS**2
    )
    if unadjusted <= 0.0:
        return NotComputable(Reason.ZERO_VARIANCE)
    return CupedSamples(arms[0], arms[1], 1.0 - (arms[0].squared_error + arms[1].squared_error) / unadjusted)


def _theta(both: Tally) -> float:
    spread = covariance(both.exposed, both.pre_revenue, both.pre_revenue, both.pre_squares)
    if spread <= 0.0:
        return 0.0
    return covariance(both.exposed, both.revenue, both.pre_revenue, both.pre_cross) / spread


def _adjusted(tally: Tally, theta: float, centre: float) -> Sample:
    n = tally.exposed
    variance = (
        covariance(n, tally.revenue, tally.revenue, tally.revenue_squares)
        + theta**2 * covariance(n, tally.pre_revenue, tally.pre_revenue, tally.pre_squares)
        - 2.0 * theta * covariance(n, tally.revenue, tally.pre_revenue, tally.pre_cross)
    ) / THOUSANDTHS**2
    mean = tally.revenue / (n * THOUSANDTHS) - theta * (tally.pre_revenue / (n * THOUSANDTHS) - centre)
    # Rounding may leave a tiny negative number where revenue follows exactly from what unadjusted spent before.
    return Sample(n, mean, max(variance, 0.0))
