"""A shop that knows its customers by profile only: imported, in a tier at once, then in segments, then exported."""

import csv
import random
from pathlib import Path

import pytest

from tests.end_to_end.test_command_line import answer, shoal, started_up
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.long]

GROUPS = ((20, 20), (20, 80), (55, 50), (90, 20), (90, 80))


def write_mall(path: Path) -> Path:
    """Two hundred made-up customers in five groups of income and score, in the columns of the real file."""
    chance = random.Random(5)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["CustomerID", "Genre", "Age", "Annual Income (k$)", "Spending Score (1-100)"])
        for i in range(200):
            income, score = GROUPS[i % len(GROUPS)]
            cells = (chance.randrange(18, 70), income + chance.randrange(-6, 7), score + chance.randrange(-9, 10))
            writer.writerow([f"{i + 1:04}", chance.choice(["Male", "Female"]), *cells])
    return path


@pytest.fixture(scope="module")
def mall(tmp_path_factory):
    place = tmp_path_factory.mktemp("mall")
    child = started_up(place)
    try:
        found = answer(place, "import", "mall", str(write_mall(place / "mall.csv")))
        assert (found["topic"], found["published"], found["profiles"]) == ("customers", 200, 200)
        answer(place, "wait", "--timeout", "90")
        yield place
    finally:
        child.stop(40)


def test_all_live_in_the_segments_that_are_there_and_the_export_says_so(mall):
    assert answer(mall, "customer", "0007")["segment"] == "No Order Yet", "before any baseline"
    report = mall / "report"
    made = answer(mall, "rebaseline", "--features", "income,spending_score", "--approve", "--report", str(report))
    assert (made["status"], made["k"]) == ("approved", 5)
    assert list(made)[:7] == ["baseline", "status", "k", "algorithm", "silhouette", "inertia", "segments"]
    assert sorted(each["customers"] for each in made["segments"]) == [40] * 5
    assert (report / "report.html").exists()

    def all_moved():
        found = answer(mall, "segments")
        return found if [each["customers"] for each in found["segments"]] == [40] * 5 else None

    found = until(all_moved, what="all live in the new segments")
    assert {each["segment_id"] for each in found["segments"]} == {each["segment_id"] for each in made["segments"]}
    assert found["segments"][0]["profile"].keys() >= {"income", "spending_score"}
    told = answer(mall, "export", "segments", "--to", str(mall / "out.csv"))
    assert told["rows"] == 200
    with (mall / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["customer_id"] for row in rows}) == 200
    names = {each["segment_id"]: each["segment"] for each in made["segments"]}
    assert all(row["segment"] == names[row["segment_id"]] for row in rows)
    assert answer(mall, "baselines", "list")["baselines"][0]["status"] == "approved"


def test_what_cannot_be_done_is_said(mall):
    for arguments, said in (
        (("rebaseline", "--features", "income,shoe_size"), "there is no feature 'shoe_size'"),
        (("rebaseline", "--features", "income", "--k", "300"), "cannot make 300 segments"),
        (("rebaseline", "--features", "income", "--algorithm", "magic"), "magic"),
        (("rebaseline",), "none of the 200 customers has a value of 'recent_orders'"),
        (("baselines", "show", "77"), "there is no baseline 77"),
    ):
        ran = shoal(mall, *arguments)
        assert ran.returncode == 1, ran.stderr
        assert said in ran.stderr
        assert "Traceback" not in ran.stderr
    assert shoal(mall, "export", "segments", "--to", "x.xlsx").returncode == 2
