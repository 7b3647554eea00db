"""Excel, Parquet, JSON, SQL, stdin and URLs as tables; what is damaged or missing says so."""

import io
import json
import threading
from datetime import datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import openpyxl
import pandas as pd
import pytest
import sqlalchemy

from cli.formats.file_invalid import FileInvalid
from cli.tables.file_sources import Spool
from cli.tables.open_tables import ReadingOptions, open_tables

ROWS = [("1", 10.5, datetime(2026, 1, 31, 10, 0)), ("2", 7, datetime(2026, 2, 1, 11, 30))]


def cells(*names, stdin=None, **options):
    with Spool() as spool:
        tables = open_tables([str(name) for name in names], spool, ReadingOptions(**options), stdin)
        return {
            table.name: (table.columns, [row for chunk in table.chunks() for row in chunk.cells.to_numpy().tolist()])
            for table in tables
        }


@pytest.fixture
def workbook(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "January"
    for row in [["Orders of the shop"], [], ["id", "total", "at"], *ROWS, [None, None, None], ["3", None, None]]:
        book.active.append(row)
    book.create_sheet("empty")
    hidden = book.create_sheet("hidden")
    hidden.append(["secret", "x"])
    hidden.sheet_state = "hidden"
    book.save(tmp_path / "orders.xlsx")
    return tmp_path / "orders.xlsx"


def test_a_workbook_is_read_by_its_visible_sheets_with_types(workbook):
    ((name, (columns, rows)),) = cells(workbook).items()
    assert name.endswith("orders.xlsx[January]")
    assert columns == ["id", "total", "at"]
    assert rows == [["1", 10.5, ROWS[0][2]], ["2", 7, ROWS[1][2]], ["3", None, None]]


def test_rows_of_a_workbook_have_the_numbers_that_it_shows(workbook):
    with Spool() as spool:
        (table,) = open_tables([str(workbook)], spool)
        (chunk,) = table.chunks()
    assert chunk.rows.tolist() == [4, 5, 7]


def test_a_sheet_that_is_not_there_is_named_with_those_that_are(workbook):
    with pytest.raises(FileInvalid, match="has no sheet 'Jan'; it has January, empty"):
        cells(workbook, sheet="Jan")


def test_parquet_is_read_with_types(tmp_path):
    frame = pd.DataFrame({"id": ["1", None], "total": [10.5, 7.0], "customer": [{"email": "a@example.com"}, None]})
    frame.to_parquet(tmp_path / "orders.parquet")
    ((columns, rows),) = cells(tmp_path / "orders.parquet").values()
    assert columns[:3] == ["id", "total", "customer.email"]
    assert [row[:3] for row in rows] == [["1", 10.5, "a@example.com"], [None, 7.0, None]]


@pytest.mark.parametrize("form", ["lines", "list"])
def test_json_is_read_as_lines_or_as_a_list(form, tmp_path):
    objects = [{"id": 1, "customer": {"email": "a"}}, {"id": 2, "total": "7"}]
    text = json.dumps(objects) if form == "list" else "".join(json.dumps(each) + "\n" for each in objects)
    (tmp_path / "orders.json").write_text("\ufeff" + text, encoding="utf-8")
    ((columns, rows),) = cells(tmp_path / "orders.json").values()
    assert (columns, rows) == (["id", "customer.email", "total"], [[1, "a", None], [2, None, "7"]])


def test_a_query_is_read(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.db"
    engine = sqlalchemy.create_engine(url)
    frame = pd.DataFrame({"id": range(25_000), "total": 1.5, "note": ""})
    frame.to_sql("orders", engine, index=False)
    engine.dispose()
    ((columns, rows),) = cells(sql=url, query="SELECT id, total, note FROM orders WHERE id >= 2 ORDER BY id").values()
    assert (columns, len(rows), rows[0]) == (["id", "total", "note"], 24_998, [2, 1.5, None])


@pytest.mark.parametrize(
    ("url", "query", "reason"),
    [
        ("sqlite://", "SELECT * FROM none_such", "no such table: none_such"),
        ("nosuch://u:secret@h/d", "SELECT 1", "should be an SQLAlchemy URL"),
        ("sqlite://", "CREATE TABLE a (b INT)", "returns no rows"),
    ],
)
def test_a_query_that_fails_says_why_without_the_password(url, query, reason):
    with pytest.raises(FileInvalid, match=reason) as refused:
        cells(sql=url, query=query)
    assert "secret" not in str(refused.value)


def test_stdin_is_read_whatever_it_is(workbook):
    ((columns, rows),) = cells("-", stdin=io.BytesIO(b"id;total\n1;2,5\n")).values()
    assert (columns, rows) == (["id", "total"], [["1", "2,5"]])
    ((columns, _),) = cells("-", stdin=io.BytesIO(workbook.read_bytes())).values()
    assert columns == ["id", "total", "at"]


def test_a_url_is_read(tmp_path):
    (tmp_path / "orders.csv").write_text("id,total\n1,2.5\n")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            base = f"http://127.0.0.1:{server.server_port}"
            ((name, (columns, rows)),) = cells(f"{base}/orders.csv?token=secret").items()
            assert (name, columns, rows) == (f"{base}/orders.csv", ["id", "total"], [["1", "2.5"]])
            with pytest.raises(FileInvalid, match="cannot be fetched") as refused:
                cells(f"{base}/none.csv?token=secret")
            assert "secret" not in str(refused.value)
        finally:
            server.shutdown()
            thread.join()


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(FileInvalid, match="there is no such file"):
        cells(tmp_path / "none.csv")
    with pytest.raises(FileInvalid, match="is a folder without files"):
        cells(tmp_path)


def test_memory_stays_flat_over_a_long_file(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("id,total\n" + "".join(f"{n},1.50\n" for n in range(60_000)))
    with Spool() as spool:
        (table,) = open_tables([str(path)], spool)
        sizes, last = [], 0
        for chunk in table.chunks():
            sizes.append(len(chunk.rows))
            last = int(chunk.rows[-1])
    assert max(sizes) <= 10_000
    assert (sum(sizes), last) == (60_000, 60_001)
