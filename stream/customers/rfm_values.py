"""Recency, frequency and monetary value of customers in the units that people read."""

from typing import Any

import numpy as np

from events.arrays import Floats, Ints
from events.codec.amount_columns import SCALE
from events.time_units import DAY_MS
from state.customers.records import NEVER_LAST, Rows

__all__ = ["net_spend", "rfm_values"]


def rfm_values(rows: Rows, now_ms: Ints | int) -> dict[str, np.ndarray[Any, Any]]:
    """Return, for each row, recency in days (NaN without orders), frequency and monetary."""
    ordered = rows["last_order"] != NEVER_LAST
    days = np.maximum(now_ms - np.where(ordered, rows["last_order"], 0), 0) / DAY_MS
    return {
        "recency_days": np.where(ordered, days, np.nan),
        "frequency": rows["placed"].astype(np.float64) - rows["cancelled"],
        "monetary": net_spend(rows),
    }


def net_spend(rows: Rows) -> Floats:
    """Return what each customer has spent, less what was taken back and credited; never below 0."""
    net = rows["gross"] - rows["refunded"] - rows["cancelled_amount"] - rows["credited"]
    return np.asarray(np.maximum(net, 0) / SCALE)
