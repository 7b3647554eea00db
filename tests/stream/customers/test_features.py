"""Features: known values, NaN where nothing is known, and which way time moves them."""

import numpy as np
import pytest

from events.time_units import DAY_MS
from state.customers.records import blank_rows
from stream.customers.decay import contributions
from stream.customers.features import DEFAULT_FEATURES, FEATURES, FeatureUnknown, feature_matrix
from tests.building import HALF_LIFE_MS, NOW_MS, ints, rows_with, same, shoppers

WHEN_UNKNOWN = {
    **dict.fromkeys(
        ("recency", "recent_orders", "recent_spend", "average_order_value", "tenure", "engagement", "age", "income"),
        np.nan,
    ),
    **dict.fromkeys(("order_gap", "return_rate", "pages_per_session", "session_minutes", "cart_rate"), np.nan),
    **dict.fromkeys(("frequency", "monetary", "orders", "spend"), 0.0),
}
WITH_TIME = {
    **dict.fromkeys(("recency", "tenure"), 1),
    **dict.fromkeys(("frequency", "monetary", "engagement"), -1),
    **dict.fromkeys(("average_order_value", "age", "income", "orders", "spend", "order_gap", "return_rate"), 0),
    **dict.fromkeys(("pages_per_session", "session_minutes", "cart_rate", "recent_orders", "recent_spend"), 0),
}


def value(name, at_ms=NOW_MS, **columns):
    """A feature of one customer, in the unit that people read."""
    feature = FEATURES[name]
    return float(feature.to_unit(feature.compute(rows_with(**columns), at_ms, HALF_LIFE_MS))[0])


def weight(amount, at_ms=NOW_MS):
    return contributions(ints([amount]), ints([at_ms]), HALF_LIFE_MS)[0]


def test_recency_is_the_days_since_the_last_order():
    assert value("recency", last_order=NOW_MS - 10 * DAY_MS) == pytest.approx(10.0)
    assert value("recency", last_order=NOW_MS - DAY_MS // 2) == pytest.approx(0.5)


def test_an_order_that_lies_ahead_of_the_present_is_of_today():
    assert value("recency", last_order=NOW_MS + DAY_MS) == 0.0
    assert value("tenure", first_order=NOW_MS + DAY_MS) == 0.0


@pytest.mark.parametrize(
    ("name", "column", "scale"),
    [("frequency", "decayed_orders", 1), ("monetary", "decayed_amount", 1_000), ("engagement", "decayed_sessions", 1)],
)
def test_decayed_features_halve_with_every_half_life(name, column, scale):
    sums = {column: weight(16 * scale), "sessions": 1}
    assert value(name, **sums) == pytest.approx(16, rel=2**-16)
    assert value(name, NOW_MS + int(HALF_LIFE_MS), **sums) == pytest.approx(8, rel=2**-16)
    assert value(name, NOW_MS + 2 * int(HALF_LIFE_MS), **sums) == pytest.approx(4, rel=2**-16)


def test_a_customer_who_took_back_more_than_is_left_spent_nothing():
    assert value("monetary", decayed_amount=-weight(5_000)) == 0.0
    assert value("frequency", decayed_orders=-weight(1)) == 0.0


def test_the_average_order_is_gross_by_orders_placed():
    assert value("average_order_value", placed=4, gross=100_000) == pytest.approx(25.0)


@pytest.mark.parametrize("earliest", ["first_order", "first_session", "signed_up"])
def test_tenure_begins_with_whatever_came_first(earliest):
    later = dict.fromkeys(("first_order", "first_session", "signed_up"), NOW_MS - 5 * DAY_MS)
    assert value("tenure", **{**later, earliest: NOW_MS - 30 * DAY_MS}) == pytest.approx(30.0)
    assert value("tenure", **{earliest: NOW_MS - 30 * DAY_MS}) == pytest.approx(30.0)


def test_age_and_income_are_the_profiles():
    assert value("age", profile_numbers=[[37, 48_000, 0, 0, 0, 0]]) == 37.0
    assert value("income", profile_numbers=[[37, 48_000, 0, 0, 0, 0]]) == 48_000.0


def test_orders_and_spend_are_what_is_left_after_cancellations_and_refunds():
    record = {"placed": 5, "cancelled": 2, "gross": 100_000, "cancelled_amount": 30_000, "refunded": 5_000}
    assert value("orders", **record) == pytest.approx(3.0)
    assert value("spend", **record) == pytest.approx(65.0)
    assert value("spend", gross=1_000, refunded=5_000) == 0.0


def test_the_gap_is_the_mean_of_the_days_between_orders():
    first, last = NOW_MS - 100 * DAY_MS, NOW_MS - 40 * DAY_MS
    assert value("order_gap", placed=4, first_order=first, last_order=last) == pytest.approx(20.0)
    assert np.isnan(value("order_gap", placed=1, first_order=first, last_order=first))


def test_returns_are_a_share_of_the_orders():
    assert value("return_rate", placed=8, refunds=1, cancelled=1) == pytest.approx(0.25)


def test_visits_are_described_a_session():
    record = {"sessions": 4, "pages": 20, "duration_s": 480, "cart_adds": 2}
    assert value("pages_per_session", **record) == pytest.approx(5.0)
    assert value("session_minutes", **record) == pytest.approx(2.0)
    assert value("cart_rate", **record) == pytest.approx(0.5)


def test_a_declared_attribute_is_a_feature_by_its_name():
    rows = rows_with(2, profile_numbers=[[37, 48_000, 81, 5, 0, 0], [20, 10_000, np.nan, 7, 0, 0]])
    matrix = feature_matrix(rows, ["visits", "spending_score"], NOW_MS, HALF_LIFE_MS, ["spending_score", "visits"])
    assert matrix[:, 0].tolist() == [5.0, 7.0]
    assert (matrix[0, 1], np.isnan(matrix[1, 1])) == (81.0, True)


@pytest.mark.parametrize("name", FEATURES)
def test_of_a_customer_without_events_only_counts_are_known(name):
    assert value(name) == pytest.approx(WHEN_UNKNOWN[name], abs=0, nan_ok=True)


@pytest.mark.parametrize("name", FEATURES)
def test_time_moves_each_feature_one_way_only(name):
    rows = shoppers(200)
    times = [NOW_MS + days * DAY_MS for days in (0, 1, 7, 30, 400, 5_000)]
    seen = np.array([FEATURES[name].compute(rows, at_ms, HALF_LIFE_MS) for at_ms in times])
    known = ~np.isnan(seen)
    assert (known == known[0]).all(), "what is known stays known, without any event"
    steps = np.diff(seen[:, known[0]], axis=0)
    assert steps.size
    if WITH_TIME[name] == 0:
        assert (steps == 0).all()
    else:
        assert (WITH_TIME[name] * steps >= 0).all()
        assert (WITH_TIME[name] * steps.sum(axis=0) > 0).any()


@pytest.mark.parametrize("name", FEATURES)
def test_the_way_back_to_the_unit_for_people_undoes_the_transformation(name):
    values = np.array([0.0, 1.0, 47.5])
    transformed = values if name in ("age", "income", "return_rate") else np.log1p(values)
    assert FEATURES[name].to_unit(transformed) == pytest.approx(values)
    assert FEATURES[name].unit


def test_the_matrix_has_the_named_features_in_their_order():
    rows = shoppers(20)
    matrix = feature_matrix(rows, ["age", "recency"], NOW_MS, HALF_LIFE_MS)
    assert same(matrix[:, 0].copy(), FEATURES["age"].compute(rows, NOW_MS, HALF_LIFE_MS))
    assert same(matrix[:, 1].copy(), FEATURES["recency"].compute(rows, NOW_MS, HALF_LIFE_MS))


def test_a_time_for_each_customer_gives_what_one_time_for_all_gives():
    rows, every = shoppers(100), list(FEATURES)
    times = NOW_MS + ints(range(100)) * DAY_MS
    each = feature_matrix(rows, every, times, HALF_LIFE_MS)
    for i in (0, 1, 50, 99):
        assert same(each[i : i + 1], feature_matrix(rows[i : i + 1], every, int(times[i]), HALF_LIFE_MS))


def test_nobody_has_no_features():
    assert feature_matrix(blank_rows(0), DEFAULT_FEATURES, NOW_MS, HALF_LIFE_MS).shape == (0, len(DEFAULT_FEATURES))


def test_an_unknown_feature_is_named_with_those_to_choose_from():
    with pytest.raises(FeatureUnknown, match="no feature 'love'; choose from recency, frequency"):
        feature_matrix(blank_rows(1), ["recency", "love"], NOW_MS, HALF_LIFE_MS)
