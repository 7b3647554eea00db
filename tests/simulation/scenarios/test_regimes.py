"""Scripted changes do what they say, to whom they say, when they say."""

import numpy as np
import pytest

from simulation.scenarios.named_scenarios import named_scenario
from simulation.scenarios.regimes import Regime, effects_on
from tests.simulation.watching import Seen, close, day_of

TURN, CUSTOMERS = 120, 1_000


@pytest.fixture(scope="module")
def watched():
    """Looks at a scenario once."""
    seen = {}

    def look(name):
        return seen.setdefault(name, Seen(named_scenario(name), CUSTOMERS, 200))

    return look


def daily(seen, group, first, last):
    return len(seen.orders_on(group, first, last)) / (last - first)


def ratio_is(seen, group, before, after, expected):
    """Whether the daily orders have changed by a factor, within four standard errors of two Poisson counts."""
    counts = [len(seen.orders_on(group, *span)) for span in (before, after)]
    found = (counts[1] / (after[1] - after[0])) / (counts[0] / (before[1] - before[0]))
    return abs(found / expected - 1) < 4 * np.sqrt(sum(1 / count for count in counts))


def amounts(seen, group, first, last):
    return [order["amount"] for order in seen.orders_on(group, first, last)]


def test_a_promotion_doubles_orders_at_a_fifth_off_for_two_weeks(watched):
    seen = watched("promotion")
    for group in ("frequent", "occasional"):
        assert ratio_is(seen, group, (20, TURN), (TURN, TURN + 14), 2.0)
        assert not ratio_is(seen, group, (20, TURN), (TURN, TURN + 14), 1.0)
        assert ratio_is(seen, group, (20, TURN), (TURN + 14, 200), 1.0)
        before = np.mean(amounts(seen, group, 20, TURN))
        assert close(amounts(seen, group, TURN, TURN + 14), 0.8 * before)
        assert close(amounts(seen, group, TURN + 14, 200), before)
    assert ratio_is(seen, "vip", (20, TURN), (TURN, TURN + 14), 1.0)


def test_a_price_change_stays(watched):
    seen = watched("price-change")
    for group in ("frequent", "big-basket"):
        assert ratio_is(seen, group, (20, TURN), (TURN, 200), 0.85)
        assert close(amounts(seen, group, TURN, 200), 1.25 * np.mean(amounts(seen, group, 20, TURN)))
    assert not ratio_is(seen, "frequent", (20, TURN), (TURN, 200), 1.0)


def test_a_dying_group_leaves_a_tenth_a_day_and_nobody_else_does(watched):
    seen = watched("dying-group")
    assert {seen.customers[name]["group"] for name in seen.left} == {"frequent"}
    size = len(seen.members("frequent"))
    for days in (1, 5, 10, 20):
        left = sum(round(day_of({"occurred_at": line["at"]})) < TURN + days for line in seen.left.values())
        expected = size * (1 - 0.9**days)
        assert abs(left - expected) < 4 * np.sqrt(expected * 0.9**days)
    assert all(line["reason"] == "regime" for line in seen.left.values())
    assert daily(seen, "frequent", TURN + 60, 200) < 0.05 * daily(seen, "frequent", 20, TURN)
    assert ratio_is(seen, "occasional", (20, TURN), (TURN, 200), 1.0)


def test_a_new_group_appears_on_its_day(watched):
    seen = watched("new-group")
    assert min(day_of(order) for order in seen.placed if seen.group(order) == "arriving") >= TURN
    assert len(seen.members("arriving")) == round(CUSTOMERS * 15 / 115)
    group = next(group for group in seen.scenario.groups if group.name == "arriving")
    assert close(amounts(seen, "arriving", TURN, 200), group.spend.mean, errors=8)  # orders of one customer are alike
    assert ratio_is(seen, "occasional", (20, TURN), (TURN, 200), 1.0)


def test_nothing_changes_in_the_stationary_shop(watched):
    seen = watched("stationary")
    assert seen.left == {}
    assert seen.head["changes"] == []
    for group in seen.scenario.group_names:
        assert ratio_is(seen, group, (20, TURN), (TURN, 200), 1.0)


def test_several_at_once_multiply():
    half = Regime(name="half", from_day=0, purchase_rate=0.5, spend=0.5, browsing=0.5, joins=0.5, leaves_per_day=0.5)
    (both,) = zip(*vars(effects_on([half, half], ["a"], 1)).values(), strict=True)
    assert both == (0.25, 0.25, 0.25, 0.25, 0.75)
    assert effects_on([], ["a"], 1).leaves_per_day.tolist() == [0.0]


def test_the_truth_tells_when_what_changes(watched):
    assert [(each["day"], each["change"]) for each in watched("promotion").head["changes"]] == [
        (120, "promotion begins"),
        (134, "promotion ends"),
    ]
    (appears,) = watched("new-group").head["changes"]
    assert appears == {
        "at": "2025-05-01T00:00:00Z",
        "day": 120,
        "change": "group arriving appears",
        "groups": ["arriving"],
    }
