"""Text from outside stays text where a spreadsheet opens an export, and numbers stay numbers."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli.printing.spreadsheet_formulas import guard_text
from cli.printing.table_file import Column, write_table

COLUMNS = [Column("name", "text", "a name"), Column("amount", "number", "money")]
DANGEROUS = (
    "=cmd|' /C calc'!A0", "@SUM(1+1)*cmd", "+1+1", "-2+3", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "-1\n=2",
    '=HYPERLINK("x")', "+49 170 123", "-",
)  # fmt: skip
HARMLESS = ("Loyal Customers", "-12", "+3.5", "-0,5", "", " =1", "a=b", "7", "'=1", "Ünïcode")


def written(path: Path, names: tuple[str, ...], **options: bool) -> list[dict[str, str]]:
    write_table(path, COLUMNS, [{"name": name, "amount": -1.5} for name in names], **options)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_csv_guards_what_a_spreadsheet_would_run(tmp_path: Path):
    rows = written(tmp_path / "t.csv", DANGEROUS + HARMLESS)
    assert [row["name"] for row in rows] == ["'" + each for each in DANGEROUS] + list(HARMLESS)
    assert {row["amount"] for row in rows} == {"-1.5"}


def test_it_can_be_turned_off(tmp_path: Path):
    rows = written(tmp_path / "t.csv", DANGEROUS, guard=False)
    assert [row["name"] for row in rows] == list(DANGEROUS)


def test_parquet_holds_the_text_as_it_is(tmp_path: Path):
    write_table(tmp_path / "t.parquet", COLUMNS, [{"name": each, "amount": 1.0} for each in DANGEROUS])
    assert pq.read_table(tmp_path / "t.parquet").column("name").to_pylist() == list(DANGEROUS)


def test_what_is_not_known_stays_empty(tmp_path: Path):
    write_table(tmp_path / "t.csv", COLUMNS, [{"name": None, "amount": None}])
    assert (tmp_path / "t.csv").read_text().splitlines()[1:] == [","]


@pytest.mark.parametrize("text", DANGEROUS + HARMLESS)
def test_the_text_of_one_cell_is_guarded_as_that_of_a_column(text: str):
    assert guard_text(text) == ("'" + text if text in DANGEROUS else text)
