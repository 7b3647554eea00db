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
    NO_ORDER,
    OCCASIONAL,
    ONE_ORDER,
    SEGMENT_NAMES,
    RfmTiers,
    tiers_of,
)
from tests.building import HALF_LIFE_MS, NOW_MS, ints, rows_with, shoppers


def tier(silent, placed=1, recent=None, gap=10.0, at_ms=NOW_MS):
    """The tier of a customer by days since the last order, orders placed and of late, and the days between them."""
    last = NOW_MS - int(silent * DAY_MS)
    # A little more than the number of orders, since a decayed sum is rounded to 16 bits.
    decayed = contributions(np.array([(recent or placed) * 1.001]), ints([last]), HALF_LIFE_MS)
    first = last - int(gap * DAY_MS) * (placed - 1)
    rows = rows_with(placed=placed, last_order=last, first_order=first, decayed_orders=decayed)
    return int(tiers_of(rows, at_ms, HALF_LIFE_MS)[0])


@pytest.mark.parametrize(
    ("expected", "customer"),
    [
        (NEW, {"silent": 0}),
        (NEW, {"silent": 60}),
        (ONE_ORDER, {"silent": 61}),
        (INACTIVE, {"silent": 361}),
        (INACTIVE, {"silent": 361, "placed": 50}),
        (AT_RISK, {"silent": 359, "placed": 50}),
        (AT_RISK, {"silent": 31, "placed": 9}),
        (LOYAL, {"silent": 29, "placed": 9, "recent": 8}),
        (AT_RISK, {"silent": 121, "placed": 9, "gap": 60}),
        (LOYAL, {"silent": 119, "placed": 9, "gap": 60}),
        (FREQUENT, {"silent": 400, "placed": 3, "gap": 365}),
        (FREQUENT, {"silent": 0, "placed": 9, "recent": 7.9}),
        (FREQUENT, {"silent": 0, "placed": 3}),
        (OCCASIONAL, {"silent": 5, "placed": 3, "recent": 2.9}),
    ],
)
def test_a_customer_is_in_the_tier_of_the_rules(expected, customer):
    assert tier(**customer) == expected


def test_a_silent_customer_passes_through_the_tiers_down_to_inactive():
    days = range(0, 400, 5)
    seen = [tier(0, placed=9, at_ms=NOW_MS + day * DAY_MS) for day in days]
    assert list(dict.fromkeys(seen)) == [LOYAL, AT_RISK, INACTIVE]
    once = [tier(0, at_ms=NOW_MS + day * DAY_MS) for day in days]
    assert list(dict.fromkeys(once)) == [NEW, ONE_ORDER, INACTIVE]


def test_a_customer_known_by_profile_or_visits_alone_has_no_order_yet():
    rows = rows_with(first_session=NOW_MS, sessions=3, signed_up=NOW_MS)
    assert tiers_of(rows, NOW_MS, HALF_LIFE_MS).tolist() == [NO_ORDER]


def test_the_distance_is_zero_to_the_tier_and_infinite_to_the_others():
    rows, tiers = shoppers(100), RfmTiers(HALF_LIFE_MS)
    distances = tiers.distances(rows, tiers.vectors(rows, NOW_MS), NOW_MS)
    assert (np.isinf(distances).sum(axis=1) == len(SEGMENT_NAMES) - 1).all()
    assert distances.argmin(axis=1).tolist() == tiers_of(rows, NOW_MS, HALF_LIFE_MS).tolist()
    assert len(set(distances.argmin(axis=1).tolist())) >= 4, "the made-up customers are of several tiers"


def test_the_tiers_are_baseline_0_and_their_first_six_names_have_the_ids_of_old():
    tiers = RfmTiers(HALF_LIFE_MS)
    assert (tiers.baseline, tiers.version, tiers.dimensions) == (0, 0, 0)
    assert [(each.segment_id, each.name) for each in tiers.segments] == [
        ("s1", "High-Value Loyalists"),
        ("s2", "Frequent Buyers"),
        ("s3", "Occasional Shoppers"),
        ("s4", "New Customers"),
        ("s5", "At-Risk Customers"),
        ("s6", "Inactive"),
        ("s7", "No Order Yet"),
        ("s8", "One-Time Buyers"),
    ]
