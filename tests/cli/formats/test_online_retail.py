"""The Online Retail reader, on a small frame with every trap of the real one, as Parquet and as CSV."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from cli.formats.file_invalid import FileInvalid
from cli.formats.online_retail import OnlineRetail, read_online_retail

Write = Callable[[pd.DataFrame, Path], Path]

COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
ROWS = [
    ("536370", "22728", "later", 2, "2010-12-02 09:00:00", 3.75, 12583.0, "France"),
    ("536365", "85123A", "two times, the second first", 6, "2010-12-01 08:27:00", 2.55, 12347.0, "UK"),
    ("536365", "71053", "three decimals", 3, "2010-12-01 08:26:00", 0.001, 12347.0, "UK"),
    ("C536379", "D", "discount", -1, "2010-12-01 09:41:00", 27.5, 14527.0, "UK"),
    ("C536379", "22557", "returned", -12, "2010-12-01 09:41:00", 1.65, 14527.0, "UK"),
    ("536400", "22222", "a gift", 1, "2010-12-01 10:00:00", 0.0, 12347.0, "UK"),
    ("536414", "22139", None, 56, "2010-12-01 11:52:00", 2.0, None, "UK"),
    ("536415", "22140", "negative without C", -5, "2010-12-01 11:53:00", 2.0, 12347.0, "UK"),
    ("536416", "1", "two customers in one invoice", 1, "2010-12-03 10:00:00", 1.0, 2.0, "UK"),
    ("536416", "1", "two customers in one invoice", 1, "2010-12-03 10:00:00", 2.0, 3.0, "UK"),
]


def write_parquet(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_parquet(folder / "retail.parquet")
    return folder / "retail.parquet"


def write_csv(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "retail.csv", index=False)
    return folder / "retail.csv"


def write_csv_of_a_spreadsheet(frame: pd.DataFrame, folder: Path) -> Path:
    """Latin-1, dates without seconds in the American order, customers without decimals."""
    dates = pd.to_datetime(frame.InvoiceDate)
    plain = frame.assign(
        Description="price in £",
        InvoiceDate=[f"{date.month}/{date.day}/{date.year} {date.hour}:{date.minute:02}" for date in dates],
        CustomerID=frame.CustomerID.astype("Int64"),
    )
    plain.to_csv(folder / "data.csv", index=False, encoding="latin-1")
    return folder / "data.csv"


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=COLUMNS)


@pytest.fixture(params=[write_parquet, write_csv, write_csv_of_a_spreadsheet])
def write(request: pytest.FixtureRequest) -> Write:
    return request.param


@pytest.fixture
def read(write: Write, frame: pd.DataFrame, tmp_path: Path) -> OnlineRetail:
    return read_online_retail(write(frame, tmp_path))


def test_orders_and_refunds_are_sorted_by_time(read: OnlineRetail) -> None:
    assert [(order.type, order.order_id, order.customer_id, order.amount) for order in read.orders] == [
        ("placed", "536365", "12347", Decimal("15.303")),
        ("refunded", None, "14527", Decimal("47.30")),
        ("placed", "536370", "12583", Decimal("7.50")),
        ("placed", "536416", "2", Decimal("1.00")),
        ("placed", "536416", "3", Decimal("2.00")),
    ]
    assert {order.currency for order in read.orders} == {"GBP"}


def test_every_row_is_accounted_for(read: OnlineRetail) -> None:
    assert read.summary.rows == len(ROWS)
    assert read.summary.skipped == {"no_customer": 1, "zero_amount": 1, "unexpected_sign": 1}
    assert (read.summary.orders, read.summary.refunds) == (4, 1)
    assert len(read.orders) == 5


def test_an_invoice_with_two_times_took_place_at_the_first(read: OnlineRetail) -> None:
    assert next(iter(read.orders)).occurred_at == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


def test_lines_become_items_without_signs(read: OnlineRetail) -> None:
    first, refund, *_ = read.orders
    assert [(item.sku, item.quantity, item.price) for item in first.items] == [
        ("85123A", 6, Decimal("2.55")),
        ("71053", 3, Decimal("0.001")),
    ]
    assert [(item.sku, item.quantity, item.price) for item in refund.items] == [
        ("D", 1, Decimal("27.50")),
        ("22557", 12, Decimal("1.65")),
    ]


def test_event_ids_are_unique_and_the_same_each_time(read: OnlineRetail) -> None:
    ids = [order.event_id for order in read.orders]
    assert ids[:2] == ["online-retail-536365-12347", "online-retail-C536379-14527"]
    assert len(set(ids)) == len(ids)
    assert [order.event_id for order in read.orders] == ids


def test_amounts_are_exact_where_floats_are_not(tmp_path: Path) -> None:
    rows = [("1", str(i), "", 1, "2010-12-01 08:00:00", 0.1, 1.0, "UK") for i in range(10)]
    rows.append(("1", "x", "", 1, "2010-12-01 08:00:00", 2041.761, 1.0, "UK"))
    (order,) = read_online_retail(write_parquet(pd.DataFrame(rows, columns=COLUMNS), tmp_path)).orders
    assert str(order.amount) == "2042.761"


def test_a_file_with_nothing_to_sell_has_no_orders(frame: pd.DataFrame, write: Write, tmp_path: Path) -> None:
    read = read_online_retail(write(frame[frame.CustomerID.isna()], tmp_path))
    assert list(read.orders) == []
    assert read.summary.rows == 1


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("InvoiceDate", "yesterday", "InvoiceDate: should be as in 2010-12-01 08:26:00, found 'yesterday'"),
        ("UnitPrice", "free", "UnitPrice: should be a price of at most 6 decimals, found 'free'"),
        ("Quantity", "1.5", "Quantity: should be a whole number, found '1.5'"),
        ("StockCode", "", "StockCode: should have 1 to 40 characters, found 'nan'"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(
    frame: pd.DataFrame, tmp_path: Path, column: str, value: str, reason: str
) -> None:
    changed = frame.astype({column: "object"})
    changed.loc[3, column] = value
    path = write_csv(changed, tmp_path)
    with pytest.raises(FileInvalid) as caught:
        read_online_retail(path)
    assert str(caught.value) == f"{path} line 5: {reason}"


def test_another_file_is_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = write_parquet(frame.drop(columns=["UnitPrice", "CustomerID"]), tmp_path)
    with pytest.raises(FileInvalid, match=r"has no column UnitPrice, CustomerID; an Online Retail file has all of"):
        read_online_retail(path)
    (tmp_path / "retail.xlsx").write_bytes(b"PK")
    with pytest.raises(FileInvalid, match=r"retail\.xlsx: cannot be read as an Online Retail file, Parquet or CSV"):
        read_online_retail(tmp_path / "retail.xlsx")


def test_a_customer_lives_where_the_latest_invoice_with_a_country_says(
    frame: pd.DataFrame, write: Write, tmp_path: Path
) -> None:
    moved = frame.copy()
    moved.loc[0, ["CustomerID", "Country"]] = [12347.0, "EIRE"]
    read = read_online_retail(write(moved, tmp_path))
    homes = {profile.customer_id: (profile.country, profile.occurred_at) for profile in read.profiles}
    assert homes["12347"] == ("Ireland", datetime(2010, 12, 2, 9, tzinfo=UTC))
    assert homes["14527"] == ("United Kingdom", datetime(2010, 12, 1, 9, 41, tzinfo=UTC))
    assert list(homes) == ["14527", "12347", "2", "3"]


@pytest.mark.parametrize("nowhere", ["Unspecified", "European Community", "Channel Islands", None])
def test_what_is_no_country_is_left_out(frame: pd.DataFrame, write: Write, tmp_path: Path, nowhere: str | None) -> None:
    frame.loc[[0, 3, 4], "Country"] = nowhere
    frame.loc[0, "CustomerID"] = 12347.0
    read = read_online_retail(write(frame, tmp_path))
    homes = {profile.customer_id: profile.country for profile in read.profiles}
    assert homes == {"12347": "United Kingdom", "2": "United Kingdom", "3": "United Kingdom"}
    assert (read.summary.profiles, read.summary.profiles_skipped) == (3, {"unknown_country": 1})


def test_only_customers_with_an_invoice_have_a_profile(frame: pd.DataFrame, write: Write, tmp_path: Path) -> None:
    frame.loc[5, "CustomerID"] = 99.0
    read = read_online_retail(write(frame, tmp_path))
    assert {order.customer_id for order in read.orders} == {profile.customer_id for profile in read.profiles}


def test_profile_ids_are_the_same_each_time_and_others_for_a_later_invoice(frame: pd.DataFrame, tmp_path: Path) -> None:
    ids = [profile.event_id for profile in read_online_retail(write_csv(frame, tmp_path)).profiles]
    assert ids == [profile.event_id for profile in read_online_retail(write_csv(frame, tmp_path)).profiles]
    assert len(set(ids)) == 5
    assert "online-retail-country-536370-12583" in ids
    frame.loc[0, "InvoiceNo"] = "536371"
    assert "online-retail-country-536371-12583" in {
        profile.event_id for profile in read_online_retail(write_csv(frame, tmp_path)).profiles
    }


def test_a_file_without_countries_has_no_profiles(frame: pd.DataFrame, write: Write, tmp_path: Path) -> None:
    read = read_online_retail(write(frame.drop(columns="Country"), tmp_path))
    assert len(read.orders) == 5
    assert list(read.profiles) == []
    assert (read.summary.profiles, read.summary.profiles_skipped) == (0, {"unknown_country": 0})


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (["12/1/2010 8:26", "12/13/2010 8:26"], "2010-12-01T08:26"),
        (["01/12/2010 08:26", "13/12/2010 08:26"], "2010-12-01T08:26"),
        (["01-12-2010 08:26", "13-12-2010 08:26"], "2010-12-01T08:26"),
        (["12/1/2010 8:26:00 PM", "12/13/2010 8:26:00 AM"], "2010-12-01T20:26"),
    ],
)
def test_day_and_month_are_in_the_order_that_reads_all_dates(dates, first, tmp_path):
    orders = read_online_retail(_of_dates(dates, tmp_path)).orders
    assert min(order.occurred_at for order in orders).isoformat().startswith(first)


@pytest.mark.parametrize("dates", [["01/12/2010 08:26", "09/12/2010 08:26"], ["01-12-2010 08:26"]])
def test_dates_that_can_be_read_in_two_ways_are_refused_with_both(dates, tmp_path):
    with pytest.raises(FileInvalid, match="1 December 2010 \\(dmy\\) or 12 January 2010 \\(mdy\\)"):
        read_online_retail(_of_dates(dates, tmp_path))


def _of_dates(dates, folder):
    path = folder / "dates.csv"
    rows = [f"{number},85123A,X,6,{date},2.55,17850.0,United Kingdom" for number, date in enumerate(dates, 1)]
    path.write_text(
        "\n".join(["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country", *rows])
    )
    return path
