"""Orders of a log in columns, each customer by its number: what every measurement of quality starts from."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from cli.formats.cdnow import read_cdnow
from cli.formats.online_retail import read_online_retail
from consumers.inputs.currency_conversion import Money
from consumers.inputs.orders import PLACED, OrderColumns, OrderInput
from events.arrays import Ints
from events.codec.amount_columns import SCALE
from events.codec.id_hashes import event_hashes, text_hashes
from events.schema.inputs import Order
from events.time_units import DAY_MS
from simulation.event_merging import TOPICS, TRUTH
from simulation.scenarios.scenario import Scenario
from simulation.shop import Shop

__all__ = ["OrderLog", "cdnow", "online_retail", "simulated"]


_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
_LARGEST: Final = 1 << 20
_ORDERS: Final = TOPICS.index("orders")


@dataclass(frozen=True)
class OrderLog:
    """Orders by time: `columns` of n of them, and the customer number (n,) of each; `names[i]` is customer i's id."""

    columns: OrderColumns
    customers: Ints
    names: list[str]

    @classmethod
    def of(cls, columns: OrderColumns) -> "OrderLog":
        """Number the customers in order of their first appearance; the orders are sorted by time."""
        columns = columns.take(np.argsort(columns.times, kind="stable"))
        codes, names = pd.factorize(np.asarray(columns.customer_ids, dtype=object))
        return cls(columns, codes.astype(np.int64), [str(name) for name in names])

    def __len__(self) -> int:
        return len(self.columns)

    def part(self, start: int, end: int) -> "OrderLog":
        """Return the orders from `start` to before `end`, with the same customer numbers."""
        return OrderLog(self.columns.take(np.arange(start, end)), self.customers[start:end], self.names)

    def days(self) -> Iterator[tuple[int, "OrderLog"]]:
        """Yield each UTC day's end (ms) with its orders, days without orders among them."""
        if not len(self):
            return
        numbers = self.columns.times // DAY_MS
        for day in range(int(numbers[0]), int(numbers[-1]) + 1):
            start, end = np.searchsorted(numbers, [day, day + 1]).tolist()
            yield (day + 1) * DAY_MS, self.part(start, end)


def _from_orders(orders: Iterable[Order]) -> OrderLog:
    placed = [order for order in orders if order.type == "placed"]
    return OrderLog.of(
        OrderColumns(
            np.array([order.customer_id for order in placed], dtype=object),
            event_hashes([order.event_id for order in placed], "orders"),
            np.array([order.occurred_at.timestamp() * 1000 for order in placed], np.float64).astype(np.int64),
            np.full(len(placed), PLACED, np.int8),
            np.array([int(order.amount * SCALE) for order in placed], np.int64),
            text_hashes([order.order_id or "" for order in placed]),
        )
    )


def cdnow(folder: Path) -> OrderLog:
    """Return the 69,659 purchases of CDNOW."""
    return _from_orders(read_cdnow(folder / "CDNOW_master.txt"))


def online_retail(folder: Path) -> OrderLog:
    """Return the 18,532 invoices of Online Retail; cancellations are left out, as in the table of the design."""
    return _from_orders(read_online_retail(folder / "online_retail.parquet").orders)


def simulated(scenario: Scenario, customers: int, seed: int, days: int) -> tuple[OrderLog, dict[str, str]]:
    """Return the orders of a simulated shop, with their cancellations and refunds, and each customer's group."""
    shop = Shop(scenario, customers, seed, _START)
    decoder = OrderInput(Money(scenario.currency, {}, adopt=lambda currency: currency), _LARGEST)
    parts, groups = list[OrderColumns](), dict[str, str]()
    for batch in shop.batches(days):
        columns = decoder.decode(list(batch.of(_ORDERS).values), 2**62).columns
        if isinstance(columns, OrderColumns):
            parts.append(columns)
        for line in batch.of(TRUTH).values:
            if (truth := json.loads(line))["kind"] == "customer":
                groups[truth["customer_id"]] = truth["group"]
    return OrderLog.of(OrderColumns.joined(parts)), groups
