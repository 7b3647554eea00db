"""BG/NBD: purchases of customers who may leave unseen after any of them.

P. S. Fader, B. G. S. Hardie, K. L. Lee, "'Counting Your Customers' the Easy Way: An Alternative to the Pareto/NBD
Model", Marketing Science 24 (2005). While a customer is alive, purchases are Poisson with a rate from Gamma(r, alpha);
after each repeat purchase it leaves with a probability from Beta(a, b).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import hyp2f1

from batch.lifetime.purchase_history import PurchaseHistory
from events.arrays import Floats

__all__ = ["BgNbd"]

_LEAST_LEAVING: Final = 0.001


@dataclass(frozen=True)
class BgNbd:
    """The four parameters; `alpha` is in weeks. `log_likelihood` is of the `customers` that it was fitted to."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int

    @property
    def is_degenerate(self) -> bool:
        """Whether hardly anybody leaves by these parameters, or nearly everybody at once: the data cannot tell who has.

        The mean probability to leave after a repeat purchase is a / (a + b).
        """
        leaves = self.a / (self.a + self.b)
        return not _LEAST_LEAVING < leaves < 1.0 - _LEAST_LEAVING

    def alive(self, history: PurchaseHistory) -> Floats:
        """Return the probability (n,) that each customer is still one.

        Fader and Hardie, "Computing P(alive) Using the BG/NBD Model" (2008). Without a repeat purchase nobody has had
        occasion to leave in this model, so it is 1.
        """
        x = history.repeats
        odds = np.log(self.a) - np.log(np.maximum(self.b + x - 1.0, 1e-12))
        odds += (self.r + x) * (np.log(self.alpha + history.observed) - np.log(self.alpha + history.last))
        return np.where(x > 0, 1.0 / (1.0 + np.exp(np.minimum(odds, 700.0))), 1.0)

    def expected(self, history: PurchaseHistory, weeks: float) -> Floats:
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
