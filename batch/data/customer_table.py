"""The table that a baseline is fitted on: customers in columns, whether they came from Redis or from event files."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from events.arrays import Flags, Floats, Ints
from events.time_units import DAY_MS
from state.customers.records import NEVER_FIRST, Rows
from stream.customers.features import feature_matrix

__all__ = ["CustomerTable"]


@dataclass(frozen=True)
class CustomerTable:
    """n customers, aligned by position.

    Attributes:
        ids: customer ids (n,), text.
        rows: customer records (n,), see `state.customers.records`.
        now_ms: the present of each customer's partition (n,), ms since 1970 UTC.
        half_life_ms: of the decayed sums in the records.
        attributes: the declared profile attributes, in the order of their columns in the records.
        profiles: n rows of the text fields of CRM profiles (country, gender, …).
        details: n rows of purchase details (seasonality, number of categories, …); empty when read from Redis.
        population: how many customers there are, of whom these n are a uniform sample or all.
    """

    ids: npt.NDArray[np.object_]
    rows: Rows
    now_ms: Ints
    half_life_ms: float
    attributes: tuple[str, ...] = ()
    profiles: pd.DataFrame = field(default_factory=pd.DataFrame)
    details: pd.DataFrame = field(default_factory=pd.DataFrame)
    population: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def history_days(self) -> float:
        """The days from the first order of all to the present; 0 where nobody has ordered."""
        first = self.rows["first_order"]
        happened = first != NEVER_FIRST
        if not happened.any():
            return 0.0
        return float(self.now_ms.max() - first[happened].min()) / DAY_MS

    def matrix(self, features: Sequence[str]) -> Floats:
        """Return the (n, d) matrix of the named features, NaN where missing. Raises FeatureUnknown."""
        return feature_matrix(self.rows, features, self.now_ms, self.half_life_ms, self.attributes)

    def take(self, positions: Ints | Flags) -> "CustomerTable":
        """Return the customers at these positions, of the same population."""
        return replace(
            self,
            ids=self.ids[positions],
            rows=self.rows[positions],
            now_ms=self.now_ms[positions],
            profiles=_taken(self.profiles, positions),
            details=_taken(self.details, positions),
        )


def _taken(frame: pd.DataFrame, positions: Ints | Flags) -> pd.DataFrame:
    return frame.loc[positions].reset_index(drop=True) if len(frame.columns) else frame
