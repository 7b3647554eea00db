"""Money in one currency, as integer thousandths: exact for every ISO 4217 currency in use (0 to 3 decimals)."""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import numpy as np

from events.arrays import Flags, Ints
from events.codec.amount_columns import SCALE, Amounts, currency_number, currency_text
from events.schema.field_types import MAX_AMOUNT

__all__ = ["NO_CURRENCY", "Money"]

NO_CURRENCY: Final = "XXX"
"""ISO 4217's code for no currency: what an amount without one is in is the shop's."""


class Money:
    """Turns amounts in any known currency into thousandths of the shop's currency.

    `currency` may be empty: then the most frequent currency of the first orders becomes the shop's, by `adopt`, which
    is given the candidate and returns the currency that counts (another worker may have been first). Nothing is nothing
    in any currency: an amount of 0 needs no rate. `XXX`, ISO 4217's code for no currency, does not become the shop's.
    """

    def __init__(self, currency: str, rates: Mapping[str, float], adopt: Callable[[str], str]) -> None:
        self.currency = currency
        self._rates = {code: Decimal(str(rate)) for code, rate in rates.items()}
        self._adopt = adopt

    def thousandths(self, amounts: Amounts, currencies: Ints) -> tuple[Ints, Flags]:
        """Return the amounts (n,), and which of them have no rate or are too large once converted (they are 0).

        `currencies` (n,) are numbers of `currency_number`.
        """
        if not self.currency and len(stated := currencies[currencies != currency_number(NO_CURRENCY)]):
            self.currency = self._adopt(_most_frequent(stated))
        values, unconvertible = amounts.thousandths, np.zeros(len(currencies), np.bool_)
        foreign = np.flatnonzero(currencies != currency_number(self.currency)).tolist()
        if foreign or amounts.others:
            values = values.copy()
        for i in {*foreign, *amounts.others}:
            converted = self._convert(Decimal(amounts.exact(i)), currency_text(currencies[i]))
            values[i], unconvertible[i] = converted or 0, converted is None
        return values, unconvertible

    def reason(self, currency: str) -> str:
        """Say why an amount in this currency was rejected."""
        if currency in self._rates:
            return f"amount: more than {MAX_AMOUNT:.0f} {self.currency}, the shop's currency, once converted"
        return (
            f"currency: {currency} has no rate into {self.currency}, the shop's currency; "
            f'set SHOAL_CURRENCY_RATES, such as {{"{currency}": 0.9}}'
        )

    def _convert(self, amount: Decimal, currency: str) -> int | None:
        rate = Decimal(1) if currency == self.currency or not amount else self._rates.get(currency)
        if rate is None:
            return None
        exact = amount * rate
        return int((exact * SCALE).to_integral_value(ROUND_HALF_EVEN)) if exact <= int(MAX_AMOUNT) else None


def _most_frequent(currencies: Ints) -> str:
    distinct, firsts, counts = np.unique(currencies, return_index=True, return_counts=True)
    return currency_text(distinct[np.lexsort((firsts, -counts))[0]])
