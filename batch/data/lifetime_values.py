"""Lifetime value of a table's customers: fit both models to some, and value all."""

from dataclasses import dataclass

import numpy as np

from batch.data.customer_table import CustomerTable
from batch.lifetime.lifetime_models import HORIZON_WEEKS, CustomerValues, LifetimeModels
from batch.lifetime.maximum_likelihood import fit_bg_nbd, fit_gamma_gamma
from batch.lifetime.purchase_history import history_of

__all__ = ["LifetimeSummary", "NoLifetime", "lifetime_of"]

_FITTED = 50_000
_LEAST_REPEATERS = 50
_YEARLY_RATE = 0.10


@dataclass(frozen=True)
class NoLifetime:
    """Lifetime value cannot be told; `reason` says why."""

    reason: str


@dataclass(frozen=True, eq=False)
class LifetimeSummary:
    """The fitted models, and the values of the n customers of a table, by position."""

    models: LifetimeModels
    values: CustomerValues


def lifetime_of(
    table: CustomerTable, seed: int, *, horizon_weeks: float = HORIZON_WEEKS, yearly_rate: float = _YEARLY_RATE
) -> LifetimeSummary | NoLifetime:
    """Fit BG/NBD and Gamma-Gamma to at most 50,000 of the customers, and value all of them."""
    history, _ = history_of(table.rows, table.now_ms)
    repeaters = int((history.repeats > 0).sum())
    if repeaters < _LEAST_REPEATERS:
        return NoLifetime(f"{repeaters} customers have bought twice, {_LEAST_REPEATERS} are needed")
    sample = history
    if len(history) > _FITTED:
        sample = history.take(np.random.default_rng(seed).choice(len(history), _FITTED, replace=False))
    try:
        models = LifetimeModels(fit_bg_nbd(sample), fit_gamma_gamma(sample), horizon_weeks, yearly_rate)
    except ArithmeticError as error:
        return NoLifetime(str(error))
    return LifetimeSummary(models, models.values(table.rows, table.now_ms))
