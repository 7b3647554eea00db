"""The stages: who is in which, and that silence takes nobody up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.schema.outputs import Lifecycle
from stream.customers.lifecycle import STAGES, stage_words, stages_of
from tests.building import DAY_MS, NOW_MS, examples, rows_with, shoppers

RULE = Lifecycle()
RANKS = {"no-order": 0, "inactive": 1, "at-risk": 2, "one-order": 2, "new": 3, None: 4}
"""How far up each stage is; None are the learned segments."""


def stage(silent, placed=1, gap=0.0, cancelled=0, rule=RULE):
    last = NOW_MS - round(silent * DAY_MS)
    first = last - round(gap * DAY_MS) * (placed - 1)
    rows = rows_with(placed=placed, cancelled=cancelled, last_order=last, first_order=first)
    place = int(stages_of(rows, NOW_MS, rule)[0])
    return None if place < 0 else STAGES[place]


@pytest.mark.parametrize(
    ("expected", "customer"),
    [
        ("new", {"silent": 0}),
        ("new", {"silent": 60}),
        ("one-order", {"silent": 60.1}),
        ("one-order", {"silent": 360}),
        ("inactive", {"silent": 361}),
        ("no-order", {"silent": 1, "cancelled": 1}),
        ("new", {"silent": 1, "placed": 2, "cancelled": 1}),
        (None, {"silent": 0, "placed": 2, "gap": 1}),
        (None, {"silent": 30, "placed": 2, "gap": 1}),
        ("at-risk", {"silent": 31, "placed": 2, "gap": 1}),
        (None, {"silent": 249, "placed": 3, "gap": 125}),
        ("at-risk", {"silent": 251, "placed": 3, "gap": 125}),
        ("inactive", {"silent": 361, "placed": 3, "gap": 125}),
        (None, {"silent": 700, "placed": 3, "gap": 365}),
        ("inactive", {"silent": 731, "placed": 3, "gap": 365}),
    ],
)
def test_a_customer_is_in_the_stage_of_the_rules(expected, customer):
    assert stage(**customer) == expected


def test_who_has_never_ordered_has_no_order_yet_whatever_else_is_known():
    rows = rows_with(2, sessions=[0, 30], signed_up=NOW_MS - DAY_MS)
    assert [STAGES[place] for place in stages_of(rows, NOW_MS, RULE)] == ["no-order"] * 2


def test_the_rules_are_settings():
    rule = Lifecycle(new_days=7, late_factor=3, late_days=10, inactive_days=100)
    assert [stage(silent, rule=rule) for silent in (7, 8, 101)] == ["new", "one-order", "inactive"]
    assert [stage(silent, 2, 5, rule=rule) for silent in (15, 16, 101)] == [None, "at-risk", "inactive"]
    assert "3 times as long as usual for them" in stage_words("at-risk", rule)


@given(st.integers(0, 10_000), st.floats(0, 2_000), st.floats(0, 2_000))
@examples(100)
def test_silence_takes_nobody_up(seed, days, more):
    rows = shoppers(50, seed)
    early, late = (stages_of(rows, NOW_MS + round(each * DAY_MS), RULE) for each in (days, days + more))
    rank = np.array([RANKS[each] for each in (*STAGES, None)])
    assert (rank[late] <= rank[early]).all()


def test_each_customer_has_its_own_present():
    rows, times = shoppers(80), NOW_MS + np.arange(80) * 10 * DAY_MS
    alone = [int(stages_of(rows[i : i + 1], int(times[i]), RULE)[0]) for i in range(80)]
    assert stages_of(rows, times, RULE).tolist() == alone
