"""A metric in one arm, as its size, mean and variance by customer: what every comparison is made from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from experiments.statistics.value_or_reason import NotComputable, Reason, Result
from experiments.tally import THOUSANDTHS, Tally

__all__ = [
    "LARGEST",
    "Sample",
    "conversion",
    "count_inconsistency",
    "covariance",
    "inconsistency",
    "pre_revenue",
    "retention",
    "revenue",
    "unusable",
]

LARGEST: Final = 10**12
"""Most customers of an arm that the statistics take."""
_LARGEST_SUM: Final = 10**36


@dataclass(frozen=True, slots=True)
class Sample:
    """`n` customers with a mean and a variance by customer, so that `variance / n` is that of the mean.

    >>> Sample(n=100, mean=5.0, variance=4.0).squared_error
    0.04
    """

    n: int
    mean: float
    variance: float
    pooled: bool = field(default=False, repr=False)
    """Whether the variance is that of all arms together (`uneven_arms`)."""

    @property
    def squared_error(self) -> float:
        """Squared standard error of the mean; infinite without customers."""
        return self.variance / self.n if self.n else math.inf


def unusable(*samples: Sample, least: int = 1) -> Reason | None:
    """Return why nothing can be computed from the samples, of which each needs `least` customers, or None.

    >>> unusable(Sample(0, 0.0, 0.0)), unusable(Sample(9, 1.0, math.nan)), unusable(Sample(9, 1.0, 2.0))
    (<Reason.ARM_EMPTY: 'arm_empty'>, <Reason.NOT_A_NUMBER: 'not_a_number'>, None)
    """
    if any(sample.n < 1 for sample in samples):
        return Reason.ARM_EMPTY
    if any(sample.n < least for sample in samples):
        return Reason.TOO_FEW_CUSTOMERS
    if any(math.isnan(sample.mean) or math.isnan(sample.variance) for sample in samples):
        return Reason.NOT_A_NUMBER
    finite = all(math.isfinite(sample.mean) and math.isfinite(sample.variance) for sample in samples)
    return None if finite else Reason.OUT_OF_RANGE


def conversion(tally: Tally) -> Result[Sample]:
    """Return the share of customers that converted; variance p(1 - p)."""
    return _share(tally, tally.converted)


def retention(tally: Tally) -> Result[Sample]:
    """Return the share of customers with a second order in time; variance p(1 - p)."""
    return _share(tally, tally.retained)


def revenue(tally: Tally) -> Result[Sample]:
    """Return revenue per customer in currency units; variance with n - 1, from exact sums."""
    return _mean(tally, tally.revenue, tally.revenue_squares)


def pre_revenue(tally: Tally) -> Result[Sample]:
    """Return revenue per customer before exposure, in currency units."""
    return _mean(tally, tally.pre_revenue, tally.pre_squares)


def covariance(n: int, left: int, right: int, cross: int) -> float:
    """Return the covariance (n - 1) of two whole-numbered quantities from their sums; n at least 2.

    The numerator is an exact integer, so nothing cancels: Python rounds once, in the division.

    >>> covariance(3, 6, 6, 14)  # 1, 2, 3 with itself
    1.0
    """
    return (n * cross - left * right) / (n * (n - 1))


def inconsistency(tally: Tally) -> Reason | None:
    """Return why nothing can be computed from the tally, or None.

    Counts must be possible (none negative, no more converted than exposed), sums must satisfy the Cauchy-Schwarz
    inequality, and numbers must be small enough for float64 (`LARGEST` customers, sums up to 10^36).
    """
    if any(abs(value) > _LARGEST_SUM for value in tally.values()) or tally.exposed > LARGEST:
        return Reason.OUT_OF_RANGE
    counts = (tally.converted, tally.retained)
    if tally.exposed < 0 or tally.orders < 0 or not all(0 <= count <= tally.exposed for count in counts):
        return Reason.INCONSISTENT_SUMS
    n = tally.exposed
    spreads = (
        n * tally.revenue_squares - tally.revenue**2,
        n * tally.order_squares - tally.orders**2,
        n * tally.pre_squares - tally.pre_revenue**2,
    )
    crosses = (
        (spreads[0], spreads[1], n * tally.revenue_orders - tally.revenue * tally.orders),
        (spreads[0], spreads[2], n * tally.pre_cross - tally.revenue * tally.pre_revenue),
    )
    possible = all(spread >= 0 for spread in spreads) and all(a * b >= c * c for a, b, c in crosses)
    return None if possible else Reason.INCONSISTENT_SUMS


def count_inconsistency(arms: Sequence[tuple[int, int]]) -> Reason | None:
    """Return why nothing can be computed from (successes, n) of each arm, or None."""
    if not any(n for _, n in arms):
        return Reason.NO_EXPOSURES
    if not all(0 <= successes <= n for successes, n in arms):
        return Reason.INCONSISTENT_SUMS
    return Reason.OUT_OF_RANGE if any(n > LARGEST for _, n in arms) else None


def _share(tally: Tally, successes: int) -> Result[Sample]:
    if problem := inconsistency(tally):
        return NotComputable(problem)
    if not tally.exposed:
        return NotComputable(Reason.ARM_EMPTY)
    share = successes / tally.exposed
    return Sample(tally.exposed, share, share * (1.0 - share))


def _mean(tally: Tally, total: int, squares: int) -> Result[Sample]:
    if problem := inconsistency(tally):
        return NotComputable(problem)
    if not tally.exposed:
        return NotComputable(Reason.ARM_EMPTY)
    if tally.exposed < 2:
        return NotComputable(Reason.TOO_FEW_CUSTOMERS)
    variance = covariance(tally.exposed, total, total, squares) / THOUSANDTHS**2
    return Sample(tally.exposed, total / (tally.exposed * THOUSANDTHS), variance)
