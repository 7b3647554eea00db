"""The CDNOW reader, on the sample of the Lifetimes wheel, against pandas."""

import importlib.util
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from cli.formats.cdnow import SampleMissing, read_cdnow, sample_path
from cli.formats.file_invalid import FileInvalid
from events.schema.inputs import Order


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    names = ["customer_id", "within_sample", "date", "cds", "dollars"]
    return pd.read_csv(sample_path(), sep=r"\s+", header=None, names=names, dtype=str)


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    return list(read_cdnow(sample_path()))


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\r\n" for line in lines))
    return path


def test_every_row_is_an_order(orders: list[Order], table: pd.DataFrame) -> None:
    def key(customer_id: str, day: str, dollars: Decimal, cds: int) -> tuple[str, str, Decimal, int]:
        return customer_id, day, dollars, cds

    rows = Counter(
        key(row.customer_id, row.date, Decimal(row.dollars), int(row.cds)) for row in table.itertuples(index=False)
    )
    assert rows == Counter(
        key(order.customer_id, f"{order.occurred_at:%Y%m%d}", order.amount, order.items[0].quantity) for order in orders
    )
    assert len(orders) == 6919
    assert len({order.customer_id for order in orders}) == 2357
    assert sum(order.amount for order in orders) == sum(map(Decimal, table.dollars)) == Decimal("244091.94")
    assert {(order.type, order.currency, order.items[0].sku) for order in orders} == {("placed", "USD", "cd")}


def test_orders_are_sorted_by_time_and_those_of_a_day_keep_the_files_order(
    orders: list[Order], table: pd.DataFrame
) -> None:
    expected = table.sort_values("date", kind="stable")
    assert [order.customer_id for order in orders] == expected.customer_id.tolist()
    assert [order.occurred_at for order in orders] == [
        datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) for day in expected.date
    ]


def test_event_ids_are_unique_and_the_same_each_time(orders: list[Order]) -> None:
    assert len({order.event_id for order in orders}) == len(orders)
    log = read_cdnow(sample_path())
    assert len(log) == len(orders)
    assert list(log) == list(log) == orders


def test_the_master_has_a_header_and_four_columns_and_its_doubles_are_purchases(tmp_path: Path) -> None:
    master = write(
        tmp_path / "master.txt",
        " customer_id  date number_of_cds  dollar_value",
        " 00002 19970112  1   12.00",
        " 00002 19970112  1   12.00",
        "",
        " 00001 19970101  2   0.00",
    )
    assert [(order.event_id, order.amount) for order in read_cdnow(master)] == [
        ("cdnow-00001-19970101-1", Decimal("0.00")),
        ("cdnow-00002-19970112-1", Decimal("12.00")),
        ("cdnow-00002-19970112-2", Decimal("12.00")),
    ]


def test_a_row_has_the_same_event_id_in_the_sample_and_in_the_master(tmp_path: Path) -> None:
    master = write(tmp_path / "m.txt", "00003 19970101 1 5.00", "00004 19970101 2 29.33", "00004 19970118 2 29.73")
    sample = write(tmp_path / "s.txt", "00004 0001 19970101 2 29.33", "00004 0001 19970118 2 29.73")
    assert list(read_cdnow(sample)) == [order for order in read_cdnow(master) if order.customer_id == "00004"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("00001 19970101 1", "a CDNOW row has the columns customer_id date number_of_cds dollar_value, found"),
        ("00001 19971301 1 11.77", "date: should be as in 19970101, found '19971301'"),
        ("00001 19970101 x 11.77", "number_of_cds: should be a whole number, found 'x'"),
        ("00001 19970101 1 1e3", "dollar_value: should be an amount such as 11.77, found '1e3'"),
        ("Ann 19970101 1 1.00", "customer_id: should be a number, found 'Ann'"),
    ],
)
def test_a_row_of_another_kind_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = write(tmp_path / "cdnow.txt", "00001 19970101 1 11.77", line)
    with pytest.raises(FileInvalid) as caught:
        read_cdnow(path)
    assert str(caught.value).startswith(f"{path} line 2: {reason}")


def test_the_sample_is_found_without_importing_lifetimes() -> None:
    code = (
        "import sys; from cli.formats.cdnow import sample_path; print(sample_path().name, 'lifetimes' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert run.stdout.split() == ["CDNOW_sample.txt", "False"]


def test_a_missing_sample_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SampleMissing, match=r"install Shoal with its extra \[embedded\]"):
        sample_path()
