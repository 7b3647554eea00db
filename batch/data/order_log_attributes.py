"""Attributes of customers that need the log of orders: seasonality, regularity, number of categories.

Customer records do not hold these, so they describe segments and are never features of a baseline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from consumers.inputs.orders import PLACED, OrderColumns
from events.arrays import Ints
from events.time_units import DAY_MS

__all__ = ["DETAIL_UNITS", "OrderLines", "order_lines", "purchase_details"]


DETAIL_UNITS: Final = {
    "quarter_1": "share of orders in January to March",
    "quarter_2": "share of orders in April to June",
    "quarter_3": "share of orders in July to September",
    "quarter_4": "share of orders in October to December",
    "weekend": "share of orders on Saturday or Sunday (UTC)",
    "gap_variation": "standard deviation of the days between orders, as a share of their mean",
    "categories": "different categories bought",
}


@dataclass(frozen=True)
class OrderLines:
    """The order lines that name a category: the order's place in the log (m,), and the category (m,).

    `orders` is how many orders the log has.
    """

    places: Ints
    categories: npt.NDArray[np.object_]
    orders: int

    @classmethod
    def joined(cls, parts: Sequence["OrderLines"]) -> "OrderLines":
        """Return several logs, one after the other."""
        starts = np.cumsum([0, *(part.orders for part in parts)])
        return cls(
            np.concatenate([part.places + start for part, start in zip(parts, starts[:-1], strict=True)]),
            np.concatenate([part.categories for part in parts]),
            int(starts[-1]),
        )

    def take(self, orders: Ints) -> "OrderLines":
        """Return the lines of these orders, given in ascending places, which are numbered anew from 0."""
        place = np.full(self.orders, -1, np.int64)
        place[orders] = np.arange(len(orders))
        kept = place[self.places] >= 0
        return OrderLines(place[self.places][kept], self.categories[kept], len(orders))


class _ItemFields(msgspec.Struct):
    category: str | None = None


class _OrderFields(msgspec.Struct):
    items: list[_ItemFields] | None = None


def order_lines(values: Sequence[bytes]) -> OrderLines:
    """Return the lines of valid orders as JSON."""
    decoder = msgspec.json.Decoder(_OrderFields)
    places, categories = [], []
    for place, value in enumerate(values):
        for item in decoder.decode(value).items or ():
            if item.category is not None:
                places.append(place)
                categories.append(item.category)
    return OrderLines(np.array(places, np.int64), np.array(categories, object), len(values))


def purchase_details(orders: OrderColumns, slots: Ints, n: int, lines: OrderLines) -> pd.DataFrame:
    """Return the columns of `DETAIL_UNITS` and `top_category` for n customers; missing where unknown.

    `slots` says which customer (0 to n - 1) each order belongs to. Gaps are between orders on different days, so that
    two clicks in a minute are one visit; their variation needs at least three such days.
    """
    placed = orders.kinds == PLACED
    times, owners = orders.times[placed], slots[placed]
    when = pd.to_datetime(times, unit="ms", utc=True)
    frame = pd.DataFrame({"customer": owners, "quarter": when.quarter, "weekend": when.day_of_week >= 5})
    found = pd.DataFrame(index=pd.RangeIndex(n))
    grouped = frame.groupby("customer")
    for quarter in range(1, 5):
        found[f"quarter_{quarter}"] = (frame["quarter"] == quarter).groupby(frame["customer"]).mean()
    found["weekend"] = grouped["weekend"].mean()
    found["gap_variation"] = _gap_variation(times // DAY_MS, owners)
    bought = placed[lines.places]
    wares = pd.DataFrame({"customer": slots[lines.places][bought], "category": lines.categories[bought]})
    found["categories"] = wares.groupby("customer")["category"].nunique().astype(np.float64)
    counts = wares.value_counts(["customer", "category"], sort=False).reset_index()
    counts = counts.sort_values(["customer", "count", "category"], ascending=[True, False, True])
    found["top_category"] = counts.drop_duplicates("customer").set_index("customer")["category"]
    return found


def _gap_variation(days: Ints, owners: Ints) -> pd.Series:
    visits = pd.DataFrame({"customer": owners, "day": days}).drop_duplicates().sort_values(["customer", "day"])
    gaps = visits.groupby("customer")["day"].diff().dropna().groupby(visits["customer"])
    return gaps.std() / gaps.mean()  # the standard deviation of one gap is missing
