"""Always-valid intervals and p-values: valid at every look, however many looks there are.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024, "Time-uniform central
limit theory and asymptotic confidence sequences") and the mixture sequential probability ratio test of Robbins (1970)
and Johari, Pekelis and Walsh (2022) are one thing: a normal mixture over the effects that there might be. They differ
in how its width is said: in standard errors (`precision`, below) or in the metric's unit (`effect_variance`).
"""

import math

import numpy as np
import numpy.typing as npt

from experiments.statistics.sample import Sample, unusable
from experiments.statistics.unequal_allocation import effective_customers
from experiments.statistics.value_or_reason import Estimate, Interval, NotComputable, Reason, Result

__all__ = ["Numbers", "always_valid", "half_width", "mixture_p_value", "mixture_precision"]

Numbers = float | npt.NDArray[np.float64]


def mixture_precision(expected_customers: float, alpha: float) -> float:
    """Return rho², which makes the sequence tightest at about that many customers (both arms together).

    rho² = (-2 log alpha + log(1 - 2 log alpha)) / t (appendix of Waudby-Smith et al.). Any value fixed before the
    first look is valid.
    """
    spent = -2.0 * math.log(alpha)
    return (spent + math.log(spent + 1.0)) / expected_customers


def half_width(squared_error: Numbers, customers: Numbers, precision: float, alpha: float) -> Numbers:
    """Return half the width of the sequence; arrays or numbers.

    With t customers of even arms (`uneven_arms.effective_customers`), g = t rho² and the effect's squared standard
    error s²: s · sqrt(2 (g + 1) / g · log(sqrt(g + 1) / alpha)).
    """
    gain = customers * precision
    return np.sqrt(squared_error * 2.0 * (gain + 1.0) / gain * (np.log1p(gain) / 2.0 - math.log(alpha)))


def mixture_p_value(effect: Numbers, squared_error: Numbers, customers: Numbers, precision: float) -> Numbers:
    """Return the always-valid p-value, at most 1; arrays or numbers.

    One over the mixture likelihood ratio exp(z² g / (2 (g + 1))) / sqrt(g + 1), z = effect / s. It is below alpha
    exactly where the sequence at alpha (and the same rho²) leaves out zero.
    """
    gain = customers * precision
    log_ratio = effect * (effect / squared_error) * gain / (2.0 * (gain + 1.0)) - np.log1p(gain) / 2.0
    return np.exp(-np.maximum(log_ratio, 0.0))


def always_valid(
    treatment: Sample, control: Sample, alpha: float = 0.05, expected_customers: float = 5_000
) -> Result[Estimate]:
    """Return the difference with a sequence's interval and p-value at this look.

    All looks together err with a chance of at most alpha: measured for splits from 1:1 to 1:99, read after every
    customer (`bench/statistics/uneven_splits.py`), with samples from `metric_samples.samples`.

    >>> result = always_valid(Sample(5000, 0.11, 0.0979), Sample(5000, 0.09, 0.0819))
    >>> round(result.interval.low, 4), round(result.p_value, 4)
    (0.0016, 0.0219)
    """
    if problem := unusable(treatment, control, least=2):
        return NotComputable(problem)
    squared_error = treatment.squared_error + control.squared_error
    if squared_error <= 0.0:
        return NotComputable(Reason.ZERO_VARIANCE)
    customers, effect = effective_customers([treatment.n, control.n]), treatment.mean - control.mean
    precision = mixture_precision(expected_customers, alpha)
    width = float(half_width(squared_error, customers, precision, alpha))
    p_value = float(mixture_p_value(effect, squared_error, customers, precision))
    return Estimate(effect, Interval(effect - width, effect + width), p_value, "asymptotic")
