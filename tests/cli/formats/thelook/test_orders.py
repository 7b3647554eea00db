"""Orders and their items as events that add up to what was kept."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from cli.formats.thelook.orders import Purchases, order, read_purchases
from events.schema.inputs import Order
from tests.cli.formats.thelook import exporting
from tests.cli.formats.thelook.exporting import item, product, write

PLACED = datetime(2023, 1, 5, 10, 11, 12, tzinfo=UTC)
BACK = "2023-01-20 08:00:00 UTC"
LATER = "2023-01-22 08:00:00 UTC"


def read(folder: Path, orders: list[str], items: list[str], products: list[str] | None = None) -> Purchases:
    tables = {"orders": orders, "order_items": items} | ({} if products is None else {"products": products})
    write(folder, **tables)
    catalogue = None if products is None else folder / "products.csv"
    return read_purchases(folder / "orders.csv", folder / "order_items.csv", catalogue)


def events(found: Purchases) -> list[Order]:
    return [order(purchase) for purchase in found.purchases]


def told(found: Purchases) -> list[tuple[str, str, str]]:
    return [(event.type, str(event.amount), f"{event.occurred_at:%m-%d}") for event in events(found)]


def test_an_order_is_the_sum_of_its_items(tmp_path: Path) -> None:
    products = [product("501", "ABC1", "Jeans"), product("502", "", "Socks")]
    items = [
        item("1", "9", "59.9900016784668"),
        item("2", "9", "0.1", product="502"),
        item("3", "9", "0.2", product="8"),
    ]
    (event,) = events(read(tmp_path, [exporting.order("9", status="Shipped")], items, products))
    assert event.event_id == "thelook-9-placed"
    assert (event.order_id, event.customer_id, event.occurred_at) == ("9", "7", PLACED)
    assert (event.type, str(event.amount), event.currency) == ("placed", "60.29", "USD")
    assert [(each.sku, each.quantity, each.price, each.category) for each in event.items or []] == [
        ("ABC1", 1, Decimal("59.99"), "Jeans"),
        ("502", 1, Decimal("0.10"), "Socks"),
        ("8", 1, Decimal("0.20"), None),
    ]


def test_without_products_an_item_is_its_product_id(tmp_path: Path) -> None:
    found = read(tmp_path, [exporting.order("9")], [item("1", "9", "5")])
    (line,) = events(found)[0].items or []
    assert (line.sku, line.category) == ("501", None)
    assert found.rows.keys() == {"orders", "order_items"}


@pytest.mark.parametrize("word", ["Cancelled", "canceled", " CANCELLED "])
def test_a_cancelled_order_is_placed_and_cancelled_whole(tmp_path: Path, word: str) -> None:
    items = [item("1", "9", "5", word), item("2", "9", "6", "Returned", back=BACK)]
    found = read(tmp_path, [exporting.order("9", status=word)], items)
    assert told(found) == [("placed", "11.00", "01-05"), ("cancelled", "11.00", "01-05")]
    assert [event.event_id for event in events(found)] == ["thelook-9-placed", "thelook-9-cancelled"]


def test_an_order_of_which_every_item_was_cancelled_was_cancelled(tmp_path: Path) -> None:
    found = read(tmp_path, [exporting.order("9")], [item("1", "9", "5", "Cancelled"), item("2", "9", "6", "Cancelled")])
    assert [kind for kind, *_ in told(found)] == ["placed", "cancelled"]
    assert found.skipped["order_items"]["cancelled_alone"] == 0


def test_an_item_that_was_cancelled_alone_is_no_part_of_its_order(tmp_path: Path) -> None:
    found = read(tmp_path, [exporting.order("9")], [item("1", "9", "5", "Cancelled"), item("2", "9", "6")])
    assert told(found) == [("placed", "6.00", "01-05")]
    assert found.skipped["order_items"]["cancelled_alone"] == 1


@pytest.mark.parametrize(
    ("order_back", "items", "refund"),
    [
        (BACK, [item("1", "9", "5", "Returned", back=LATER), item("2", "9", "6", "Returned")], ("11.00", "01-20")),
        (
            "",
            [item("1", "9", "5", "Returned", back=BACK), item("2", "9", "6", "Returned", back=LATER)],
            ("11.00", "01-22"),
        ),
        (BACK, [item("1", "9", "5"), item("2", "9", "6", "Returned", back=BACK)], ("6.00", "01-20")),
        (BACK, [item("1", "9", "5"), item("2", "9", "6")], ("11.00", "01-20")),
        ("", [item("1", "9", "5"), item("2", "9", "6")], ("11.00", "01-05")),
        ("2022-01-01 00:00:00 UTC", [item("1", "9", "5"), item("2", "9", "6")], ("11.00", "01-05")),
        (BACK, [item("1", "9", "5", "Returned"), item("2", "9", "6", "Returned")], ("11.00", "01-20")),
    ],
)
def test_what_was_returned_is_refunded_once(
    tmp_path: Path, order_back: str, items: list[str], refund: tuple[str, str]
) -> None:
    found = read(tmp_path, [exporting.order("9", status="Returned", back=order_back)], items)
    assert told(found) == [("placed", "11.00", "01-05"), ("refunded", *refund)]


def test_an_item_that_was_returned_alone_is_refunded_alone(tmp_path: Path) -> None:
    items = [item("1", "9", "5"), item("2", "9", "6", "Returned", back=BACK), item("3", "9", "7", "Cancelled")]
    found = read(tmp_path, [exporting.order("9")], items)
    assert told(found) == [("placed", "11.00", "01-05"), ("refunded", "6.00", "01-20")]


def test_every_row_is_accounted_for_and_sorted_by_time(tmp_path: Path) -> None:
    orders = [
        exporting.order("2", created="2023-01-09 00:00:00 UTC"),
        exporting.order("1", status="Returned", back=BACK),
        exporting.order("1", created="2023-01-10 00:00:00 UTC"),
        exporting.order("", "7"),
        exporting.order("3", ""),
        exporting.order("4", created="once"),
        exporting.order("5"),
    ]
    items = [
        *(item("1", "1", "5"), item("1", "1", "5"), item("2", "2.0", "6"), item("", "2", "1"), item("", "2", "1")),
        *(item("3", "3", "5"), item("4", "77", "5"), item("5", "1", "5", product="")),
        *(item("6", "5", "-5"), item("7", "5", "free"), item("8", "5", "")),
    ]
    found = read(tmp_path, orders, items, [product("501", "A", "B"), product("501", "C", "D"), product("", "E", "F")])
    assert told(found) == [("placed", "5.00", "01-05"), ("placed", "8.00", "01-09"), ("refunded", "5.00", "01-20")]
    assert found.rows == {"orders": 7, "order_items": 11, "products": 3}
    assert found.skipped == {
        "orders": {"no_id": 1, "no_user": 1, "no_time": 1, "repeated": 1, "no_items": 1},
        "order_items": {"no_order": 2, "no_product": 1, "no_price": 3, "repeated": 1, "cancelled_alone": 0},
        "products": {"no_id": 1, "repeated": 1},
    }
    placed = [event for event in events(found) if event.type == "placed"]
    assert len(placed) == 7 - sum(found.skipped["orders"].values())
    assert sum(len(event.items or []) for event in placed) == 11 - sum(found.skipped["order_items"].values())
    assert placed[0].items[0].sku == "A"  # type: ignore[index]
