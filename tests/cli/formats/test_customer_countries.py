"""Where customers live, by their latest purchase that names a country."""

from datetime import UTC, datetime

import numpy as np

from cli.formats.customer_countries import Residence, latest_residences


def latest(*rows: tuple[str, str, int, str]) -> list[Residence]:
    customers, countries, seconds, purchases = zip(*rows, strict=True) if rows else ((), (), (), ())
    texts = [np.array(column, np.object_) for column in (customers, countries, purchases)]
    return latest_residences(texts[0], texts[1], np.array(seconds, np.int64), texts[2])


def test_the_latest_purchase_counts_wherever_it_stands() -> None:
    assert latest(("a", "France", 20, "later"), ("a", "Spain", 10, "first")) == [
        Residence("a", "France", datetime.fromtimestamp(20, UTC), "later")
    ]


def test_of_two_at_one_time_the_later_row_counts() -> None:
    assert [each.country for each in latest(("a", "France", 10, "1"), ("a", "Spain", 10, "1"))] == ["Spain"]


def test_a_purchase_that_names_no_country_does_not_hide_an_earlier_one() -> None:
    rows = (("a", "USA", 10, "1"), ("a", "Unspecified", 20, "2"), ("a", "", 30, "3"), ("b", "", 5, "4"))
    assert [(each.customer_id, each.country, each.purchase) for each in latest(*rows)] == [("a", "United States", "1")]


def test_residences_are_sorted_by_time() -> None:
    rows = (("a", "Italy", 30, "1"), ("b", "Italy", 10, "2"), ("c", "RSA", 20, "3"))
    assert [each.customer_id for each in latest(*rows)] == ["b", "c", "a"]


def test_without_purchases_there_are_none() -> None:
    assert latest() == []
