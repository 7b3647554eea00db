"""The folder as a whole."""

from pathlib import Path

import pytest

from cli.formats.file_invalid import FileInvalid
from cli.formats.thelook import read_thelook
from tests.cli.formats.thelook.exporting import event, item, order, product, user, write

BACK = "2023-02-01 00:00:00 UTC"


def full(folder: Path) -> Path:
    return write(
        folder,
        users=[user(), user("8", created="2023-01-01 00:00:00 UTC")],
        orders=[order("1"), order("2", status="Cancelled"), order("3", status="Returned", back=BACK)],
        order_items=[item("1", "1", "5"), item("2", "2", "6", "Cancelled"), item("3", "3", "7", "Returned")],
        products=[product("501", "ABC", "Jeans")],
        events=[event("s", "2023-01-05 10:00:00 UTC"), event("t", "2023-01-05 10:00:00 UTC", user_id="")],
    )


def test_what_was_kept_is_what_adds_up(tmp_path: Path) -> None:
    read = read_thelook(full(tmp_path))
    signs = {"placed": 1, "cancelled": -1, "refunded": -1}
    assert sum(signs[each.type] * each.amount for each in read.orders) == 5
    assert {each.customer_id for each in read.sessions} == {"7"}
    assert [each.customer_id for each in read.profiles] == ["8", "7"]
    summary = read.summary
    assert (summary.orders, summary.cancellations, summary.refunds) == (3, 1, 1)
    assert (summary.sessions, summary.profiles) == (1, 2)
    assert summary.rows == {"users": 2, "orders": 3, "order_items": 3, "products": 1, "events": 2}
    assert summary.skipped["events"] == {"no_user": 1, "no_session": 0, "no_time": 0}


def test_event_ids_are_unique_and_the_same_each_time(tmp_path: Path) -> None:
    first, second = read_thelook(full(tmp_path)), read_thelook(tmp_path)
    for log, again in (
        (first.orders, second.orders),
        (first.sessions, second.sessions),
        (first.profiles, second.profiles),
    ):
        assert list(log) == list(again)
        assert len({each.event_id for each in log}) == len(log) > 0


def test_products_and_events_may_be_missing(tmp_path: Path) -> None:
    full(tmp_path)
    (tmp_path / "products.csv").unlink()
    (tmp_path / "events.csv").unlink()
    read = read_thelook(tmp_path)
    assert (len(read.orders), len(read.sessions), len(read.profiles)) == (5, 0, 2)
    assert read.summary.rows.keys() == read.summary.skipped.keys() == {"users", "orders", "order_items"}


def test_the_other_tables_are_needed(tmp_path: Path) -> None:
    full(tmp_path)
    (tmp_path / "orders.csv").unlink()
    (tmp_path / "users.csv").unlink()
    with pytest.raises(FileInvalid, match=r"has no users\.csv, orders\.csv; it should hold the tables of thelook"):
        read_thelook(tmp_path)


def test_tables_of_headers_alone_give_nothing(tmp_path: Path) -> None:
    read = read_thelook(write(tmp_path, users=[], orders=[], order_items=[], products=[], events=[]))
    assert [len(log) for log in (read.orders, read.sessions, read.profiles)] == [0, 0, 0]
