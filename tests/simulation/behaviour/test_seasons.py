"""When a shop is busy."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.time_units import DAY_MS
from simulation.behaviour.seasons import Seasonality, day_factor, times_of_day
from simulation.customers.groups import Buying
from tests.simulation.watching import START_MS, Seen, group, scenario

WEIGHTS = st.lists(st.just(0.0) | st.floats(1e-6, 10), min_size=24, max_size=24).filter(lambda hours: sum(hours) > 0.1)


@given(st.lists(st.floats(0.1, 10), min_size=12, max_size=12))
def test_the_mean_day_of_a_year_has_factor_one(months):
    factors = [day_factor(Seasonality(months=months), date(2025, 1, 1) + timedelta(days=n)) for n in range(365)]
    assert np.mean(factors) == pytest.approx(1)
    assert factors[0] / factors[31] == pytest.approx(months[0] / months[1])


@given(st.lists(st.floats(0.1, 10), min_size=7, max_size=7))
def test_the_mean_day_of_a_week_has_factor_one(weekdays):
    monday = date(2025, 3, 3)
    factors = [day_factor(Seasonality(weekdays=weekdays), monday + timedelta(days=n)) for n in range(7)]
    assert np.mean(factors) == pytest.approx(1)
    assert factors[0] / factors[6] == pytest.approx(weekdays[0] / weekdays[6])


@given(WEIGHTS, st.integers(0, DAY_MS), st.lists(st.floats(0, 1), max_size=20))
def test_times_lie_in_the_day_in_order_and_in_hours_with_business(hours, into_day, shares):
    begin = START_MS + into_day
    times = times_of_day(Seasonality(hours=hours), begin, np.sort(np.array(shares)))
    assert ((times >= begin) & (times <= begin + DAY_MS)).all()
    assert (np.diff(times) >= 0).all()


def test_orders_follow_the_hours_the_weekdays_and_the_months():
    hours = [0] * 6 + [1] * 6 + [3] * 12
    busy = Seasonality(hours=hours, weekdays=[1, 1, 1, 1, 1, 4, 5], months=[1] * 6 + [2] * 6)
    seen = Seen(scenario(group(buying=Buying(r=400, alpha=800)), seasonality=busy), 150, 365)
    times = [datetime.fromisoformat(order["occurred_at"]) for order in seen.placed[150:]]
    for found, expected in (
        ([time.hour < 6 for time in times], 0),
        ([time.hour < 12 for time in times], 6 / 42),
        ([time.weekday() >= 5 for time in times], 9 / 14),
        ([time.month > 6 for time in times], 2 * 184 / (2 * 184 + 181)),
    ):
        assert abs(np.mean(found) - expected) <= 4 * np.sqrt(expected * (1 - expected) / len(times))


def test_the_hours_are_those_of_the_clock_whenever_the_shop_begins():
    only_noon = Seasonality(hours=[0] * 12 + [1] + [0] * 11)
    begin = round(datetime(2025, 3, 1, 12, 30, tzinfo=UTC).timestamp() * 1000)
    times = times_of_day(only_noon, begin, np.array([0.0, 0.25, 0.75, 1.0]))
    found = [datetime.fromtimestamp(time / 1000, UTC) for time in times.tolist()]
    assert [(time.day, time.hour, time.minute) for time in found[:3]] == [(1, 12, 30), (1, 12, 45), (2, 12, 15)]
