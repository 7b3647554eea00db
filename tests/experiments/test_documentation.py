"""docs/experiments.md says what the code does."""

import re
from pathlib import Path

import pytest

from experiments import Reason, Tally, assign
from experiments.assignment import hash_point
from tests.experiments.tallying import experiment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/experiments.md").read_text()


def test_every_reason_stands_on_the_page_with_its_sentence_and_no_other_does():
    table = PAGE.split("## When nothing can be said")[1].split("##")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE))
    assert shown == {str(reason): reason.sentence for reason in Reason}


def test_every_reason_is_given_somewhere():
    code = "".join(
        path.read_text() for path in (ROOT / "experiments").rglob("*.py") if path.name != "value_or_reason.py"
    )
    assert [reason for reason in Reason if f"Reason.{reason.name}" not in code] == []


def test_every_sum_stands_on_the_page():
    table = PAGE.split("## What is tallied")[1].split("##")[0]
    first = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    assert [name for cell in first for name in re.findall(r"`(\w+)`", cell)] == [
        "exposed", "converted", "retained", "revenue", "revenue_squares", "orders", "order_squares", "revenue_orders",
        "pre_revenue", "pre_squares", "pre_cross", "contaminated", "repeated",
    ] == list(Tally.names())  # fmt: skip


def test_every_statistic_named_on_the_page_is_a_module():
    table = PAGE.split("## Statistics")[1].split("###")[0]
    named = re.findall(r"^\| `([\w/]+\.py)` \|", table, re.MULTILINE)
    assert len(named) == 16
    assert all((ROOT / "experiments" / name).exists() for name in named)


def test_the_example_of_the_page_is_right():
    salt, customer, shown = re.search(r"salt `(\w+)` and customer `(\w+)` give the point ([\d.]+)", PAGE).groups()
    assert hash_point(salt, customer) == pytest.approx(float(shown), abs=0)
    assert assign(customer, experiment(id=salt)).variant == "B"
