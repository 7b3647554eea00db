"""orders.csv, order_items.csv and products.csv as orders that were placed, cancelled and refunded, in US dollars."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from cli.formats.thelook.csv_tables import NEVER, Faults, ids, instant, milliseconds, numbers, read_table, sift, texts
from events.schema.inputs import Order

__all__ = ["Line", "Purchase", "Purchases", "order", "read_purchases"]

_MAX_PRICE: Final = 1e6
_CANCELLED: Final = "cancelled"
_RETURNED: Final = "returned"

_ORDER_FAULTS: Final[Faults] = {
    "no_id": lambda orders: orders["order_id"] == "",
    "no_user": lambda orders: orders["customer_id"] == "",
    "no_time": lambda orders: orders["at"] == NEVER,
    "repeated": lambda orders: orders["order_id"].duplicated(),
}
_PRODUCT_FAULTS: Final[Faults] = {
    "no_id": lambda products: products["product_id"] == "",
    "repeated": lambda products: products["product_id"].duplicated(),
}


class Line(NamedTuple):
    """One piece that was sold. `status` is its own, in lower case; `returned` is in ms since 1970, or NEVER."""

    sku: str
    category: str
    cents: int
    status: str
    returned: int


class Purchase(NamedTuple):
    """An order that was placed, or all or some of it that was taken back; `at` in ms since 1970."""

    kind: Literal["placed", "cancelled", "refunded"]
    order_id: str
    customer_id: str
    at: int
    lines: Sequence[Line]


class Purchases(NamedTuple):
    """The events by time; rows, and rows left out by reason, by table."""

    purchases: list[Purchase]
    rows: dict[str, int]
    skipped: dict[str, dict[str, int]]


class _Ordered(NamedTuple):
    order_id: str
    customer_id: str
    status: str
    at: int
    returned: int


def read_purchases(orders: Path, items: Path, products: Path | None) -> Purchases:
    """Return what was ordered and what was taken back.

    An order is placed at its created_at, with its usable items and the sum of their sale prices to the cent. If it
    was cancelled, or all its items were, it is cancelled whole; the tables do not say when, so at the same instant.
    Otherwise, items that were cancelled are no part of it, and those that were returned (all of an order that is
    returned where no item says so) make one refund at its returned_at, or else the latest of theirs, or else when it
    was placed.

    Raises:
        FileInvalid: a table cannot be read, or a column is missing.
    """
    ordered, order_rows, order_skipped = _read_orders(orders)
    catalogue, product_rows, product_skipped = _read_products(products)
    sold, item_rows, item_skipped = _read_items(items, {each.order_id for each in ordered}, catalogue)
    purchases: list[Purchase] = []
    alone = 0
    for each in ordered:
        lines = sold.get(each.order_id)
        if lines:
            found = list(_purchases(each, lines))
            alone += len(lines) - len(found[0].lines)
            purchases += found
    order_skipped["no_items"] = len(ordered) - sum(each.kind == "placed" for each in purchases)
    item_skipped["cancelled_alone"] = alone
    rows = {"orders": order_rows, "order_items": item_rows}
    skipped = {"orders": order_skipped, "order_items": item_skipped}
    if products:
        rows["products"], skipped["products"] = product_rows, product_skipped
    return Purchases(sorted(purchases, key=lambda purchase: purchase.at), rows, skipped)


def order(purchase: Purchase) -> Order:
    """Return the order event of a purchase."""
    return Order.model_validate(
        {
            "event_id": f"thelook-{purchase.order_id}-{purchase.kind}",
            "customer_id": purchase.customer_id,
            "occurred_at": instant(purchase.at),
            "type": purchase.kind,
            "order_id": purchase.order_id,
            "amount": _dollars(sum(line.cents for line in purchase.lines)),
            "currency": "USD",
            "items": [
                {"sku": line.sku, "quantity": 1, "price": _dollars(line.cents), "category": line.category or None}
                for line in purchase.lines
            ],
        }
    )


def _purchases(ordered: _Ordered, lines: list[Line]) -> Iterator[Purchase]:
    """Yield the order placed, and at most one event that takes it back: nothing is taken back twice."""
    kept = [line for line in lines if line.status != _CANCELLED]
    if ordered.status == _CANCELLED or not kept:
        yield Purchase("placed", ordered.order_id, ordered.customer_id, ordered.at, lines)
        yield Purchase("cancelled", ordered.order_id, ordered.customer_id, ordered.at, lines)
        return
    yield Purchase("placed", ordered.order_id, ordered.customer_id, ordered.at, kept)
    back = [line for line in kept if line.status == _RETURNED] or (kept if ordered.status == _RETURNED else [])
    if back:
        returned = max(line.returned for line in back) if ordered.returned == NEVER else ordered.returned
        yield Purchase("refunded", ordered.order_id, ordered.customer_id, max(returned, ordered.at), back)


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _read_orders(path: Path) -> tuple[list[_Ordered], int, dict[str, int]]:
    table = read_table(path, ("order_id", "user_id", "status", "created_at"), ("returned_at",))
    frame = pd.DataFrame(
        {
            "order_id": ids(table["order_id"]),
            "customer_id": ids(table["user_id"]),
            "status": _statuses(table),
            "at": milliseconds(table["created_at"]),
            "returned": milliseconds(table["returned_at"]),
        }
    )
    kept, skipped = sift(frame, _ORDER_FAULTS)
    return [_Ordered(*row) for row in kept.itertuples(index=False)], len(table), skipped


def _read_products(path: Path | None) -> tuple[dict[str, tuple[str, str]], int, dict[str, int]]:
    """Return stock-keeping unit and category by product id."""
    if path is None:
        return {}, 0, {}
    table = read_table(path, ("id",), ("sku", "category"))
    frame = pd.DataFrame(
        {"product_id": ids(table["id"]), "sku": texts(table["sku"], 128), "category": texts(table["category"])}
    )
    kept, skipped = sift(frame, _PRODUCT_FAULTS)
    pairs = zip(kept["sku"].tolist(), kept["category"].tolist(), strict=True)
    return dict(zip(kept["product_id"].tolist(), pairs, strict=True)), len(table), skipped


def _read_items(
    path: Path, orders: set[str], catalogue: dict[str, tuple[str, str]]
) -> tuple[dict[str, list[Line]], int, dict[str, int]]:
    """Return the lines of each of these orders, in the file's order."""
    table = read_table(path, ("order_id", "product_id", "sale_price"), ("id", "status", "returned_at"))
    prices = numbers(table["sale_price"], 0, _MAX_PRICE)
    frame = pd.DataFrame(
        {
            "item_id": ids(table["id"]),
            "order_id": ids(table["order_id"]),
            "product_id": ids(table["product_id"]),
            "priced": prices.notna(),
            "cents": np.rint(prices.fillna(0.0) * 100).astype("int64"),
            "status": _statuses(table),
            "returned": milliseconds(table["returned_at"]),
        }
    )
    faults: Faults = {
        "no_order": lambda items: ~items["order_id"].isin(orders),
        "no_product": lambda items: items["product_id"] == "",
        "no_price": lambda items: ~items["priced"],
        "repeated": lambda items: items["item_id"].duplicated() & (items["item_id"] != ""),
    }
    kept, skipped = sift(frame, faults)
    lines: dict[str, list[Line]] = defaultdict(list)
    for row in kept.itertuples(index=False):
        _add(lines, row, catalogue)
    return lines, len(table), skipped


def _add(lines: dict[str, list[Line]], row: Any, catalogue: dict[str, tuple[str, str]]) -> None:
    sku, category = catalogue.get(row.product_id, ("", ""))
    lines[row.order_id].append(Line(sku or row.product_id, category, row.cents, row.status, row.returned))


def _statuses(table: pd.DataFrame) -> pd.Series:
    return texts(table["status"]).str.lower().replace("canceled", _CANCELLED)
