"""Sample sizes by test, minimum detectable effects, and the days left."""

import math
from typing import Final

import numpy as np
from scipy import optimize, stats
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from experiments.sequential.always_valid import Numbers, half_width, mixture_precision
from experiments.sequential.group_sequential import crossing_probability
from experiments.statistics.sample import LARGEST, Sample, unusable
from experiments.statistics.unequal_allocation import effective_customers
from experiments.statistics.value_or_reason import NotComputable, Reason, Result

__all__ = [
    "days_left",
    "minimum_detectable_effect",
    "sample_size_of_means",
    "sample_size_of_proportions",
    "sequential_customers",
    "sequential_detectable_effect",
]

_POWER: Final = 0.8
_MIN_CUSTOMERS: Final = 4
"""Customers of the smallest experiment: two an arm."""
_SHARES: Final = np.geomspace(0.01, 1.0, 50)
_MAX_BOUNDARY: Final = 10.0
"""A z that is practically never reached; a larger one would only cost time."""


def sample_size_of_means(
    baseline: Sample, lift: float, alpha: float = 0.05, power: float = _POWER, ratio: float = 1.0
) -> Result[int]:
    """Return the customers of the control (the treatment needs `ratio` times as many) that detect a relative lift.

    Two-sided test; the baseline's variance in both arms. Serves every metric that has a `Sample`.

    >>> sample_size_of_means(Sample(1000, 10.0, 25.0), lift=0.05)
    1570
    """
    if problem := unusable(baseline):
        return NotComputable(problem)
    effect = abs(lift * baseline.mean)
    if effect == 0.0 or baseline.variance <= 0.0:
        return NotComputable(Reason.NO_EFFECT_TO_DETECT)
    # The root of statsmodels' NormalIndPower().power without its far tail; its own search fails on large effects.
    return _rounded_up(_customers_of_one_look(baseline, effect, alpha, power) * (1.0 + 1.0 / ratio))


def sample_size_of_proportions(
    rate: float, lift: float, alpha: float = 0.05, power: float = _POWER, ratio: float = 1.0
) -> Result[int]:
    """Return the customers of the control that detect a relative lift of a rate (pooled z-test, two-sided).

    >>> sample_size_of_proportions(0.05, lift=0.1)
    31234
    """
    difference = rate * lift
    if difference == 0.0 or not (0.0 < rate < 1.0 and 0.0 < rate + difference < 1.0):
        return NotComputable(Reason.NO_EFFECT_TO_DETECT)
    # statsmodels sizes its first group, whose rate is the second's plus the difference: the first is our control.
    with np.errstate(all="ignore"):
        needed = samplesize_proportions_2indep_onetail(-difference, rate + difference, power, ratio=ratio, alpha=alpha)
    return _rounded_up(needed)


def minimum_detectable_effect(
    treatment: Sample, control: Sample, alpha: float = 0.05, power: float = _POWER
) -> Result[float]:
    """Return the difference, in the metric's unit, that so many customers find with that power.

    (z(alpha / 2) + z(power)) times the standard error of the difference.
    """
    if problem := unusable(treatment, control):
        return NotComputable(problem)
    squared_error = treatment.squared_error + control.squared_error
    if squared_error <= 0.0:
        return NotComputable(Reason.ZERO_VARIANCE)
    return float(stats.norm.isf(alpha / 2.0) + stats.norm.ppf(power)) * math.sqrt(squared_error)


def sequential_customers(
    baseline: Sample,
    lift: float,
    *,
    alpha: float = 0.05,
    power: float = _POWER,
    expected_customers: float = 5_000,
) -> Result[int]:
    """Return the customers of two equal arms together by which an always-valid test finds the lift with that power.

    Where the chance to have crossed the sequence's boundary at any of 50 looks, spread evenly over the logarithm of the
    customers, is the power; who looks more often finds a little more. Most experiments end earlier.
    """
    if problem := unusable(baseline):
        return NotComputable(problem)
    effect = abs(lift * baseline.mean)
    if effect == 0.0 or baseline.variance <= 0.0:
        return NotComputable(Reason.NO_EFFECT_TO_DETECT)
    precision = mixture_precision(expected_customers, alpha)
    most = _single_look(baseline, effect, precision, alpha, power)
    if isinstance(most, NotComputable) or most <= _MIN_CUSTOMERS or _boundary(most, precision, alpha) > _MAX_BOUNDARY:
        return most
    fixed = max(4.0 * _customers_of_one_look(baseline, effect, alpha, power), float(_MIN_CUSTOMERS))

    def missing(log_customers: float) -> float:
        customers = math.exp(log_customers)
        boundaries = np.minimum(_boundary(_SHARES * customers, precision, alpha), _MAX_BOUNDARY)
        drift = effect / (2.0 * math.sqrt(baseline.variance)) * math.sqrt(customers)
        return power - crossing_probability(_SHARES.tolist(), boundaries.tolist(), drift)

    ends = math.log(fixed), math.log(most)
    if fixed >= most or missing(ends[0]) <= 0.0 or missing(ends[1]) >= 0.0:
        return most
    return math.ceil(math.exp(optimize.brentq(missing, *ends, xtol=1e-3)))


def sequential_detectable_effect(
    treatment: Sample,
    control: Sample,
    alpha: float = 0.05,
    power: float = _POWER,
    expected_customers: float = 5_000,
) -> Result[float]:
    """Return the difference that an always-valid test, read now, finds with that power: half width + z(power) · s."""
    if problem := unusable(treatment, control):
        return NotComputable(problem)
    squared_error = treatment.squared_error + control.squared_error
    if squared_error <= 0.0:
        return NotComputable(Reason.ZERO_VARIANCE)
    precision = mixture_precision(expected_customers, alpha)
    width = float(half_width(squared_error, effective_customers([treatment.n, control.n]), precision, alpha))
    return width + float(stats.norm.ppf(power)) * math.sqrt(squared_error)


def days_left(needed: int, exposed: int, days: float) -> Result[int]:
    """Return the days until `needed` customers are exposed, at the pace of the `days` so far; 0 where they are.

    >>> days_left(needed=10_000, exposed=4_000, days=8.0)
    12
    """
    if exposed >= needed:
        return 0
    if exposed <= 0 or days <= 0.0:
        return NotComputable(Reason.NO_EXPOSURES)
    return math.ceil((needed - exposed) / exposed * days)


def _single_look(baseline: Sample, effect: float, precision: float, alpha: float, power: float) -> Result[int]:
    """Return the customers at which a single look at the sequence has the power, more than many looks need."""
    reach = float(stats.norm.ppf(power))

    def missing(log_customers: float) -> float:
        customers = math.exp(log_customers)
        error = math.sqrt(4.0 * baseline.variance / customers)
        return (float(_boundary(customers, precision, alpha)) + reach) * error - effect

    least, most = math.log(_MIN_CUSTOMERS), math.log(2.0 * LARGEST)
    if missing(most) > 0.0:
        return NotComputable(Reason.OUT_OF_RANGE)
    return _MIN_CUSTOMERS if missing(least) <= 0.0 else math.ceil(math.exp(optimize.brentq(missing, least, most)))


def _customers_of_one_look(baseline: Sample, effect: float, alpha: float, power: float) -> float:
    """Return (reach · standard deviation / effect)²; infinite, never an exception, where a float cannot hold it."""
    errors = float(stats.norm.isf(alpha / 2.0) + stats.norm.ppf(power)) * math.sqrt(baseline.variance) / effect
    return errors * errors


def _boundary(customers: Numbers, precision: float, alpha: float) -> Numbers:
    """Return the boundary of the sequence, as a z, at so many customers."""
    return half_width(1.0, customers, precision, alpha)


def _rounded_up(needed: float) -> Result[int]:
    if not math.isfinite(needed) or needed > LARGEST:
        return NotComputable(Reason.OUT_OF_RANGE)
    return max(math.ceil(needed), 2)
