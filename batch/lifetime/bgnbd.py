"""BG/NBD: purchases of customers who may leave unseen after any of them.

P. S. Fader, B. G. S. Hardie, K. L. Lee, "'Counting Your Customers' the Easy Way: An Alternative to the Pareto/NBD
Model", Marketing Science 24 (2005). While a customer is alive, purchases are Poisson with a rate from Gamma(r, alpha);
after each repeat purchase it leaves with a probability from Beta(a, b).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1, psi

from batch.lifetime.history import History

__all__ = ["BgNbd", "fit_bg_nbd"]

Floats = npt.NDArray[np.float64]

_LARGEST = 12.0
"""Bound of the parameters' logarithms: data without heterogeneity would push them to infinity."""


@dataclass(frozen=True)
class BgNbd:
    """The four parameters; `alpha` is in weeks. `log_likelihood` is of the `customers` that it was fitted to."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int

    def alive(self, history: History) -> Floats:
        """Return the probability (n,) that each customer is still one.

        Fader and Hardie, "Computing P(alive) Using the BG/NBD Model" (2008). Without a repeat purchase nobody has had
        occasion to leave in this model, so it is 1.
        """
        x = history.repeats
        odds = np.log(self.a) - np.log(np.maximum(self.b + x - 1.0, 1e-12))
        odds += (self.r + x) * (np.log(self.alpha + history.observed) - np.log(self.alpha + history.last))
        return np.where(x > 0, 1.0 / (1.0 + np.exp(np.minimum(odds, 700.0))), 1.0)

    def expected(self, history: History, weeks: float) -> Floats:
        """Return the purchases (n,) to expect of each customer in the next `weeks`: equation (10) of the paper.

        For customers of many purchases the hypergeometric function is taken after Euler's transformation: as printed it
        overflows for them.
        """
        x, a = history.repeats, self.a if abs(self.a - 1.0) > 1e-6 else 1.0 + 1e-6
        z = weeks / (self.alpha + history.observed + weeks)
        top = a + self.b + x - 1.0
        many = self.r + x > a - 1.0
        left = (1.0 - z) ** np.where(many, a - 1.0, self.r + x) * hyp2f1(
            np.where(many, a + self.b - 1.0 - self.r, self.r + x), np.where(many, a - 1.0, self.b + x), top, z
        )
        return np.asarray(np.maximum(top / (a - 1.0) * (1.0 - left), 0.0) * self.alive(history))


def fit_bg_nbd(history: History) -> BgNbd:
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
            _minus_log_likelihood,
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


def _minus_log_likelihood(
    logs: Floats, x: Floats, last: Floats, observed: Floats, weights: Floats
) -> tuple[float, Floats]:
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
