"""Lifetime value of a table's customers: both models are fitted to a sample and applied to all."""

from dataclasses import dataclass

import numpy as np

from batch.data.customer_table import CustomerTable
from batch.lifetime.bg_nbd import BgNbd
from batch.lifetime.lifetime_models import HORIZON_WEEKS, CustomerValues, LifetimeModels
from batch.lifetime.maximum_likelihood import fit_bg_nbd, fit_gamma_gamma
from batch.lifetime.purchase_history import purchase_history

__all__ = ["LifetimeSummary", "LifetimeUnavailable", "degenerate", "fit_lifetime"]

_FITTED = 50_000
_LEAST_REPEATERS = 50
_YEARLY_RATE = 0.10
_LEAST_LEAVING = 1e-3
"""The chance to leave after an order, on average, below which a fit says that nobody does."""
_RUN_AWAY = 11.9
"""Logarithm of a parameter from which on the search has ended at its bound, of 12."""


@dataclass(frozen=True)
class LifetimeUnavailable:
    """Lifetime value cannot be computed; `reason` says why."""

    reason: str


@dataclass(frozen=True, eq=False)
class LifetimeSummary:
    """The fitted models, and the values of the n customers of a table, by position."""

    models: LifetimeModels
    values: CustomerValues


def degenerate(model: BgNbd) -> str:
    """Return why fitted parameters say nothing of the shop, "" where they do.

    They run away to the ends of the search where the log does not show that anybody leaves, or how customers differ.

    >>> degenerate(BgNbd(0.24, 4.4, 0.79, 2.4, -9582.4, 2357))
    ''
    >>> degenerate(BgNbd(0.24, 4.4, 6e-6, 59_004.0, -9582.4, 2357)).split(",")[0]
    'the orders do not show that anybody ever leaves (BG/NBD: r = 0.24'
    """
    found = f"(BG/NBD: r = {model.r:.3g}, alpha = {model.alpha:.3g}, a = {model.a:.3g}, b = {model.b:.3g})"
    if model.a / (model.a + model.b) < _LEAST_LEAVING:
        what = "the orders do not show that anybody ever leaves"
    elif max(abs(np.log(each)) for each in (model.r, model.alpha, model.a, model.b)) > _RUN_AWAY:
        what = "the orders do not show how customers differ"
    else:
        return ""
    return f"{what} {found}, so that no forecast can be made of them; wait for a longer history"


def fit_lifetime(
    table: CustomerTable, seed: int, *, horizon_weeks: float = HORIZON_WEEKS, yearly_rate: float = _YEARLY_RATE
) -> LifetimeSummary | LifetimeUnavailable:
    """Fit BG/NBD and Gamma-Gamma to at most 50,000 of the customers, and apply the models to all of them."""
    history, _ = purchase_history(table.rows, table.now_ms)
    repeaters = int((history.repeats > 0).sum())
    if repeaters < _LEAST_REPEATERS:
        return LifetimeUnavailable(f"{repeaters} customers have bought twice, {_LEAST_REPEATERS} are needed")
    sample = history
    if len(history) > _FITTED:
        sample = history.take(np.random.default_rng(seed).choice(len(history), _FITTED, replace=False))
    try:
        purchases = fit_bg_nbd(sample)
        if said := degenerate(purchases):
            return LifetimeUnavailable(said)
        models = LifetimeModels(purchases, fit_gamma_gamma(sample), horizon_weeks, yearly_rate)
    except ArithmeticError as error:
        return LifetimeUnavailable(str(error))
    return LifetimeSummary(models, models.values(table.rows, table.now_ms))
