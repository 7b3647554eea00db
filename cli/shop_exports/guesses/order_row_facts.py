"""Which orders have several rows, whether these stand together, and what differs among them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cli.shop_exports.guesses.column_facts import is_absent

__all__ = ["OrderRowFacts", "id_hashes"]

Rows = list[tuple[Any, Any]]
"""The amount and the time of each row of an order, as they are written."""


def id_hashes(ids: Sequence[str] | npt.NDArray[np.object_]) -> npt.NDArray[np.uint64]:
    """Return 64-bit hashes (n,) of ids."""
    if not len(ids):
        return np.empty(0, np.uint64)
    hashes: npt.NDArray[np.uint64] = pd.util.hash_array(np.asarray(ids, object), categorize=False)
    return hashes


@dataclass
class OrderRowFacts:
    """Examples (order, its amounts) of each case among the orders that have several rows."""

    several: int = 0
    blank_after_first: int = 0
    same: tuple[str, list[Any]] | None = None
    differing: tuple[str, list[Any]] | None = None
    other_times: tuple[str, list[Any]] | None = None
    _heads: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    _open: tuple[str, Rows] | None = None

    def add(self, ids: Sequence[str], amounts: Sequence[Any], times: Sequence[Any]) -> None:
        """Take in the rows of a chunk, in the order of the file."""
        if not len(ids):
            return
        array = np.asarray(ids, object)
        starts = np.flatnonzero(np.append(True, array[1:] != array[:-1]))
        continued = self._open is not None and self._open[0] == array[0]
        self._heads.append(id_hashes(array[starts[1 if continued else 0 :]]))
        ends = np.append(starts[1:], len(array))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            rows = list(zip(amounts[start:end], times[start:end], strict=True))
            if start == 0 and continued and self._open is not None:
                self._open[1].extend(rows)
            else:
                self.close()
                self._open = array[start], rows

    def close(self) -> None:
        """Count the order whose rows have come last."""
        if self._open is not None:
            order, rows = self._open
            self._open = None
            self.judge(order, rows)

    def scattered(self) -> npt.NDArray[np.uint64]:
        """Return the sorted hashes of the orders whose rows do not stand together."""
        if not self._heads:
            return np.empty(0, np.uint64)
        heads = np.sort(np.concatenate(self._heads))
        return np.unique(heads[1:][heads[1:] == heads[:-1]])

    def judge(self, order: str, rows: Rows) -> None:
        """Take in all rows of one order. Negative rows of another time are refunds of it."""
        if len(rows) < 2:
            return
        rows = [rows[0]] + [row for row in rows[1:] if not (_is_negative(row[0]) and row[1] != rows[0][1])]
        if len(rows) < 2:
            return
        self.several += 1
        amounts = [amount for amount, _ in rows]
        if all(is_absent(amount) for amount in amounts[1:]):
            self.blank_after_first += 1
        elif len({str(amount) for amount in amounts}) == 1:
            self.same = self.same or (order, amounts)
        elif len({str(at) for _, at in rows}) > 1:
            self.other_times = self.other_times or (order, amounts)
        else:
            self.differing = self.differing or (order, amounts)


def _is_negative(amount: Any) -> bool:
    if isinstance(amount, str):
        return any(each in amount for each in "-(\u2212")
    return not is_absent(amount) and not isinstance(amount, bool) and amount < 0
