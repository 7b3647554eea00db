"""Columns of money: amounts as whole thousandths where they are that, currencies as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from events.arrays import Ints

__all__ = ["SCALE", "Amounts", "currency_number", "currency_text"]

SCALE: Final = 1000
"""Thousandths in one unit of a currency: exact for every ISO 4217 currency in use (0 to 3 decimals)."""


@dataclass(frozen=True)
class Amounts:
    """n amounts: in `thousandths` (n,), 0 where there is none.

    Those that are more exact than that, or are text, stand by their position in `others`, as they were on the wire.
    """

    thousandths: Ints
    others: dict[int, float | str] = field(default_factory=dict)

    @classmethod
    def of(cls, amounts: Sequence[float | str | None]) -> "Amounts":
        """Return amounts as they were on the wire (None: none) in columns.

        >>> Amounts.of([12.34, None, "5.00", 0.0001])
        Amounts(thousandths=array([12340,     0,     0,     0]), others={2: '5.00', 3: 0.0001})
        """
        numbers = [0.0 if amount is None or isinstance(amount, str) else amount for amount in amounts]
        scaled = np.array(numbers, np.float64) * SCALE
        nearest = np.rint(scaled)
        whole = np.abs(scaled - nearest) < 1e-3
        others: dict[int, float | str] = {i: amount for i, amount in enumerate(amounts) if isinstance(amount, str)}
        others |= {i: numbers[i] for i in np.flatnonzero(~whole).tolist()}
        return cls(np.where(whole, nearest, 0).astype(np.int64), others)

    def take(self, positions: Ints) -> "Amounts":
        """Return the amounts at these positions."""
        others = {i: self.others[at] for i, at in enumerate(positions.tolist()) if at in self.others}
        return Amounts(self.thousandths[positions], others)

    def exact(self, position: int) -> str:
        """Return an amount as decimal text."""
        if position in self.others:
            other = self.others[position]
            return other if isinstance(other, str) else repr(other)
        whole, rest = divmod(int(self.thousandths[position]), SCALE)
        return f"{whole}.{rest:03d}"


def currency_number(code: str) -> int:
    """Return an ISO 4217 code of three capital letters as a number, as the scanner does.

    >>> currency_number("EUR"), currency_text(currency_number("EUR"))
    (4543826, 'EUR')
    """
    return int.from_bytes(code.encode())


def currency_text(number: int) -> str:
    """Return the code of a number that `currency_number` made."""
    return int(number).to_bytes(3).decode()
