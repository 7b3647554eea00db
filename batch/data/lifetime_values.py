"""Lifetime value of a table's customers: both models are fitted to a sample and applied to all."""

from dataclasses import dataclass

import numpy as np

from batch.data.customer_table import CustomerTable
from batch.lifetime.lifetime_models import HORIZON_WEEKS, CustomerValues, LifetimeModels
from batch.lifetime.maximum_likelihood import fit_bg_nbd, fit_gamma_gamma
from batch.lifetime.purchase_history import purchase_history

__all__ = ["LifetimeSummary", "LifetimeUnavailable", "fit_lifetime"]

_FITTED = 50_000
_LEAST_REPEATERS = 50
_YEARLY_RATE = 0.10


@dataclass(frozen=True)
class LifetimeUnavailable:
    """Lifetime value cannot be computed; `reason` says why."""

    reason: str


@dataclass(frozen=True, eq=False)
class LifetimeSummary:
    """The fitted models, and the values of the n customers of a table, by position."""

    models: LifetimeModels
    values: CustomerValues


def fit_lifetime(
    table: CustomerTable, seed: int, *, horizon_weeks: float = HORIZON_WEEKS, yearly_rate: float = _YEARLY_RATE
) -> LifetimeSummary | LifetimeUnavailable:
    """Fit BG/NBD and Gamma-Gamma to at most 50,000 of the customers, and apply the models to all of them.

    A fit by which nobody ever leaves is refused: it would say of everybody that they are still customers.
    """
    history, _ = purchase_history(table.rows, table.now_ms)
    repeaters = int((history.repeats > 0).sum())
    if repeaters < _LEAST_REPEATERS:
        return LifetimeUnavailable(f"{repeaters} customers have bought twice, {_LEAST_REPEATERS} are needed")
    sample = history
    if len(history) > _FITTED:
        sample = history.take(np.random.default_rng(seed).choice(len(history), _FITTED, replace=False))
    try:
        models = LifetimeModels(fit_bg_nbd(sample), fit_gamma_gamma(sample), horizon_weeks, yearly_rate)
    except ArithmeticError as error:
        return LifetimeUnavailable(str(error))
    if models.purchases.is_degenerate:
        a, b = models.purchases.a, models.purchases.b
        return LifetimeUnavailable(
            f"these orders do not show which customers have left (the fit of BG/NBD is degenerate: a = {a:.3g}, "
            f"b = {b:.3g}); a longer time of orders may show it"
        )
    return LifetimeSummary(models, models.values(table.rows, table.now_ms))
