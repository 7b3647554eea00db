"""Lifetime value of a table's customers: fit both models, and discount what is to be expected."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batch.lifetime.bgnbd import BgNbd, fit_bg_nbd
from batch.lifetime.gamma_gamma import GammaGamma, fit_gamma_gamma
from batch.lifetime.history import history_of
from batch.table import CustomerTable

__all__ = ["LifetimeSummary", "NoLifetime", "lifetime_of"]

Floats = npt.NDArray[np.float64]

_FITTED = 50_000
_LEAST_REPEATERS = 50
_HORIZON_WEEKS = 52.0
_STEPS = 4
_YEARLY_RATE = 0.10
_WEEKS_A_YEAR = 365.25 / 7.0


@dataclass(frozen=True)
class NoLifetime:
    """Lifetime value cannot be told; `reason` says why."""

    reason: str


@dataclass(frozen=True, eq=False)
class LifetimeSummary:
    """Lifetime value of the n customers of a table, by position; NaN for those who have never ordered.

    Attributes:
        purchases, amounts: the fitted models.
        horizon_weeks, yearly_rate: how far ahead it looks, and the discount rate a year.
        alive: probability (n,) that a customer is still one.
        expected: orders (n,) to expect within the horizon.
        value: what they are worth today (n,), in the shop's currency.
    """

    purchases: BgNbd
    amounts: GammaGamma
    horizon_weeks: float
    yearly_rate: float
    alive: Floats
    expected: Floats
    value: Floats

    def of(self, table: CustomerTable) -> "LifetimeSummary":
        """Return the same for the customers of another table, by the fitted models."""
        return _valued(table, self.purchases, self.amounts, self.horizon_weeks, self.yearly_rate)


def lifetime_of(
    table: CustomerTable, seed: int, *, horizon_weeks: float = _HORIZON_WEEKS, yearly_rate: float = _YEARLY_RATE
) -> LifetimeSummary | NoLifetime:
    """Fit BG/NBD and Gamma-Gamma to at most 50,000 of the customers, and value all of them."""
    history, _ = history_of(table)
    repeaters = int((history.repeats > 0).sum())
    if repeaters < _LEAST_REPEATERS:
        return NoLifetime(f"{repeaters} customers have bought twice, {_LEAST_REPEATERS} are needed")
    sample = history
    if len(history) > _FITTED:
        sample = history.take(np.random.default_rng(seed).choice(len(history), _FITTED, replace=False))
    try:
        purchases, amounts = fit_bg_nbd(sample), fit_gamma_gamma(sample)
    except ArithmeticError as error:
        return NoLifetime(str(error))
    return _valued(table, purchases, amounts, horizon_weeks, yearly_rate)


def _valued(
    table: CustomerTable, purchases: BgNbd, amounts: GammaGamma, weeks: float, yearly_rate: float
) -> LifetimeSummary:
    history, bought = history_of(table)
    alive, expected, value = (np.full(len(table), np.nan) for _ in range(3))
    alive[bought] = purchases.alive(history)
    until = [purchases.expected(history, weeks * step / _STEPS) for step in range(1, _STEPS + 1)]
    expected[bought] = until[-1]
    value[bought] = amounts.mean_amount(history) * _discounted(until, weeks, yearly_rate)
    return LifetimeSummary(purchases, amounts, weeks, yearly_rate, alive, expected, value)


def _discounted(until: list[Floats], weeks: float, yearly_rate: float) -> Floats:
    """Return the orders (n,) to come, each discounted from the middle of its quarter of the horizon."""
    total, before = np.zeros_like(until[0]), np.zeros_like(until[0])
    for step, orders in enumerate(until):
        years = weeks * (step + 0.5) / _STEPS / _WEEKS_A_YEAR
        total += (orders - before) / (1.0 + yearly_rate) ** years
        before = orders
    return total
