"""What a log lets go of stays counted once, and what comes too late for it is counted by name."""

import pytest

from state.customers.variable_length_values import ValueUnreadable
from state.partitions.partition_fence import StateMismatch
from state.store import keys
from tests.building import everything_in
from tests.consumers.tallies.consumer import Consumer, define

DEFINITION = {
    "id": "banner", "variants": [{"name": "A"}, {"name": "B"}], "control": "A", "attribution": "orders",
    "start": "2026-01-01T00:00:00Z", "stop": "2026-03-01T00:00:00Z",
    "window_days": 60, "retention_days": 60, "pre_period_days": 5,
}  # fmt: skip


def order(day, name, amount=10, **more):
    at = f"2026-{1 + (day - 1) // 28:02d}-{1 + (day - 1) % 28:02d}T00:00:00Z"
    body = {"event_id": name, "customer_id": "anna", "occurred_at": at, "order_id": name, "amount": amount}
    return "orders", body | {"currency": "EUR"} | more


def exposure(day, name="x", variant="A", customer="anna"):
    at = order(day, "")[1]["occurred_at"]
    body = {"event_id": name, "customer_id": customer, "occurred_at": at}
    return "exposures", body | {"experiment": "banner", "variant": variant}


@pytest.fixture
def consumer(redis):
    define(redis, DEFINITION)
    return lambda **settings: Consumer(redis, **settings)


def arm(consumer, variant="A"):
    """Customers, revenue in units and orders of a variant."""
    cells, _ = consumer.read("banner")
    values = cells[variant, "unknown"]
    return values[0], values[3] // 1000, values[5]


@pytest.mark.parametrize("together", [True, False])
def test_what_is_let_go_for_its_age_stays_counted(consumer, together):
    consumer = consumer(purchase_days=10)
    events = [exposure(6), order(7, "a"), order(8, "b"), order(30, "c"), order(31, "d", 5)]
    for batch in [events] if together else [[event] for event in events]:
        consumer.take(batch)
    assert arm(consumer) == (1, 35, 4)
    consumer.take([order(32, "e", 1), order(31, "d-", 5, order_id="d", type="refunded")])
    assert arm(consumer) == (1, 31, 5)
    assert consumer.owned.outcome_counts["orders:applied"] == 6


def test_what_lies_before_the_log_is_too_old_whether_it_is_new_or_repeated(consumer):
    consumer = consumer(purchase_days=10)
    consumer.take([exposure(6), order(7, "a"), order(30, "c")])
    consumer.take([order(7, "a"), order(9, "late"), order(30, "c")])
    assert arm(consumer) == (1, 20, 2)
    assert consumer.owned.outcome_counts["orders:too_old"] == 2
    assert consumer.owned.outcome_counts["orders:duplicate"] == 1


def test_a_full_log_lets_the_oldest_go_and_says_so(consumer, redis):
    consumer = consumer(purchase_limit=3)
    consumer.take([exposure(6)])
    for day in range(7, 14):
        consumer.take([order(day, f"o{day}")])
    assert arm(consumer) == (1, 70, 7)
    assert consumer.owned.outcome_counts["purchases:let_go"] == 4
    assert len(redis.hget(keys.purchases(0), "anna")) == 8 + 3 * 32


def test_an_earlier_exposure_than_the_log_reaches_back_to_is_counted_as_such(consumer):
    consumer = consumer(purchase_days=10)
    consumer.take([exposure(30), order(31, "a"), order(45, "b")])
    assert consumer.read("banner")[1] == {}
    consumer.take([exposure(20, "y", "B")])
    assert arm(consumer, "B") == (1, 10, 1)  # the order of day 31 was let go when that of day 45 came
    assert consumer.read("banner")[1] == {"short_history": 1}


def test_exposures_beyond_those_remembered_are_only_recognised_if_they_are_the_first(consumer):
    consumer = consumer(window=2)
    shown = [exposure(day, f"x{day}") for day in range(6, 12)]
    for each in [*shown, shown[0], shown[-1], shown[1]]:
        consumer.take([each])
    cells, _ = consumer.read("banner")
    assert cells["A", "unknown"][-1] == 6  # five later ones, and one of those again that was forgotten
    assert consumer.owned.outcome_counts["exposures:duplicate"] == 2


def test_an_experiment_that_ended_long_ago_is_left_alone(consumer):
    consumer = consumer(purchase_days=10)
    consumer.take([exposure(6), order(7, "a")])
    before = consumer.read("banner")
    consumer.take([order(336, "later"), exposure(8, "x2"), exposure(300, "x3")])
    assert consumer.read("banner") == before
    assert consumer.owned.outcome_counts["exposures:too_old"] == 1
    assert consumer.owned.outcome_counts["exposures:after_stop"] == 1


def test_a_removed_experiment_is_unknown_and_its_tally_stays(consumer, redis):
    consumer = consumer()
    consumer.take([exposure(6)])
    redis.srem(keys.EXPERIMENTS, "banner")
    consumer.take([exposure(7, "x2"), order(8, "a")])
    assert consumer.owned.outcome_counts["exposures:dead_lettered"] == 1
    assert arm(consumer) == (1, 0, 0)
    assert len(consumer.sink.sent) == consumer.sink.flushed == 1


def test_a_value_of_a_newer_release_stops_the_consumer(consumer, redis):
    consumer = consumer()
    redis.hset(keys.purchases(0), "anna", b"\x02" + bytes(7))
    with pytest.raises(ValueUnreadable, match="'anna' has version 2"):
        consumer.take([order(7, "a")])


def test_conversions_without_a_currency_are_in_the_shops(redis):
    define(redis, DEFINITION | {"attribution": "conversions"})
    consumer = Consumer(redis)
    body = {"customer_id": "anna", "occurred_at": "2026-01-07T00:00:00Z", "experiment": "banner"}
    values = [{"value": "1.005"}, {"value": 2, "currency": "EUR"}, {}, {"value": 3, "currency": "JPY"}]
    consumer.take(
        [exposure(6), *(("conversions", body | {"event_id": f"{i}"} | each) for i, each in enumerate(values))]
    )
    cells, _ = consumer.read("banner")
    assert (cells["A", "unknown"][3], cells["A", "unknown"][5]) == (3_005, 3)
    assert consumer.owned.outcome_counts["conversions:dead_lettered"] == 1


def test_a_redis_that_comes_back_older_is_noticed_and_what_it_lost_is_counted_again(consumer, redis):
    consumer = consumer()
    consumer.take([exposure(6), order(7, "a")])
    older = everything_in(redis)
    consumer.take([order(8, "b")])
    redis.flushdb()
    for key, value in older.items():
        redis.restore(key, 0, value)
    with pytest.raises(StateMismatch):
        consumer.take([order(9, "c")])
    consumer.owned = consumer.store.claim(0)
    consumer.take([order(8, "b")])
    consumer.take([order(9, "c")])
    assert arm(consumer) == (1, 30, 3)


def test_a_consumer_that_was_overtaken_changes_nothing(consumer, redis):
    slow = consumer()
    slow.take([exposure(6), order(7, "a")])
    other = consumer()
    other.take([order(8, "b")])
    before = everything_in(redis)
    slow.take([order(8, "b"), exposure(5, "y", "B")])
    assert slow.owned.fenced
    assert everything_in(redis) == before
    assert arm(other) == (1, 20, 2)
