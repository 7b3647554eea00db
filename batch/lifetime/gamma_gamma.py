"""Gamma-Gamma: how much a customer spends an order, judged from few orders.

P. S. Fader, B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value" (2013). An order's amount is Gamma(p, nu); nu
differs between customers as Gamma(q, gamma). It assumes that amounts do not depend on how often somebody buys.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import gammaln, psi

from batch.lifetime.history import History

__all__ = ["GammaGamma", "fit_gamma_gamma"]

Floats = npt.NDArray[np.float64]

_LARGEST = 12.0


@dataclass(frozen=True)
class GammaGamma:
    """The three parameters; `gamma` is in the shop's currency."""

    p: float
    q: float
    gamma: float
    log_likelihood: float
    customers: int

    def mean_amount(self, history: History) -> Floats:
        """Return the amount (n,) to expect of each customer's next order: between its own mean and that of all.

        Equation (5) of the source. Where nothing has been paid it is the mean of all customers, p gamma / (q - 1), or 0
        where that mean does not exist (q at most 1).
        """
        paid = (history.orders > 0) & (history.mean_amount > 0)
        orders = np.where(paid, history.orders, 0.0)
        amounts = np.where(paid, history.mean_amount, 0.0)
        below = np.maximum(self.p * orders + self.q - 1.0, 1e-6)
        return np.asarray(np.where(paid | (self.q > 1.0), self.p * (self.gamma + orders * amounts) / below, 0.0))


def fit_gamma_gamma(history: History) -> GammaGamma:
    """Return the parameters of maximum likelihood (equation 1a), from customers whose orders have a positive mean.

    Raises ArithmeticError where the search does not end anywhere.
    """
    paid = (history.orders > 0) & (history.mean_amount > 0)
    orders, amounts = history.orders[paid], history.mean_amount[paid]
    if not len(orders):
        raise ArithmeticError("nobody has paid anything yet")
    unit = float(amounts.mean())
    found = minimize(
        _minus_log_likelihood,
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


def _minus_log_likelihood(logs: Floats, orders: Floats, amounts: Floats) -> tuple[float, Floats]:
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
