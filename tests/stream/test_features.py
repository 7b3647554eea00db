"""Features: known values, NaN where nothing is known, and which way time moves them."""

import numpy as np
import pytest

from state.records import blank_rows
from stream.decay import contributions
from stream.features import DEFAULT_FEATURES, FEATURES, FeatureUnknown, feature_matrix

from ..building import DAY_MS, HALF_LIFE_MS, NOW_MS, ints, rows_with, same, shoppers

WHEN_UNKNOWN = {
    **dict.fromkeys(("recency", "average_order_value", "tenure", "engagement", "age", "income"), np.nan),
    **dict.fromkeys(("frequency", "monetary"), 0.0),
}
WITH_TIME = {
    **dict.fromkeys(("recency", "tenure"), 1),
    **dict.fromkeys(("frequency", "monetary", "engagement"), -1),
    **dict.fromkeys(("average_order_value", "age", "income"), 0),
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
    transformed = values if name in ("age", "income") else np.log1p(values)
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
    assert feature_matrix(blank_rows(0), DEFAULT_FEATURES, NOW_MS, HALF_LIFE_MS).shape == (0, 3)


def test_an_unknown_feature_is_named_with_those_to_choose_from():
    with pytest.raises(FeatureUnknown, match="no feature 'love'; choose from recency, frequency"):
        feature_matrix(blank_rows(1), ["recency", "love"], NOW_MS, HALF_LIFE_MS)
