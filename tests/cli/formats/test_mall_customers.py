"""Mall customers as profiles."""

from pathlib import Path

import pytest

from cli.formats.file_invalid import FileInvalid
from cli.formats.mall_customers import MALL_AT, read_mall

HEADER = "CustomerID,Genre,Age,Annual Income (k$),Spending Score (1-100)"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def test_a_row_is_a_profile(tmp_path: Path) -> None:
    (first, second) = read_mall(write(tmp_path / "mall.csv", "0001,Male,19,15,39", "0002,Female,31,126,0"))
    assert (first.customer_id, first.event_id, first.occurred_at) == ("0001", "mall-0001", MALL_AT)
    assert (first.age, first.gender, first.income, first.attributes) == (19, "Male", 15_000.0, {"spending_score": 39.0})
    assert (second.age, second.income, second.attributes) == (31, 126_000.0, {"spending_score": 0.0})


def test_the_header_may_say_gender(tmp_path: Path) -> None:
    path = write(tmp_path / "mall.csv", "1,Male,19,15,39")
    path.write_text(path.read_text().replace("Genre", "Gender"))
    assert read_mall(path)[0].gender == "Male"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,Male,19,15", "line 2: a row has 5 cells, found 4"),
        ("1,Male,old,15,39", "line 2: Age: should be a whole number, found 'old'"),
        ("1,Male,200,15,39", "line 2: age: "),
        (",Male,20,15,39", "line 2: event_id|line 2: customer_id"),
        ("1,Male,20,15,39\n1,Male,20,15,39", "line 3: customer 1 stands in the file twice"),
    ],
)
def test_a_row_of_another_kind_is_named(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(FileInvalid, match=reason):
        read_mall(write(tmp_path / "mall.csv", line))


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mall.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(FileInvalid, match="line 1: should be 'CustomerID,Genre"):
        read_mall(path)
