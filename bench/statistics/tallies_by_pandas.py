"""What the tallies should be, from the raw events by pandas: joins and group-bys, nothing of the consumer's code."""

import json
from collections.abc import Iterable

import numpy as np
import pandas as pd

from events.time_units import DAY_MS
from experiments.definition import Experiment
from experiments.tally import Tally

__all__ = ["frame", "true_tallies"]


def frame(values: Iterable[bytes]) -> pd.DataFrame:
    """Return events as a table, each event id once, with `ms` since 1970 and `milli`, the amount in thousandths."""
    table = pd.DataFrame([json.loads(value) for value in values]).drop_duplicates("event_id")
    table["ms"] = pd.to_datetime(table["occurred_at"], format="ISO8601").dt.as_unit("ms").astype("int64")
    if "amount" in table:
        table["milli"] = (table["amount"] * 1000).round().astype("int64")
    return table


def true_tallies(definition: Experiment, exposures: pd.DataFrame, orders: pd.DataFrame) -> dict[str, tuple[int, ...]]:
    """Return the sums of each variant, in the order of `Tally.names()`; conversions are orders."""
    start, stop = (round(t.timestamp() * 1000) for t in (definition.start, definition.stop or definition.start))
    shown = exposures[(exposures.ms >= start) & (exposures.ms < stop)].sort_values("ms", kind="stable")
    by_customer = shown.groupby("customer_id")
    people = by_customer.first()[["variant", "ms"]].rename(columns={"ms": "since"})
    people["repeated"] = by_customer.size() - 1
    people["contaminated"] = by_customer.variant.nunique() > 1

    lines = _net_orders(orders).join(people[["since"]], on="customer_id", how="inner")
    lines["bought_age"] = lines.bought - lines.since
    earlier = orders.join(people[["since"]], on="customer_id", how="inner")
    earlier = _net_orders(earlier[earlier.ms < earlier.since])
    earlier = lines[["customer_id", "order_id", "bought_age"]].merge(earlier, on=["customer_id", "order_id"])

    window = definition.conversion_window.total_seconds() * 1000
    inside = lines[(lines.bought_age >= 0) & (lines.bought_age < window)]
    before = earlier[(earlier.bought_age < 0) & (earlier.bought_age >= -definition.pre_period_days * DAY_MS)]
    kept = lines[(lines.bought_age >= 0) & (lines.bought_age < definition.retention_days * DAY_MS)]
    columns = {
        "revenue": (inside, "net"),
        "orders": (inside, "stands"),
        "pre_revenue": (before, "net"),
        "kept": (kept, "stands"),
    }
    for name, (part, column) in columns.items():
        people[name] = part.groupby("customer_id")[column].sum().reindex(people.index, fill_value=0)
    return {str(variant): _sums(group) for variant, group in people.groupby("variant")}


def _net_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """Return one row an order that was placed: when by its latest telling, what is left of it, whether it stands."""
    by = ["customer_id", "order_id"]
    placed = orders[orders.type == "placed"].sort_values(["ms", "milli"]).groupby(by).last()[["ms", "milli"]]
    refunded = orders[orders.type == "refunded"].groupby(by).milli.sum().reindex(placed.index, fill_value=0)
    cancelled = orders[orders.type == "cancelled"].groupby(by).size().reindex(placed.index, fill_value=0)
    placed["stands"] = (cancelled == 0).astype("int64")
    placed["net"] = (placed.milli - np.minimum(refunded, placed.milli)) * placed.stands
    return placed.rename(columns={"ms": "bought"}).drop(columns="milli").reset_index()


def _sums(people: pd.DataFrame) -> tuple[int, ...]:
    """Add up in Python's integers, which have no bounds."""
    total = dict.fromkeys(Tally.names(), 0)
    for x, d, y, kept, repeated, contaminated in people[
        ["revenue", "orders", "pre_revenue", "kept", "repeated", "contaminated"]
    ].itertuples(index=False, name=None):
        x, d, y = int(x), int(d), int(y)
        added = {
            "exposed": 1, "converted": int(d > 0), "retained": int(kept > 1), "revenue": x, "revenue_squares": x * x,
            "orders": d, "order_squares": d * d, "revenue_orders": x * d, "pre_revenue": y, "pre_squares": y * y,
            "pre_cross": x * y, "contaminated": int(contaminated), "repeated": int(repeated),
        }  # fmt: skip
        for name, value in added.items():
            total[name] += value
    return tuple(total.values())
