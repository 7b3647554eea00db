"""The stream: the same bytes for the same seed, in order of time, valid, in memory that does not grow."""

import tracemalloc
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.codec.struct_decoder import BatchDecoder
from events.schema.inputs import INPUTS
from events.time_units import DAY_MS, HOUR_MS
from simulation.customers.groups import Buying, Dropout, Returns, Visits
from simulation.customers.population import group_sizes, initial_joins_on
from simulation.event_merging import TOPICS
from simulation.scenarios.named_scenarios import SCENARIOS, named_scenario
from simulation.scenarios.regimes import Regime
from simulation.shop import Shop
from tests.simulation.watching import START, START_MS, Seen, day_of, group, ms, scenario

QUICK = settings(max_examples=15)


@pytest.fixture(scope="module")
def shop():
    return Seen(named_scenario("default"), 1_500, 150)


@st.composite
def scenarios(draw):
    """Small scenarios in which anything may happen."""
    several = st.integers(1, 3)
    dropout = st.none() | st.builds(Dropout, a=st.floats(0.2, 3), b=st.floats(0.2, 9))
    groups = [
        group(
            f'g{number} "ü"',
            share=draw(st.floats(0.1, 5)),
            buying=Buying(
                r=draw(st.floats(0.2, 20)),
                alpha=draw(st.floats(0.5, 20)),
                dropout=draw(dropout),
                rate_half_life_days=draw(st.none() | st.floats(1, 20)),
            ),
            visits=Visits(
                web_share=draw(st.floats(0, 1)),
                per_order=draw(st.floats(1, 5)),
                lead_hours=draw(st.floats(0.1, 24)),
                browsing_per_week=draw(st.floats(0, 5)),
            ),
            returns=Returns(cancelled=draw(st.floats(0, 0.5)), refunded=draw(st.floats(0, 0.5))),
            from_day=draw(st.integers(0, 10)),
            joins_over_days=draw(st.integers(1, 10)),
            joins_per_day=draw(st.floats(0, 0.2)),
        )
        for number in range(draw(several))
    ]
    regimes = [Regime(name="r", from_day=draw(st.integers(0, 12)), leaves_per_day=draw(st.floats(0, 1)))]
    return scenario(*groups, regimes=regimes)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(shop):
    assert Seen(named_scenario("default"), 1_500, 150).stream == shop.stream
    other = Seen(named_scenario("default"), 1_500, 10, seed=2)
    assert other.values["orders"][:20] != shop.values["orders"][:20]
    assert not set(ids(other)) & set(ids(shop))


def ids(seen):
    return [event["event_id"] for topic in TOPICS for event in seen.events.get(topic, [])]


def test_a_shorter_run_is_the_beginning_of_a_longer_one(shop):
    short = Seen(named_scenario("default"), 1_500, 40).stream
    assert shop.stream[: len(short)] == short
    assert shop.stream[len(short)][1] >= START_MS + 40 * DAY_MS


def test_every_topic_has_events_and_orders_are_of_every_kind(shop):
    assert {topic for topic in TOPICS if shop.events[topic]} == set(TOPICS)
    assert {order["type"] for order in shop.events["orders"]} == {"placed", "cancelled", "refunded"}


@pytest.mark.parametrize("topic", TOPICS)
def test_every_event_is_valid(shop, topic):
    values = shop.values[topic]
    models = [INPUTS[topic].model_validate_json(value) for value in values]
    decoded = BatchDecoder(INPUTS[topic]).decode(values)
    assert decoded.rejections == []
    assert [event.event_id for event in decoded.events] == [model.event_id for model in models]
    known = set(INPUTS[topic].model_fields)
    assert all(set(event) <= known for event in shop.events[topic])


@QUICK
@given(made=scenarios(), seed=st.integers(0, 99), customers=st.integers(1, 40), hours=st.integers(0, 47))
def test_any_shop_is_in_order_of_time_valid_and_never_repeats_an_id(made, seed, customers, hours):
    seen = Seen(made, customers, 16, seed, START + timedelta(hours=hours))
    times = [time for _, time, _, _ in seen.stream]
    assert times == sorted(times)
    assert not times or START_MS + hours * HOUR_MS <= times[0]
    assert len(set(ids(seen))) == len(ids(seen))
    for topic in seen.values.keys() - {"truth"}:
        assert BatchDecoder(INPUTS[topic]).decode(seen.values[topic]).rejections == []
    for topic, time, key, value in seen.stream:
        if topic != "truth":
            event = INPUTS[topic].model_validate_json(value)
            assert (event.customer_id, round(event.occurred_at.timestamp() * 1000)) == (key, time)


def test_items_make_up_the_amount_to_the_cent(shop):
    for order in shop.placed:
        cents = sum(item["quantity"] * round(item["price"] * 100) for item in order["items"])
        assert cents == round(order["amount"] * 100)


def test_what_is_taken_back_was_placed_before_and_is_no_more_than_that(shop):
    placed = {order["order_id"]: order for order in shop.placed}
    back = [order for order in shop.events["orders"] if order["type"] != "placed"]
    for order in back:
        first = placed[order["order_id"]]
        assert first["customer_id"] == order["customer_id"]
        assert first["occurred_at"] < order["occurred_at"]
        assert 0 < order["amount"] <= first["amount"]
    settled = [order for order in shop.placed if day_of(order) < shop.days - 30]
    returned = {order["order_id"] for order in back}
    found = sum(order["order_id"] in returned for order in settled) / len(settled)
    assert abs(found - 0.04) < 4 * np.sqrt(0.04 / len(settled))


def test_profiles_come_before_anything_else_of_their_customer(shop):
    first = {}
    for topic, _, key, _ in shop.stream:
        first.setdefault(key, []).append(topic)
    assert all(topics[:2] == ["truth", "customers"] for topics in first.values())
    assert len(first) == len(shop.customers) > 1_300


def test_every_order_on_the_web_ends_a_session(shop):
    ends = {}
    for session in shop.events["web-sessions"]:
        ends.setdefault(session["customer_id"], []).append(ms(session["occurred_at"]))
    for order in shop.placed:
        near = [end for end in ends.get(order["customer_id"], []) if 0 < ms(order["occurred_at"]) - end <= 30_000]
        assert bool(near) is shop.customers[order["customer_id"]]["online"]
        assert order["channel"] == ("web" if near else "store")


def test_sessions_for_an_order_are_as_many_as_the_group_says():
    visits = Visits(web_share=1, per_order=3, lead_hours=2, browsing_per_week=0)
    seen = Seen(scenario(group(visits=visits, buying=Buying(r=20, alpha=20))), 400, 100)
    sessions = [session for session in seen.events["web-sessions"] if 2 < day_of(session) < 98]
    orders = seen.orders_on("all", 2, 98)
    assert abs(len(sessions) / len(orders) - 3) < 4 * np.sqrt(2 / len(orders)) + 0.02  # 0.02: those at the edges


def test_browsing_happens_as_often_as_the_group_says():
    visits = Visits(web_share=0.5, per_order=1, browsing_per_week=1.5)
    seen = Seen(scenario(group(visits=visits, buying=Buying(r=1, alpha=1e5))), 400, 71)
    online = sum(line["online"] for line in seen.customers.values())
    assert abs(online - 200) < 4 * 10
    sessions = [session for session in seen.events["web-sessions"] if day_of(session) >= 1]
    expected = 15 * online
    assert abs(len(sessions) - expected) < 4 * np.sqrt(expected)


def test_the_groups_have_their_shares():
    seen = Seen(scenario(group("a", share=3), group("b", share=1)), 101, 2)
    assert [len(seen.members(name)) for name in ("a", "b")] == [76, 25]


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=6), st.integers(1, 500), st.integers(1, 40))
def test_shares_in_whole_numbers_lose_nobody(shares, customers, days):
    groups = [group(f"g{n}", share=share, from_day=3, joins_over_days=days) for n, share in enumerate(shares)]
    sizes = group_sizes(groups, customers)
    assert sizes.sum() == customers
    assert abs(sizes - np.array(shares) / sum(shares) * customers).max() < 1
    assert [
        sum(initial_joins_on(g, int(n), day) for day in range(days + 5)) for g, n in zip(groups, sizes, strict=True)
    ] == (sizes.tolist())


def test_newcomers_join_at_the_groups_rate():
    seen = Seen(scenario(group(joins_over_days=10, joins_per_day=0.05)), 400, 110)
    later = len(seen.customers) - 400
    assert abs(later - 2_000) < 4 * np.sqrt(2_000)


def test_a_shop_without_customers_ends():
    leaving = Regime(name="closing", from_day=5, leaves_per_day=1)
    seen = Seen(scenario(regimes=[leaving]), 50, None)
    assert {line["at"] for line in seen.left.values()} == {"2025-01-06T00:00:00.000Z"}
    assert len(seen.left) == 50
    assert max(map(day_of, seen.placed)) < 5


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_are_called_what_they_are_called_and_have_customers_of_every_group(name):
    found = named_scenario(name)
    assert found.name == name
    shares = np.array([each.share for each in found.groups])
    assert (group_sizes(found.groups, 1_000) >= np.floor(shares / shares.sum() * 1_000)).all()
    assert all(each.from_day + 7 < found.days for each in found.groups)


@pytest.mark.long
@pytest.mark.slow
def test_memory_does_not_grow_with_events():
    """With customers who come and go: those who have left are forgotten."""
    buying = Buying(r=20, alpha=5, dropout=Dropout(a=20, b=80))
    plain = group(buying=buying, visits=Visits(), returns=Returns(), joins_per_day=0.1)
    shop = Shop(scenario(plain), 200, 1, START)
    peaks, events = {}, 0
    tracemalloc.start()
    try:
        for batch in shop.batches(660):
            events += batch.events
            day = (int(batch.times[-1]) - START_MS) // DAY_MS
            peaks[day // 60] = max(peaks.get(day // 60, 0), tracemalloc.get_traced_memory()[1])
            tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert events > 40_000
    assert max(peaks.values()) < 1.35 * peaks[1]  # two bytes left by each event would be more
