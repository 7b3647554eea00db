"""Cells of exported tables: ids, instants, and what is no CSV."""

from pathlib import Path

import pandas as pd
import pytest

from cli.formats.file_invalid import FileInvalid
from cli.formats.thelook.csv_tables import NEVER, instant, milliseconds, numbers, read_chunks, read_table, texts


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2023-01-05 10:11:12 UTC", "2023-01-05T10:11:12+00:00"),
        ("2023-01-05 10:11:12.345678 UTC", "2023-01-05T10:11:12.345000+00:00"),
        ("2023-01-05 10:11:12+00:00", "2023-01-05T10:11:12+00:00"),
        ("2023-01-05 10:11:12.5+00:00", "2023-01-05T10:11:12.500000+00:00"),
        ("2023-01-05T10:11:12Z", "2023-01-05T10:11:12+00:00"),
        ("2023-01-05 10:11:12", "2023-01-05T10:11:12+00:00"),
        ("2023-01-05 10:11:12+02:00", "2023-01-05T08:11:12+00:00"),
    ],
)
def test_an_instant_is_read_as_it_is_exported(written: str, meant: str) -> None:
    (ms,) = milliseconds(pd.Series([written], dtype="str")).tolist()
    assert instant(ms).isoformat() == meant


def test_what_is_no_instant_since_1970_is_never() -> None:
    written = pd.Series(["soon", None, "", "1969-12-31 23:59:59 UTC", "0001-01-01 00:00:00 UTC"], dtype="str")
    assert milliseconds(written).tolist() == [NEVER] * 5


def test_numbers_and_texts_have_bounds() -> None:
    assert numbers(pd.Series(["-1", "0", "150", "151", "x", None], dtype="str"), 0, 150).dropna().tolist() == [0, 150]
    assert texts(pd.Series([" a ", "abcd", None], dtype="str"), 3).tolist() == ["a", "", ""]


def test_columns_that_a_file_may_lack_are_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,more\n1,x\n")
    read = read_table(path, ("id",), ("city",))
    assert read.columns.tolist() == ["id", "city"]
    assert texts(read["city"]).tolist() == [""]


def test_a_file_without_rows_is_one_empty_piece(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id\n")
    assert [len(chunk) for chunk in read_chunks(path, ("id",))] == [0]
    path.write_text("id\n1\n2\n3\n")
    assert [chunk["id"].tolist() for chunk in read_chunks(path, ("id",), rows=2)] == [["1", "2"], ["3"]]


def test_a_cell_too_many_moves_no_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,at\n1,2,\n3,4,\n")
    assert read_table(path, ("id", "at")).to_numpy().tolist() == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "cannot be read as CSV: No columns to parse"),
        ("a,b\n1,2\n", r"line 1: should name the columns; id, at not found"),
        ('id,at\n1,"open\n', "cannot be read as CSV"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(FileInvalid, match=reason):
        read_table(path, ("id", "at"))
