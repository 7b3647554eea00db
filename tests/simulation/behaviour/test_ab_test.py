"""The experiment's effects, as the truth tells them, are in the events."""

from collections import defaultdict

import numpy as np
import pytest
from pydantic import ValidationError

from events.time_units import DAY_MS
from simulation.behaviour.ab_test import Effect, Experiment
from simulation.customers.groups import Buying, Visits
from tests.simulation.watching import START_MS, Seen, group, ms, scenario

pytestmark = pytest.mark.slow

FROM, UNTIL, DAYS = 5, 45, 60
SEEN = Visits(web_share=0.95, per_order=1.5, browsing_per_week=2)
LIKE = Buying(r=200, alpha=200)


@pytest.fixture(scope="module")
def seen():
    experiment = Experiment(
        experiment="test",
        variants={"A": 1, "B": 2, "C": 1},
        control="A",
        from_day=FROM,
        until_day=UNTIL,
        conversion={"keen": 0.3},
        default_conversion=0.1,
        effects={
            "B": {"keen": Effect(conversion=0.15, purchase_rate=1.5), "slow": Effect(conversion=-0.06)},
            "C": {"slow": Effect(conversion=0.2)},
        },
        delay_hours=2,
    )
    groups = (group("keen", visits=SEEN, buying=LIKE), group("slow", share=2, visits=SEEN, buying=LIKE))
    return Seen(scenario(*groups, experiment=experiment), 6_000, DAYS)


def first_exposures(seen):
    found = {}
    for event in seen.events["exposures"]:
        found.setdefault(event["customer_id"], ms(event["occurred_at"]))
    return found


def test_conversion_rates_by_group_and_variant_are_the_true_ones(seen):
    exposed, converted = first_exposures(seen), {event["customer_id"] for event in seen.events["conversions"]}
    assert len(converted) == len(seen.events["conversions"])
    for truth in seen.head["experiment"]["effects"]:
        who = [name for name in exposed if cell(seen, name) == (truth["group"], truth["variant"])]
        rate = truth["conversion_rate"]
        found = sum(name in converted for name in who) / len(who)
        assert len(who) > 400
        assert abs(found - rate) < 4 * np.sqrt(rate * (1 - rate) / len(who)), truth


def cell(seen, name):
    line = seen.customers[name]
    return line["group"], line["variant"]


def test_the_effects_are_those_of_the_scenario(seen):
    effects = {(each["group"], each["variant"]): each for each in seen.head["experiment"]["effects"]}
    assert effects["keen", "B"]["conversion_rate"] == pytest.approx(0.45)
    assert effects["slow", "B"]["conversion_rate"] == pytest.approx(0.04)
    assert effects["slow", "A"] == {
        "group": "slow",
        "variant": "A",
        "conversion_rate": 0.1,
        "conversion_effect": 0.0,
        "purchase_rate": 1.0,
    }


def test_exposed_customers_buy_more_where_the_variant_makes_them(seen):
    exposed, orders, days = first_exposures(seen), defaultdict(int), defaultdict(float)
    begins = {name: START_MS + ((at - START_MS) // DAY_MS + 1) * DAY_MS for name, at in exposed.items()}
    end = START_MS + UNTIL * DAY_MS
    for name, begin in begins.items():
        days[cell(seen, name)] += max(end - begin, 0) / DAY_MS
    for order in seen.placed:
        name = order["customer_id"]
        if begins.get(name, end) <= ms(order["occurred_at"]) < end:
            orders[cell(seen, name)] += 1
    for (of, variant), count in orders.items():
        factor = (count / days[of, variant]) / (orders[of, "A"] / days[of, "A"])
        expected = 1.5 if (of, variant) == ("keen", "B") else 1.0
        assert abs(factor / expected - 1) < 4.5 * np.sqrt(1 / count + 1 / orders[of, "A"]), (of, variant)


def test_exposures_are_in_sessions_within_the_window_to_the_assigned_variant(seen):
    sessions = defaultdict(list)
    for each in seen.events["web-sessions"]:
        sessions[each["customer_id"]].append((ms(each["started_at"]), ms(each["occurred_at"])))
    for event in seen.events["exposures"]:
        at = ms(event["occurred_at"])
        assert FROM * DAY_MS <= at - START_MS < UNTIL * DAY_MS
        assert event["variant"] == seen.customers[event["customer_id"]]["variant"]
        assert any(begin <= at <= end for begin, end in sessions[event["customer_id"]])
    within = sum(
        begin - START_MS >= FROM * DAY_MS and end - START_MS < UNTIL * DAY_MS
        for each in sessions.values()
        for begin, end in each
    )
    assert within <= len(seen.events["exposures"])


def test_conversions_follow_an_exposure(seen):
    exposed = first_exposures(seen)
    assert all(exposed[event["customer_id"]] < ms(event["occurred_at"]) for event in seen.events["conversions"])


def test_variants_have_their_weights(seen):
    variants = [line["variant"] for line in seen.customers.values()]
    share = variants.count("B") / len(variants)
    assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(len(variants))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"control": "Z"}, "the control 'Z' is none of the variants A, B"),
        ({"until_day": 1}, "until_day 1 should lie after from_day 2"),
        ({"effects": {"A": {"g": Effect()}}}, "effects are for variants beside the control, found 'A'"),
        ({"effects": {"B": {"g": Effect(conversion=0.95)}}}, "should be from 0 to 1, found 1.05"),
    ],
)
def test_an_experiment_that_cannot_be_is_refused(change, told):
    sound = {"experiment": "e", "variants": {"A": 1, "B": 1}, "control": "A", "from_day": 2, "until_day": 3}
    with pytest.raises(ValidationError, match=told):
        Experiment(**(sound | change))
