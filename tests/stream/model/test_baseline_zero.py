"""The RFM tiers: who is what before the first baseline."""

import numpy as np
import pytest

from events.time_units import DAY_MS
from stream.customers.decay import contributions
from stream.model.baseline_zero import (
    AT_RISK,
    FREQUENT,
    INACTIVE,
    LOYAL,
    NEW,
    OCCASIONAL,
    SEGMENT_NAMES,
    RfmTiers,
    tiers_of,
)
from tests.building import HALF_LIFE_MS, NOW_MS, ints, rows_with, shoppers


def tier(days_silent=None, orders=0.0, days_known=None, at_ms=NOW_MS):
    columns = {}
    if days_silent is not None:
        # A little more than the number of orders, since a decayed sum is rounded to 16 bits.
        decayed = contributions(np.array([orders * 1.001]), ints([NOW_MS]), HALF_LIFE_MS)
        columns |= {"last_order": NOW_MS - int(days_silent * DAY_MS), "decayed_orders": decayed}
    if days_known is not None:
        columns["first_order"] = NOW_MS - int(days_known * DAY_MS)
    return int(tiers_of(rows_with(**columns), at_ms, HALF_LIFE_MS)[0])


@pytest.mark.parametrize(
    ("expected", "customer"),
    [
        (INACTIVE, {}),
        (INACTIVE, {"days_silent": 361, "orders": 50}),
        (AT_RISK, {"days_silent": 359, "orders": 50}),
        (AT_RISK, {"days_silent": 121, "orders": 9}),
        (LOYAL, {"days_silent": 119, "orders": 8}),
        (LOYAL, {"days_silent": 0, "orders": 8, "days_known": 10}),
        (FREQUENT, {"days_silent": 0, "orders": 7.9}),
        (FREQUENT, {"days_silent": 100, "orders": 3, "days_known": 1}),
        (NEW, {"days_silent": 5, "orders": 2.9, "days_known": 59}),
        (OCCASIONAL, {"days_silent": 5, "orders": 2.9, "days_known": 61}),
        (OCCASIONAL, {"days_silent": 5, "orders": 1}),
    ],
)
def test_a_customer_is_in_the_tier_of_the_rules(expected, customer):
    assert tier(**customer) == expected


def test_a_silent_customer_passes_through_the_tiers_down_to_inactive():
    seen = [tier(days_silent=0, orders=9, days_known=0, at_ms=NOW_MS + day * DAY_MS) for day in range(0, 400, 5)]
    assert list(dict.fromkeys(seen)) == [LOYAL, FREQUENT, AT_RISK, INACTIVE]


def test_a_customer_known_by_profile_or_visits_alone_is_inactive():
    rows = rows_with(first_session=NOW_MS, sessions=3, signed_up=NOW_MS)
    assert tiers_of(rows, NOW_MS, HALF_LIFE_MS).tolist() == [INACTIVE]


def test_the_distance_is_zero_to_the_tier_and_infinite_to_the_others():
    rows, tiers = shoppers(100), RfmTiers(HALF_LIFE_MS)
    distances = tiers.distances(rows, tiers.vectors(rows, NOW_MS), NOW_MS)
    assert (np.isinf(distances).sum(axis=1) == len(SEGMENT_NAMES) - 1).all()
    assert distances.argmin(axis=1).tolist() == tiers_of(rows, NOW_MS, HALF_LIFE_MS).tolist()
    assert len(set(distances.argmin(axis=1).tolist())) >= 4, "the made-up customers are of several tiers"


def test_the_tiers_are_baseline_0_with_the_six_names():
    tiers = RfmTiers(HALF_LIFE_MS)
    assert (tiers.baseline, tiers.version, tiers.dimensions) == (0, 0, 0)
    assert [(each.segment_id, each.name) for each in tiers.segments] == [
        (f"s{i}", name) for i, name in enumerate(SEGMENT_NAMES, start=1)
    ]
