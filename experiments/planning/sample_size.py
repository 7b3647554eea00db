"""How many customers an experiment needs: fixed, group-sequential and sequential."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from experiments.planning.sample_size_formulas import (
    sample_size_of_means,
    sample_size_of_proportions,
    sequential_customers,
)
from experiments.sequential.group_sequential import Spending, inflation, obrien_fleming
from experiments.statistics.sample import Sample
from experiments.statistics.value_or_reason import NotComputable, Reason, Result

__all__ = ["SampleSizes", "rate_baseline", "sample_sizes", "sequential_total"]


class SampleSizes(NamedTuple):
    """Customers of all arms together by which the effect is found with the power asked for.

    `fixed` is read once, `group_sequential` at planned looks (its largest size), `sequential` at any time (most
    experiments end earlier).
    """

    fixed: Result[int]
    group_sequential: Result[int]
    sequential: Result[int]


def rate_baseline(rate: float) -> Sample:
    """Return a rate as a sample of one customer, which is all that planning takes."""
    return Sample(1, rate, rate * (1.0 - rate))


def sample_sizes(
    baseline: Sample,
    lift: float,
    shares: Sequence[float],
    *,
    is_rate: bool,
    alpha: float = 0.05,
    power: float = 0.8,
    looks: int = 5,
    spending: Spending = obrien_fleming,
    expected_customers: float = 5_000,
) -> SampleSizes:
    """Return the customers that find a relative lift of the control's baseline.

    `shares` are the arms' parts of all customers, the control's first; alpha is divided by the number of treatments,
    and the smallest treatment decides.

    >>> sample_sizes(rate_baseline(0.05), 0.1, [0.5, 0.5], is_rate=True).fixed
    62468
    """
    shared = alpha / (len(shares) - 1)
    fixed = _fixed_total(baseline, lift, shares, is_rate=is_rate, alpha=shared, power=power)
    if isinstance(fixed, NotComputable):
        return SampleSizes(fixed, fixed, fixed)
    planned = math.ceil(fixed * inflation(looks, shared, power, spending))
    return SampleSizes(
        fixed,
        planned,
        sequential_total(baseline, lift, shares, alpha=alpha, power=power, expected_customers=expected_customers),
    )


def sequential_total(
    baseline: Sample, lift: float, shares: Sequence[float], *, alpha: float, power: float, expected_customers: float
) -> Result[int]:
    """Return the customers of all arms by which an always-valid test finds the lift (`power.sequential_customers`)."""
    needed = sequential_customers(
        baseline, lift, alpha=alpha / (len(shares) - 1), power=power, expected_customers=expected_customers
    )
    if isinstance(needed, NotComputable):
        return needed
    return math.ceil(needed * (1.0 / min(shares[1:]) + 1.0 / shares[0]) / 4.0)


def _fixed_total(
    baseline: Sample, lift: float, shares: Sequence[float], *, is_rate: bool, alpha: float, power: float
) -> Result[int]:
    ratio = min(shares[1:]) / shares[0]
    if is_rate:
        if not 0.0 < baseline.mean < 1.0:
            return NotComputable(Reason.NO_EFFECT_TO_DETECT)
        control = sample_size_of_proportions(baseline.mean, lift, alpha, power, ratio)
    else:
        control = sample_size_of_means(baseline, lift, alpha, power, ratio)
    return control if isinstance(control, NotComputable) else math.ceil(control / shares[0])
