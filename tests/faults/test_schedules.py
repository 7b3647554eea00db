"""Short schedules of faults, and the harness itself: a difference is found where one is made."""

import random

import pytest

from tests.brokers import KafkaChoice
from tests.faults import truth
from tests.faults.__main__ import run_seed
from tests.faults.faults import FAULTS, schedule
from tests.faults.shop import make_shop


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_short_schedule_ends_equal_to_the_truth(seed, tmp_path, kafka_choice: KafkaChoice):
    if not kafka_choice.apache:
        pytest.skip("needs a broker that survives a kill")
    outcome = run_seed(seed, 8_000, 5, tmp_path)
    assert outcome.wrong == [], (outcome.faults, outcome.restarts)


def test_a_seed_gives_the_same_shop_and_another_one_another():
    assert make_shop(7, 2_000, 4) == make_shop(7, 2_000, 4)
    assert make_shop(7, 2_000, 4).messages != make_shop(8, 2_000, 4).messages


def test_each_fault_comes_before_any_comes_again():
    names = schedule(random.Random(1), len(FAULTS))
    assert sorted(names) == sorted(FAULTS)


def test_the_truth_is_what_a_person_would_say():
    def order(number, at, amount, **more):
        return "orders", {
            "event_id": f"e{number}", "customer_id": "anna", "occurred_at": f"2026-03-0{at}T10:00:00.000+00:00",
            "order_id": "o1", "amount": amount,
        } | more  # fmt: skip

    events = [
        order(1, 1, 80.0),
        order(2, 1, 80.0),  # sent again
        order(3, 2, 100.0),  # edited
        order(4, 3, 30.0, type="refunded"),
        order(5, 4, 20.0, order_id="o2", customer_id="bert"),
        order(6, 5, 99.0, order_id="o3", type="cancelled"),  # never placed
        order(7, 6, 5.0, order_id=None, type="refunded"),  # a credit note
        ("web-sessions", {"event_id": "s1", "customer_id": "anna", "session_id": "s", "pages": 2,
                          "occurred_at": "2026-03-01T10:00:00.000+00:00"}),
        ("web-sessions", {"event_id": "s2", "customer_id": "anna", "session_id": "s", "pages": 5,
                          "occurred_at": "2026-03-01T10:01:00.000+00:00"}),
        ("customers", {"event_id": "p1", "customer_id": "bert", "age": 40,
                       "occurred_at": "2026-03-01T10:00:00.000+00:00"}),
    ]  # fmt: skip
    found = truth.customers(events, {"bert": "anna"}, []).loc["anna"]
    assert (found["frequency"], found["spend"], found["sessions"], found["pages"]) == (2, 85_000, 1, 5)
    assert found["age"] == 40
    assert "anna" not in truth.customers(events, {"bert": "anna"}, ["anna"]).index
