"""Data sets whose orders are spread over several tables, joined into one: Olist and Instacart."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd

from cli.formats.file_invalid import FileInvalid
from cli.shop_exports.cell_text.header_words import Kind
from cli.shop_exports.guesses.questions import Question, QuestionsOpen
from cli.shop_exports.mapping import Mapping
from cli.tables.table import CHUNK_ROWS, Chunk, Table

__all__ = ["JOINED", "join_tables", "recognised_data_set"]

_OLIST_ORDERS: Final = ("order_id", "customer_id", "order_status", "order_purchase_timestamp")
_OLIST_CUSTOMERS: Final = ("customer_id", "customer_unique_id")
_INSTACART: Final = ("order_id", "user_id", "order_number", "order_hour_of_day", "days_since_prior_order")


class JoinedTable(Table):
    """A table in memory; `rows` are the numbers of the rows in the file that has the orders."""

    def __init__(self, name: str, frame: pd.DataFrame, rows: Any) -> None:
        super().__init__(name, list(frame.columns), {"format": "joined tables"})
        self._frame, self._rows = frame.astype(object).where(frame.notna(), None), np.asarray(rows, np.int64)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows."""
        for start in range(0, len(self._frame), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            self.share_read = start / max(1, len(self._frame))
            yield Chunk(self._frame.iloc[part].reset_index(drop=True), self._rows[part])


def recognised_data_set(tables: Sequence[Table]) -> str | None:
    """Return the data set that some tables are, by their columns; None where they are none."""
    if _with(tables, _OLIST_ORDERS) and _with(tables, _OLIST_CUSTOMERS):
        return "olist"
    return "instacart" if _with(tables, (*_INSTACART, "eval_set")) else None


def join_tables(data_set: str, kind: Kind, tables: Sequence[Table], mapping: Mapping) -> list[Table]:
    """Return the one table of a data set's orders or customers.

    Raises:
        FileInvalid: a table of the data set is missing.
        QuestionsOpen: the data set has no dates, and nobody said when it begins.
    """
    return [JOINED[data_set](kind, tables, mapping)]


def _olist(kind: Kind, tables: Sequence[Table], _mapping: Mapping) -> Table:
    name, orders, rows = _frame(tables, _OLIST_ORDERS, "olist_orders_dataset.csv")
    _, customers, _ = _frame(tables, _OLIST_CUSTOMERS, "olist_customers_dataset.csv")
    joined = orders.merge(customers.drop_duplicates("customer_id"), on="customer_id", how="left")
    if kind == "customers":
        # One customer has an id for each order; the city is that of the latest.
        latest = joined.sort_values("order_purchase_timestamp", kind="stable").drop_duplicates(
            "customer_unique_id", keep="last"
        )
        return JoinedTable(name, latest.assign(country="BR"), np.asarray(rows)[latest.index.to_numpy()])
    joined["payment_value"] = joined["order_id"].map(_olist_amounts(tables))
    return JoinedTable(name, joined, rows)


def _olist_amounts(tables: Sequence[Table]) -> dict[Any, Decimal]:
    """Return what was paid for each order, or where there are no payments what its items and their freight cost."""
    if _with(tables, ("order_id", "payment_value")):
        _, payments, _ = _frame(tables, ("order_id", "payment_value"), "")
        parts = zip(payments["order_id"], payments["payment_value"], strict=True)
    else:
        _, items, _ = _frame(tables, ("order_id", "price", "freight_value"), "olist_order_payments_dataset.csv")
        parts = zip([*items["order_id"], *items["order_id"]], [*items["price"], *items["freight_value"]], strict=True)
    sums: dict[Any, Decimal] = {}
    for order, value in parts:
        if value is not None:
            sums[order] = sums.get(order, Decimal(0)) + Decimal(str(value))
    return sums


def _instacart(kind: Kind, tables: Sequence[Table], mapping: Mapping) -> Table:
    if kind != "orders":
        raise FileInvalid("--preset", "", f"instacart has no {kind}; it has orders")
    if mapping.first_day is None:
        about = "Instacart has no dates: each order says how many days after the customer's order before it was placed."
        raise QuestionsOpen([Question(about, [("--first-day 2017-01-01", "the day of every customer's first order")])])
    name, orders, rows = _frame(tables, _INSTACART, "orders.csv")
    numbers = orders[["order_number", "order_hour_of_day"]].astype(float)
    order = np.lexsort((numbers["order_number"], orders["user_id"].astype(str)))
    orders, numbers = orders.iloc[order], numbers.iloc[order]
    days = orders["days_since_prior_order"].astype(float).fillna(0.0).groupby(orders["user_id"]).cumsum()
    start = pd.Timestamp(_day(mapping.first_day), tz="UTC")
    placed = start + pd.to_timedelta(days, unit="D") + pd.to_timedelta(numbers["order_hour_of_day"], unit="h")
    frame = orders.assign(placed_at=placed.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), amount="0")
    return JoinedTable(name, frame.reset_index(drop=True), np.asarray(rows)[order])


JOINED: Final[dict[str, Callable[[Kind, Sequence[Table], Mapping], Table]]] = {"olist": _olist, "instacart": _instacart}
"""How the tables of each data set are joined."""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FileInvalid("--first-day", "", f"should be such as 2017-01-01, found {text!r}") from None


def _with(tables: Sequence[Table], columns: Sequence[str]) -> list[Table]:
    return [table for table in tables if set(columns) <= set(table.columns)]


def _frame(tables: Sequence[Table], columns: Sequence[str], usual: str) -> tuple[str, pd.DataFrame, list[int]]:
    """Return the table that has some columns: its name, its cells and the numbers of its rows."""
    found = _with(tables, columns)
    if not found:
        raise FileInvalid(", ".join(table.name for table in tables), "", f"no table has {', '.join(columns)} ({usual})")
    chunks = list(found[0].chunks())
    frame = (
        pd.concat([chunk.cells for chunk in chunks], ignore_index=True)
        if chunks
        else pd.DataFrame(columns=found[0].columns)
    )
    return found[0].name, frame, [row for chunk in chunks for row in chunk.rows.tolist()]
