"""Files of events: the same orders from every format, and errors that say where."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.formats.event_files import read_events
from cli.formats.file_invalid import FileInvalid
from events.schema.inputs import INPUTS, Consent, CustomerProfile, Order

DASH = Path("-")


def order(n: int, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{n}",
        "customer_id": f"c{n}",
        "occurred_at": "2026-01-31T12:00:00Z",
        "order_id": f"o{n}",
        "amount": "12.30",
        "currency": "EUR",
        **more,
    }


ORDERS = [
    order(1, items=[{"sku": "a", "quantity": 2, "price": "6.15"}]),
    order(2, type="refunded", channel="shop, online"),
    order(3, items=[{"sku": "b", "quantity": 1}, {"sku": "ç", "quantity": 1, "category": "two\nlines"}]),
]


def write_json_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    flat = [{k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()} for row in rows]
    pd.DataFrame(flat).to_csv(path, index=False)
    return path


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows, schema=None), path)
    return path


def all_columns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`from_pylist` takes its columns from the first row."""
    names = {name: None for row in rows for name in row}
    return [names | row for row in rows]


def fault(topic: str, path: Path, **more: Any) -> str:
    with pytest.raises(FileInvalid) as caught:
        list(read_events(topic, path, **more))
    return str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "write"),
    [("jsonl", write_json_lines), ("ndjson", write_json_lines), ("csv", write_csv), ("parquet", write_parquet)],
)
def test_every_format_holds_the_same_orders(
    tmp_path: Path, suffix: str, write: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    path = write(tmp_path / f"orders.{suffix}", all_columns(ORDERS) if suffix == "parquet" else ORDERS)
    file = read_events("orders", path)
    assert list(file) == [Order.model_validate_json(json.dumps(row)) for row in ORDERS]
    assert file.share_read == 1.0


def test_stdin_is_json_lines_of_unknown_size() -> None:
    stream = io.BytesIO(b"\xef\xbb\xbf" + json.dumps(ORDERS[0]).encode() + b"\r\n\n" + json.dumps(ORDERS[1]).encode())
    file = read_events("orders", DASH, stdin=stream)
    assert [event.event_id for event in file] == ["e1", "e2"]
    assert file.share_read is None
    assert not stream.closed


def test_the_line_of_an_invalid_event_is_named_and_those_before_it_are_read(tmp_path: Path) -> None:
    path = write_json_lines(tmp_path / "orders.jsonl", [order(1), order(2), order(3, amount="x"), order(4)])
    seen = []
    with pytest.raises(FileInvalid) as caught:
        seen.extend(event.event_id for event in read_events("orders", path))
    reason = "amount: should be a plain decimal amount such as 12.34, found 'x'"
    assert str(caught.value) == f"{path} line 3: {reason}"
    assert (caught.value.file, caught.value.place, caught.value.reason) == (str(path), "line 3", reason)
    events = read_events("orders", path)
    assert [next(iterator).event_id for iterator in [iter(events)] * 2] == ["e1", "e2"]


def test_every_invalid_line_is_handed_over_where_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    lines = [b"hello", json.dumps(order(2)).encode(), b'{"event_id": "\xff"}', b"{}", json.dumps(order(5)).encode()]
    path.write_bytes(b"\n".join(lines))
    refused: list[FileInvalid] = []
    assert [event.event_id for event in read_events("orders", path, on_invalid=refused.append)] == ["e2", "e5"]
    assert [error.place for error in refused] == ["line 1", "line 3", "line 4"]
    assert refused[0].reason.startswith("not JSON: ")
    assert refused[2].reason.startswith("event_id: missing; customer_id: missing")


def test_an_event_that_is_too_large_is_refused() -> None:
    line = json.dumps(order(1, unknown="x" * 500)).encode()
    told = fault("orders", DASH, stdin=io.BytesIO(line), max_bytes=400)
    assert told == f"stdin line 1: the value has {len(line):,} bytes, more than the 400 allowed"


def test_a_json_list_is_not_json_lines() -> None:
    assert "stdin line 1: " in fault("orders", DASH, stdin=io.BytesIO(json.dumps(ORDERS).encode()))


def test_csv_cells_take_the_types_of_their_fields(tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_text(
        "event_id,customer_id,occurred_at,schema_version,age,income,country,consent,attributes\n"
        "1,0042,2026-01-31T12:00:00+01:00,1,34.0,52000,,"
        '"{""marketing"": true}","{""visits"": 3, ""tier"": ""gold""}"\n'
        "2,43,2026-01-31T12:00:00Z,,,,44,,\n"
    )
    first, second = read_events("customers", path)
    assert isinstance(first, CustomerProfile)
    assert first.model_dump(exclude_none=True) == {
        "event_id": "1",
        "customer_id": "0042",
        "occurred_at": datetime(2026, 1, 31, 11, tzinfo=UTC),
        "schema_version": 1,
        "age": 34,
        "income": 52000.0,
        "consent": {"marketing": True},
        "attributes": {"visits": 3.0, "tier": "gold"},
    }
    assert second.model_dump(exclude_unset=True).keys() == {"event_id", "customer_id", "occurred_at", "country"}


def write_table(path: Path, names: list[str], cells: list[Any]) -> Path:
    """Write one row, as CSV or Parquet by the path's suffix."""
    if path.suffix == ".csv":
        path.write_text(",".join(names) + "\n" + ",".join(map(str, cells)) + "\n")
    else:
        pq.write_table(pa.table({name: [cell] for name, cell in zip(names, cells, strict=True)}), path)
    return path


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_dotted_columns_are_fields_of_nested_objects(tmp_path: Path, suffix: str) -> None:
    names = ["event_id", "customer_id", "occurred_at", "consent.marketing", "attributes.nps", "attributes.zip"]
    cells = ["1", "a", "2026-01-31T12:00:00Z", "False" if suffix == "csv" else False, 9, "0042"]
    (profile,) = read_events("customers", write_table(tmp_path / f"crm.{suffix}", names, cells))
    assert isinstance(profile, CustomerProfile)
    assert profile.consent is not None
    assert profile.consent.marketing is False
    assert profile.attributes == {"nps": 9, "zip": "0042"}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("unread", ["remark", "consent.email", "attributes.", "age.years", "items.0"])
def test_a_column_that_nothing_reads_is_named_and_refused(tmp_path: Path, suffix: str, unread: str) -> None:
    path = write_table(
        tmp_path / f"crm.{suffix}",
        ["event_id", "customer_id", "occurred_at", unread],
        ["1", "a", "2026-01-31T12:00:00Z", "x"],
    )
    with pytest.raises(FileInvalid, match=f"no fields of such events: {unread}; rename or remove"):
        list(read_events("customers", path))


HEADER = "event_id,customer_id,occurred_at,order_id,amount,currency,items\n"
GOOD = 'e1,c1,2026-01-31T12:00:00Z,o1,12.30,EUR,"[\n{""sku"": ""a"", ""quantity"": 1}]"\n'


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            "e2,c2,2026-01-31T12:00:00Z,o2,1e3,EUR,\n",
            "amount: should be a plain decimal amount such as 12.34, found '1e3'",
        ),
        ("e2,c2,2026-01-31T12:00:00Z,o2,,EUR,\n", "amount: missing"),
        ("e2,c2,2026-01-31T12:00:00Z,o2,1,EUR,[{\n", "items: should be JSON, found '[{'"),
        ("e2,c2,2026-01-31T12:00:00Z,o2,1,EUR\n", "has 6 cells, the first line names 7 columns"),
        ('e2,c2,2026-01-31T12:00:00Z,o2,1,EUR,"[]\n', "not CSV in UTF-8: unexpected end of data"),
    ],
)
def test_csv_rows_are_named_by_the_line_in_which_they_begin(tmp_path: Path, row: str, reason: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(HEADER + GOOD + "\n" + row)
    assert fault("orders", path) == f"{path} line 5: {reason}"


def test_csv_goes_on_after_a_line_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes((HEADER + GOOD).encode() + GOOD.encode().replace(b"c1", b"\xff") + GOOD.encode())
    refused: list[FileInvalid] = []
    assert len(list(read_events("orders", path, on_invalid=refused.append))) == 2
    assert refused[0].place == "line 4"
    assert refused[0].reason.startswith("not CSV in UTF-8: 'utf-8' codec can't decode byte 0xff")


def test_a_csv_file_has_to_name_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("event_id,customer_id,occurred_at,amount\n")
    assert fault("orders", path) == f"{path} line 1: should name the columns; currency not found"
    path.write_text(HEADER.replace("items", "amount"))
    assert fault("orders", path) == f"{path} line 1: names amount more than once"
    path.write_text("")
    assert fault("orders", path).startswith(f"{path} line 1: should name the columns; event_id, ")


@pytest.mark.parametrize(
    "attributes",
    [
        pa.array([{"visits": 3.0, "score": None}, None]),
        pa.array([[("visits", 3.0)], None], pa.map_(pa.string(), pa.float64())),
        pa.array(['{"visits": 3.0}', None]),
    ],
    ids=["struct", "map", "json"],
)
def test_parquet_has_types_of_its_own(tmp_path: Path, attributes: pa.Array) -> None:
    path = tmp_path / "crm.parquet"
    table = pa.table(
        {
            "event_id": ["1", "2"],
            "customer_id": ["a", "b"],
            "occurred_at": pa.array([1_700_000_000_123_456_789] * 2, pa.timestamp("ns", "Europe/London")),
            "age": pa.array([34.0, None], pa.float64()),
            "income": pa.array([float("nan"), 1.5], pa.float64()),
            "country": pa.array(["GB", "FR"]).dictionary_encode(),
            "attributes": attributes,
            "consent": ['{"marketing": false}', None],
        }
    )
    pq.write_table(table, path)
    first, second = read_events("customers", path)
    assert isinstance(first, CustomerProfile)
    assert isinstance(second, CustomerProfile)
    assert first.occurred_at.replace(microsecond=0) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (first.age, first.income, first.country, first.attributes) == (34, None, "GB", {"visits": 3.0})
    assert first.consent is not None
    assert not first.consent.marketing
    assert (second.age, second.income, second.attributes, second.consent) == (None, 1.5, None, None)


def test_parquet_is_read_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    rows = [order(n, amount=Decimal("2042.761")) for n in range(2500)]
    write_parquet(path, rows)
    file = read_events("orders", path)
    iterator = iter(file)
    assert next(iterator).amount == Decimal("2042.761")
    assert 0 < (file.share_read or 0) < 0.5
    assert sum(1 for _ in iterator) == 2499


def test_parquet_rows_are_counted_over_batches(tmp_path: Path) -> None:
    rows = [order(n, currency="euro" if n == 2000 else "EUR") for n in range(2500)]
    path = write_parquet(tmp_path / "orders.parquet", rows)
    assert fault("orders", path).startswith(f"{path} row 2001: currency: ")
    naive = write_parquet(tmp_path / "naive.parquet", [order(1, occurred_at=datetime(2026, 1, 1))])
    assert "row 1: occurred_at: should be an RFC 3339 date-time with a zone" in fault("orders", naive)


def test_files_of_other_formats_are_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.parquet").write_bytes(b"no parquet at all")
    assert "cannot be read as Parquet" in fault("orders", tmp_path / "orders.parquet")
    (tmp_path / "orders.txt").touch()
    assert "its name should end in .jsonl, .csv or .parquet" in fault("orders", tmp_path / "orders.txt")
    assert "cannot be read: No such file" in fault("orders", tmp_path / "nowhere.csv")


@pytest.mark.parametrize("topic", INPUTS)
def test_an_empty_file_of_any_topic_holds_nothing(tmp_path: Path, topic: str) -> None:
    (tmp_path / "events.jsonl").touch()
    assert list(read_events(topic, tmp_path / "events.jsonl")) == []


def test_a_cell_is_taken_for_what_it_plainly_means_and_nothing_is_set_aside(tmp_path: Path) -> None:
    """An empty cell is absent, a cancellation needs no amount; what cannot be read is for the file's owner to mend."""
    head = "event_id,customer_id,occurred_at"
    orders = tmp_path / "orders.csv"
    orders.write_text(f"{head},type,order_id,amount,currency\ne1,c1,2026-01-31T12:00:00Z,cancelled,o1,,\n")
    (cancelled,) = read_events("orders", orders)
    assert (cancelled.type, cancelled.amount) == ("cancelled", 0)
    profiles = tmp_path / "customers.csv"
    profiles.write_text(f"{head},age,consent.marketing\ne1,c1,2026-01-31T12:00:00Z,42,No\n")
    (profile,) = read_events("customers", profiles)
    assert isinstance(profile, CustomerProfile)
    assert (profile.age, profile.consent) == (42, Consent(marketing=False))
    profiles.write_text(f"{head},age\ne1,c1,2026-01-31T12:00:00Z,unknown\n")
    assert "age: should be a whole number, found 'unknown'" in fault("customers", profiles)
