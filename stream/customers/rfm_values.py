"""Recency, frequency and monetary value of customers in the units that people read."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from events.codec.amount_columns import SCALE
from state.customers.records import NEVER_LAST, Rows

__all__ = ["rfm_values"]

Ints = npt.NDArray[np.int64]

_DAY_MS: Final = 86_400_000.0


def rfm_values(rows: Rows, now_ms: Ints | int) -> dict[str, np.ndarray[Any, Any]]:
    """Return, for each row, recency in days (NaN without orders), frequency and monetary."""
    ordered = rows["last_order"] != NEVER_LAST
    days = np.maximum(now_ms - np.where(ordered, rows["last_order"], 0), 0) / _DAY_MS
    return {
        "recency_days": np.where(ordered, days, np.nan),
        "frequency": rows["placed"].astype(np.float64) - rows["cancelled"],
        "monetary": (rows["gross"] - rows["refunded"] - rows["cancelled_amount"]) / SCALE,
    }
