"""Gamma-Gamma: how much a customer spends an order, judged from few orders.

P. S. Fader, B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value" (2013). An order's amount is Gamma(p, nu); nu
differs between customers as Gamma(q, gamma). It assumes that amounts do not depend on how often somebody buys.
"""

from dataclasses import dataclass

import numpy as np

from batch.lifetime.purchase_history import PurchaseHistory
from events.arrays import Floats

__all__ = ["GammaGamma"]


@dataclass(frozen=True)
class GammaGamma:
    """The three parameters; `gamma` is in the shop's currency."""

    p: float
    q: float
    gamma: float
    log_likelihood: float
    customers: int

    def mean_amount(self, history: PurchaseHistory) -> Floats:
        """Return the amount (n,) to expect of each customer's next order: between its own mean and that of all.

        Equation (5) of the source. Where nothing has been paid it is the mean of all customers, p gamma / (q - 1), or 0
        where that mean does not exist (q at most 1).
        """
        paid = (history.orders > 0) & (history.mean_amount > 0)
        orders = np.where(paid, history.orders, 0.0)
        amounts = np.where(paid, history.mean_amount, 0.0)
        below = np.maximum(self.p * orders + self.q - 1.0, 1e-6)
        return np.asarray(np.where(paid | (self.q > 1.0), self.p * (self.gamma + orders * amounts) / below, 0.0))
