"""Every customer with segment and figures as a table for BI tools: stable columns, and a dictionary of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from batch.data.crm_profiles import TEXT_FIELDS
from batch.data.customer_table import CustomerTable
from batch.lifetime.lifetime_models import HORIZON_WEEKS, CustomerValues, LifetimeModels
from events.arrays import Flags
from events.codec.amount_columns import SCALE
from state.customers.records import NEVER_FIRST, NEVER_LAST, Rows
from stream.customers.rfm_values import rfm_values

__all__ = ["Column", "export_columns", "export_table"]

Values = npt.NDArray[Any]

_TIME: Final = pa.timestamp("ms", tz="UTC")


@dataclass(frozen=True)
class Column:
    """A column: its name, its type in Parquet, and what it holds, with its unit."""

    name: str
    kind: pa.DataType
    description: str


_FIXED: Final = (
    Column("customer_id", pa.string(), "the customer's id in the events"),
    Column("segment_id", pa.string(), "stable identity of the customer's segment; empty where there is none yet"),
    Column("segment", pa.string(), "the segment's present name; it may be changed, the id stays"),
    Column("since", _TIME, "when the customer came into the segment"),
    Column("baseline", pa.int64(), "number of the baseline that the customer is under; 0: RFM tiers"),
    Column("as_of", _TIME, "the present that recency is counted from"),
    Column("recency_days", pa.float64(), "days since the last order; empty without orders"),
    Column("frequency", pa.int64(), "orders placed less orders cancelled"),
    Column("monetary", pa.float64(), "gross less refunded and cancelled, at least 0, in the shop's currency"),
    Column("first_order", _TIME, "time of the first order"),
    Column("last_order", _TIME, "time of the last order"),
    Column("orders", pa.int64(), "orders placed"),
    Column("cancelled", pa.int64(), "orders cancelled"),
    Column("refunds", pa.int64(), "refunds"),
    Column("gross", pa.float64(), "amount of the orders placed, in the shop's currency"),
    Column("cancelled_amount", pa.float64(), "amount of the orders cancelled, in the shop's currency"),
    Column("refunded", pa.float64(), "amount of the refunds, credit notes among them, in the shop's currency"),
    Column("sessions", pa.int64(), "web sessions"),
    Column("pages", pa.int64(), "pages seen in all sessions"),
    Column("session_seconds", pa.int64(), "seconds spent in all sessions"),
    Column("cart_adds", pa.int64(), "articles put into the cart in all sessions"),
    Column("last_session", _TIME, "end of the last session"),
    Column("signed_up", _TIME, "when the customer signed up, from the profile"),
    Column("age", pa.float64(), "years, from the profile"),
    Column("income", pa.float64(), "money a year in the shop's currency, from the profile"),
    *(Column(name, pa.string(), f"{name.replace('_', ' ')}, from the profile") for name in TEXT_FIELDS),
    Column(
        "probability_alive", pa.float64(), "probability that the customer is still one (BG/NBD); empty below two orders"
    ),
    Column(
        "expected_orders",
        pa.float64(),
        f"orders to expect in the {HORIZON_WEEKS:g} weeks after as_of (BG/NBD); empty without orders",
    ),
    Column(
        "lifetime_value",
        pa.float64(),
        "what these orders are worth at as_of (Gamma-Gamma, discounted), in the shop's currency; empty without orders",
    ),
)


def export_columns(attributes: Sequence[str]) -> list[Column]:
    """Return the columns, always in this order; the shop's own profile attributes come last."""
    own = [Column(f"attribute_{name}", pa.float64(), f"profile attribute {name}") for name in attributes]
    return [*_FIXED, *own]


def export_table(table: CustomerTable, names: Mapping[str, str], models: LifetimeModels | None = None) -> pa.Table:
    """Return customers as a table with the columns of `export_columns`.

    `names` are the segments' by id, `models` those of the live baseline: without them lifetime value is empty.
    """
    rows, columns = table.rows, export_columns(table.attributes)
    numbers = rows["segment"].tolist()
    ids = [f"s{number}" if number else None for number in numbers]
    values: dict[str, Any] = {
        "customer_id": table.ids.tolist(),
        "segment_id": ids,
        "segment": [names.get(each, each) if each else None for each in ids],
        "since": _times(rows["since"], rows["segment"] > 0),
        "baseline": rows["baseline"].astype(np.int64),
        "as_of": _times(table.now_ms, np.ones(len(rows), np.bool_)),
        **_behaviour(rows, table.now_ms),
        **_lifetime(table, models),
    }
    for name in TEXT_FIELDS:
        values[name] = _words(table.profiles, name, len(rows))
    for place, name in enumerate(["age", "income", *(f"attribute_{each}" for each in table.attributes)]):
        values[name] = _numbers(rows["profile_numbers"][:, place].astype(np.float64))
    arrays = [pa.array(values[each.name], each.kind, from_pandas=True) for each in columns]
    return pa.Table.from_arrays(arrays, names=[each.name for each in columns])


def _behaviour(rows: Rows, now_ms: Values) -> dict[str, Any]:
    known = rfm_values(rows, now_ms)
    first, last = rows["first_order"], rows["last_order"]
    counts = {"orders": "placed", "session_seconds": "duration_s"}
    counts |= {name: name for name in ("cancelled", "sessions", "pages", "cart_adds")}
    return {
        "recency_days": _numbers(known["recency_days"]),
        "frequency": known["frequency"].astype(np.int64),
        "monetary": known["monetary"],
        "first_order": _times(first, first != NEVER_FIRST),
        "last_order": _times(last, last != NEVER_LAST),
        **{name: rows[field].astype(np.int64) for name, field in counts.items()},
        "refunds": rows["refunds"].astype(np.int64) + rows["credit_notes"].astype(np.int64),
        **{name: rows[name] / SCALE for name in ("gross", "cancelled_amount")},
        "refunded": (rows["refunded"] + rows["credited"]) / SCALE,
        "last_session": _times(rows["last_session"], rows["last_session"] != NEVER_LAST),
        "signed_up": _times(rows["signed_up"], rows["signed_up"] != NEVER_FIRST),
    }


def _lifetime(table: CustomerTable, models: LifetimeModels | None) -> dict[str, Any]:
    unknown = np.full(len(table), np.nan)
    found = models.values(table.rows, table.now_ms) if models else CustomerValues(*[unknown] * 4)
    return {
        "probability_alive": _numbers(found.alive),
        "expected_orders": _numbers(found.expected),
        "lifetime_value": _numbers(found.value),
    }


def _times(ms: Values, known: Flags) -> pa.Array:
    return pa.array(np.where(known, ms, 0).astype(np.int64), pa.int64(), mask=~known).cast(_TIME)


def _numbers(values: Values) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _words(profiles: pd.DataFrame, name: str, n: int) -> list[str | None]:
    if name not in profiles.columns:
        return [None] * n
    return [each if isinstance(each, str) else None for each in profiles[name].tolist()]
