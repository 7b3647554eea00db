"""Money in one currency, as integer thousandths: exact for every ISO 4217 currency in use (0 to 3 decimals)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import numpy.typing as npt

from events.errors import ShoalError
from events.fields import MAX_AMOUNT

__all__ = ["SCALE", "CurrencyUnknown", "Money"]

SCALE = 1000
"""Units of stored money in one unit of the currency."""

Ints = npt.NDArray[np.int64]


class CurrencyUnknown(ShoalError):
    """No amount has been seen yet and no currency is set."""


class Money:
    """Turns amounts in any known currency into thousandths of the shop's currency.

    `currency` may be empty: then the most frequent currency of the first orders becomes the shop's, by `adopt`, which
    is given the candidate and returns the currency that counts (another worker may have been first).
    """

    def __init__(self, currency: str, rates: Mapping[str, float], adopt: Callable[[str], str]) -> None:
        self.currency = currency
        self._rates = {code: Decimal(str(rate)) for code, rate in rates.items()}
        self._adopt = adopt

    def thousandths(
        self, amounts: Sequence[float | str], currencies: Sequence[str]
    ) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Return the amounts (n,), and which of them have no rate or are too large once converted (they are 0)."""
        if not self.currency and currencies:
            self.currency = self._adopt(Counter(currencies).most_common(1)[0][0])
        if str not in set(map(type, amounts)):
            plain = np.fromiter(amounts, np.float64, len(amounts)) * SCALE
            exact = np.rint(plain)
            if set(currencies) <= {self.currency} and np.abs(plain - exact).max(initial=0.0) < 1e-3:
                return exact.astype(np.int64), np.zeros(len(amounts), np.bool_)
        converted = [self._convert(amount, code) for amount, code in zip(amounts, currencies, strict=True)]
        values = np.fromiter((value or 0 for value in converted), np.int64, len(converted))
        return values, np.fromiter((value is None for value in converted), np.bool_, len(converted))

    def reason(self, currency: str) -> str:
        """Say why an amount in this currency was refused."""
        if currency in self._rates:
            return f"amount: more than {MAX_AMOUNT:.0f} {self.currency}, the shop's currency, once converted"
        return (
            f"currency: {currency} has no rate into {self.currency}, the shop's currency; "
            f'set SHOAL_CURRENCY_RATES, such as {{"{currency}": 0.9}}'
        )

    def _convert(self, amount: float | str, currency: str) -> int | None:
        rate = Decimal(1) if currency == self.currency else self._rates.get(currency)
        if rate is None:
            return None
        exact = Decimal(amount if isinstance(amount, str) else repr(amount)) * rate
        return int((exact * SCALE).to_integral_value(ROUND_HALF_EVEN)) if exact <= int(MAX_AMOUNT) else None
