"""The relative lift, treatment over control less one, with Fieller's interval or the delta method's."""

import math

from scipy import stats

from experiments.statistics.result import CannotSay, Estimate, Interval, Outcome, Reason
from experiments.statistics.sample import Sample

__all__ = ["delta_lift", "fieller_lift"]


def fieller_lift(treatment: Sample, control: Sample, alpha: float = 0.05) -> Outcome[Estimate]:
    """Return the relative lift with Fieller's (1954) interval, the one that reports show.

    It inverts the test of "treatment mean = ratio times control mean", so it stays honest where the control's mean is
    noisy; where that mean cannot be told from zero at `alpha` it has no bounds, and nothing is said. Normal quantiles.

    >>> lift = fieller_lift(Sample(1000, 11.0, 25.0), Sample(1000, 10.0, 25.0))
    >>> round(lift.effect, 3), lift.interval.low < 0.1 < lift.interval.high
    (0.1, True)
    """
    if treatment.squared_error + control.squared_error <= 0.0:
        return CannotSay(Reason.ZERO_VARIANCE)
    quantile = float(stats.norm.isf(alpha / 2.0)) ** 2
    room = control.mean**2 - quantile * control.squared_error
    if room <= 0.0:
        return CannotSay(Reason.CONTROL_NEAR_ZERO)
    centre = treatment.mean * control.mean / room
    inside = (
        control.mean**2 * treatment.squared_error
        + treatment.mean**2 * control.squared_error
        - quantile * treatment.squared_error * control.squared_error
    )
    width = math.sqrt(quantile * max(inside, 0.0)) / room
    p_value = _p_value(treatment.mean - control.mean, treatment.squared_error + control.squared_error)
    return _finite(treatment.mean / control.mean - 1.0, centre - width - 1.0, centre + width - 1.0, p_value, "fieller")


def delta_lift(treatment: Sample, control: Sample, alpha: float = 0.05) -> Outcome[Estimate]:
    """Return the relative lift with the delta method's symmetric interval (first-order Taylor expansion)."""
    if treatment.squared_error + control.squared_error <= 0.0:
        return CannotSay(Reason.ZERO_VARIANCE)
    if control.mean == 0.0 or not math.isfinite(treatment.mean / control.mean):
        return CannotSay(Reason.CONTROL_NEAR_ZERO)
    ratio = treatment.mean / control.mean
    error = math.sqrt(treatment.squared_error + ratio * ratio * control.squared_error) / abs(control.mean)
    width = float(stats.norm.isf(alpha / 2.0)) * error
    return _finite(ratio - 1.0, ratio - 1.0 - width, ratio - 1.0 + width, _p_value(ratio - 1.0, error * error), "delta")


def _p_value(effect: float, squared_error: float) -> float:
    if squared_error == 0.0:
        return 0.0 if effect else 1.0
    return float(2.0 * stats.norm.sf(abs(effect) / math.sqrt(squared_error)))


def _finite(effect: float, low: float, high: float, p_value: float, method: str) -> Outcome[Estimate]:
    if not all(map(math.isfinite, (effect, low, high))):
        return CannotSay(Reason.OUT_OF_RANGE)
    return Estimate(effect, Interval(low, high), p_value, method)
