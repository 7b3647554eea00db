"""Sums and extreme times of events by customer, as rows to be added to records."""

import numpy as np

from events.arrays import Floats, Ints
from state.customers.records import blank_rows
from stream.customers.decay import contributions

__all__ = ["RowSums"]


class RowSums:
    """The rows of n customers that events add up in."""

    def __init__(self, n: int, half_life_ms: float) -> None:
        self.rows, self._half_life_ms = blank_rows(n), half_life_ms

    def _add(self, name: str, owners: Ints, values: Ints | None, sign: int = 1) -> None:
        # By way of int64: a difference below 0 wraps around in an unsigned column, and back when it is added.
        total = sign * np.bincount(owners, values, len(self.rows)).astype(np.int64)
        self.rows[name] += total.astype(self.rows[name].dtype)

    def _add_decayed(self, name: str, owners: Ints, values: Ints | Floats, times: Ints) -> None:
        self.rows[name] += np.bincount(owners, contributions(values, times, self._half_life_ms), len(self.rows))

    def _extend(self, first: str, last: str, owners: Ints, times: Ints) -> None:
        for name, extreme in ((first, np.minimum), (last, np.maximum)):
            found = self.rows[name].copy()  # several times as fast on an array that is not part of rows
            extreme.at(found, owners, times)
            self.rows[name] = found
