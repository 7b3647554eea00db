"""The fitted BG/NBD and Gamma-Gamma models together: lifetime value of customers, storage in a baseline."""

from dataclasses import asdict, dataclass
from typing import Final, NamedTuple, Self

import numpy as np

from batch.lifetime.bg_nbd import BgNbd
from batch.lifetime.gamma_gamma import GammaGamma
from batch.lifetime.purchase_history import purchase_history
from events.arrays import Floats, Ints
from events.schema.outputs import LifetimeModel
from state.customers.records import Rows

__all__ = ["HORIZON_WEEKS", "CustomerValues", "LifetimeModels"]


HORIZON_WEEKS: Final = 52.0
"""How far ahead the value of a customer looks."""
_STEPS = 4
_WEEKS_A_YEAR = 365.25 / 7.0


class CustomerValues(NamedTuple):
    """Of n customers, NaN for those without an order that was not cancelled.

    Attributes:
        alive: probability (n,) that a customer is still one; NaN too for one-time buyers. BG/NBD lets customers leave
            after repeat orders only, so it says 1 of everybody who has ordered once, however long ago.
        expected: orders (n,) to expect within the horizon.
        amount: to expect of each of them (n,), in the shop's currency.
        value: what they are worth today (n,), in the shop's currency.
    """

    alive: Floats
    expected: Floats
    amount: Floats
    value: Floats


@dataclass(frozen=True)
class LifetimeModels:
    """The fitted models, how many weeks ahead value looks, and the discount rate a year."""

    purchases: BgNbd
    amounts: GammaGamma
    horizon_weeks: float
    yearly_rate: float

    @classmethod
    def of(cls, kept: LifetimeModel) -> Self:
        """Return the models that a baseline keeps."""
        return cls(
            BgNbd(**kept.purchases.model_dump()),
            GammaGamma(**kept.amounts.model_dump()),
            kept.horizon_weeks,
            kept.yearly_rate,
        )

    def kept(self) -> LifetimeModel:
        """Return them as a baseline keeps them."""
        return LifetimeModel.model_validate(asdict(self))

    def values(self, rows: Rows, now_ms: Ints) -> CustomerValues:
        """Return the values of the customers of these records (n,), at these moments (n,), in ms since 1970 UTC."""
        history, bought = purchase_history(rows, now_ms)
        found = CustomerValues(*(np.full(len(rows), np.nan) for _ in range(4)))
        until = [self.purchases.expected(history, self.horizon_weeks * step / _STEPS) for step in range(1, _STEPS + 1)]
        found.alive[bought] = np.where(history.repeats > 0, self.purchases.alive(history), np.nan)
        found.expected[bought] = until[-1]
        found.amount[bought] = self.amounts.mean_amount(history)
        found.value[bought] = found.amount[bought] * self._discounted(until)
        return found

    def _discounted(self, until: list[Floats]) -> Floats:
        """Return the orders (n,) to come, each discounted from the middle of its quarter of the horizon."""
        total, before = np.zeros_like(until[0]), np.zeros_like(until[0])
        for step, orders in enumerate(until):
            years = self.horizon_weeks * (step + 0.5) / _STEPS / _WEEKS_A_YEAR
            total += (orders - before) / (1.0 + self.yearly_rate) ** years
            before = orders
        return total
