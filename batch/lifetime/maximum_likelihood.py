"""Maximum likelihood of both models, by their exact gradients; apart from them because only a re-baseline needs it."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, psi

from batch.lifetime.bg_nbd import BgNbd
from batch.lifetime.gamma_gamma import GammaGamma
from batch.lifetime.purchase_history import PurchaseHistory
from events.arrays import Floats

__all__ = ["fit_bg_nbd", "fit_gamma_gamma"]


_LARGEST = 12.0
"""Bound of the parameters' logarithms: data without heterogeneity would push them to infinity."""


def fit_bg_nbd(history: PurchaseHistory) -> BgNbd:
    """Return the parameters of maximum likelihood; customers with the same history are counted together.

    Raises ArithmeticError where the search does not end anywhere.
    """
    table, weights = np.unique(
        np.column_stack([history.repeats, history.last, history.observed]), axis=0, return_counts=True
    )
    x, last, observed = table.T
    scale = max(float(observed.max()), 1.0) / 10.0  # so that no start is far off, whatever the unit of time
    data = (x, last / scale, observed / scale, weights / weights.sum())
    best = None
    for start in ((0.0, 0.0, 0.0, 0.0), (-1.0, 0.0, -0.5, 1.0)):
        found = minimize(
            _bg_nbd_loss,
            np.array(start),
            args=data,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-_LARGEST, _LARGEST)] * 4,
            options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8},
        )
        if np.isfinite(found.fun) and (best is None or found.fun < best.fun):
            best = found
    if best is None:
        raise ArithmeticError("the likelihood of the BG/NBD model is not finite anywhere near the starts")
    r, alpha, a, b = np.exp(best.x).tolist()
    alpha *= scale
    # Time measured in another unit multiplies the density of each repeat purchase.
    total = -float(best.fun) * float(weights.sum()) - float((weights * x).sum()) * np.log(scale)
    return BgNbd(r, alpha, a, b, float(total), len(history))


def _bg_nbd_loss(logs: Floats, x: Floats, last: Floats, observed: Floats, weights: Floats) -> tuple[float, Floats]:
    """Return minus the mean log-likelihood and its gradient by the logarithms of r, alpha, a, b."""
    r, alpha, a, b = np.exp(logs)
    repeated = x > 0
    known = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    known += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    stayed = -(r + x) * np.log(alpha + observed)
    less = np.where(repeated, b + x - 1.0, 1.0)
    left = np.where(repeated, np.log(a) - np.log(less) - (r + x) * np.log(alpha + last), -np.inf)
    ends = np.logaddexp(stayed, left)
    p, q = np.exp(stayed - ends), np.exp(left - ends)
    by_r = psi(r + x) - psi(r) + np.log(alpha) - p * np.log(alpha + observed) - q * np.log(alpha + last)
    by_alpha = r / alpha - (r + x) * (p / (alpha + observed) + q / (alpha + last))
    by_a = psi(a + b) - psi(a + b + x) + q / a
    by_b = psi(a + b) + psi(b + x) - psi(b) - psi(a + b + x) - q / less
    gradient = np.array([(weights * each).sum() for each in (r * by_r, alpha * by_alpha, a * by_a, b * by_b)])
    return -float((weights * (known + ends)).sum()), -gradient


def fit_gamma_gamma(history: PurchaseHistory) -> GammaGamma:
    """Return the parameters of maximum likelihood (equation 1a), from customers whose orders have a positive mean.

    Raises ArithmeticError where the search does not end anywhere.
    """
    paid = (history.orders > 0) & (history.mean_amount > 0)
    orders, amounts = history.orders[paid], history.mean_amount[paid]
    if not len(orders):
        raise ArithmeticError("nobody has paid anything yet")
    unit = float(amounts.mean())
    found = minimize(
        _gamma_gamma_loss,
        np.zeros(3),
        args=(orders, amounts / unit),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_LARGEST, _LARGEST)] * 3,
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8},
    )
    if not np.isfinite(found.fun):
        raise ArithmeticError("the likelihood of the Gamma-Gamma model is not finite near the start")
    p, q, gamma = np.exp(found.x).tolist()
    total = -float(found.fun) * len(orders) - len(orders) * np.log(unit)
    return GammaGamma(p, q, gamma * unit, float(total), len(orders))


def _gamma_gamma_loss(logs: Floats, orders: Floats, amounts: Floats) -> tuple[float, Floats]:
    """Return minus the mean log-likelihood and its gradient by the logarithms of p, q, gamma."""
    p, q, gamma = np.exp(logs)
    shape = p * orders
    total = gamma + orders * amounts
    value = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(gamma)
    value += (shape - 1.0) * np.log(amounts) + shape * np.log(orders) - (shape + q) * np.log(total)
    by_p = orders * (psi(shape + q) - psi(shape) + np.log(amounts) + np.log(orders) - np.log(total))
    by_q = psi(shape + q) - psi(q) + np.log(gamma) - np.log(total)
    by_gamma = q / gamma - (shape + q) / total
    gradient = np.array([(p * by_p).mean(), (q * by_q).mean(), (gamma * by_gamma).mean()])
    return -float(value.mean()), -gradient
