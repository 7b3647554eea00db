"""Whatever is merged when: the tallies are those of a replay in which every event had the id that stays."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.time_units import DAY_MS
from events.topics.partitioning import partition_of
from events.topics.specs import EXPERIMENT_TOPICS
from state.customers.records import CustomerBatch, pack
from state.store import keys
from tests.building import examples
from tests.consumers.tallies.consumer import define
from tests.consumers.tallies.merging_consumer import LOST, MERGES, SENT, MergingConsumer
from tests.consumers.tallies.test_handler import BY_CONVERSIONS, BY_ORDERS, event, tie
from tests.tally_oracle import instant, tallied

POSSIBLE = {"anna-web": "anna", "anna-app": "anna-web", "bert-web": "bert", "bert": "anna", "zoë-web": "zoë"}
IDS = sorted({*POSSIBLE, *POSSIBLE.values()})
OUTSIDE = ("before_start", "after_stop")


@st.composite
def histories(draw):
    """Distinct events of some ids, and who is merged into whom."""
    drawn = draw(st.lists(st.tuples(event(), st.sampled_from(IDS)), max_size=25))
    distinct = [
        (topic, body | {"event_id": f"{i}", "customer_id": name}) for i, ((topic, body), name) in enumerate(drawn)
    ]
    merged = draw(st.lists(st.sampled_from(sorted(POSSIBLE)), unique=True))
    return distinct, {name: POSSIBLE[name] for name in merged}


def under_survivors(events, merges):
    def person(name):
        while name in merges:
            name = merges[name]
        return name

    return [
        (topic, body | {"customer_id": person(body["customer_id"]), "merged": body["customer_id"] in merges})
        for topic, body in events
    ]


def hold_segments(redis, partitions):
    """Everybody but Zoë was in s1 from the 7th and in s3 from the 14th."""
    for name in IDS:
        if not name.startswith("zoë"):
            batch = CustomerBatch.blank([name])
            batch.rows["segment"], batch.rows["change_number"] = 3, 2
            batch.rows["since"] = instant("2026-03-14T00:00:00+00:00")
            batch.rows["earlier"][0, 0] = instant("2026-03-07T00:00:00+00:00") << 16 | 1
            redis.hset(keys.customers(partition_of(name, partitions)), name, pack(batch)[0])


def segment_of(customer, at):
    day = at // DAY_MS - instant("2026-03-01T00:00:00+00:00") // DAY_MS + 1
    return "unknown" if customer.startswith("zoë") else "s3" if day >= 14 else "s1" if day >= 7 else "none"


def assert_tallies(consumer, sent, merges, *, repeated=True):
    events = under_survivors(sent, merges)
    for definition in (BY_ORDERS, BY_CONVERSIONS):
        distinct = list({body["event_id"]: (topic, body) for topic, body in events}.values())
        cells, left_out = tallied(distinct, definition, segment_of, tie)
        found_cells, found_left_out = consumer.read(definition["id"])
        assert found_cells == cells
        # What the experiment's time leaves out is counted by event, repeated or not.
        _, outside = tallied(events, definition, segment_of, tie)
        right = left_out | {name: outside[name] for name in OUTSIDE if name in outside}
        if not repeated:
            right, found_left_out = (
                {name: count for name, count in each.items() if name not in OUTSIDE} for each in (right, found_left_out)
            )
        assert found_left_out == right


@given(history=histories(), seed=st.integers(0, 1 << 32), failing=st.booleans())
@examples(200)
def test_any_arrival_of_events_and_merges_gives_the_tallies_of_a_replay_under_survivors(redis, history, seed, failing):
    (distinct, merges), chance = history, random.Random(seed)
    redis.flushdb()
    failures = [None, None, None, LOST, SENT] if failing else [None]
    consumer = MergingConsumer(redis, fails=lambda: chance.choice(failures))
    hold_segments(redis, consumer.partitions)
    define(redis, BY_ORDERS)
    define(redis, BY_CONVERSIONS)
    sent = distinct + chance.sample(distinct, len(distinct) // 4)
    arrival = [*sent, *merges.items(), *[None] * (len(merges) // 2)]
    chance.shuffle(arrival)
    while arrival:
        for each in arrival[: chance.randrange(6)]:
            if each is None:
                consumer.hand_over_again()
            elif isinstance(each[1], str):
                consumer.merge(*each)
            else:
                consumer.publish(*each)
            arrival.remove(each)
        consumer.take(
            chance.randrange(consumer.partitions), {topic: chance.randrange(4) for topic in EXPERIMENT_TOPICS}
        )
    failures[:] = [None]
    consumer.take_everything()
    assert_tallies(consumer, sent, merges, repeated=not consumer.failures)
    for partition in range(consumer.partitions):
        assert not redis.exists(keys.handovers(partition, keys.EXPERIMENTS_GROUP))
        for key in (keys.purchases(partition), keys.exposed(partition, "banner"), keys.exposed(partition, "mail")):
            assert not merges.keys() & {name.decode() for name in redis.hkeys(key)}, "who was merged has left"
    if not consumer.failures:
        for topic in ("orders", "conversions", "exposures"):
            assert sum(consumer.outcomes(topic).values()) == sum(name == topic for name, _ in sent)


def shown(customer, variant, day=12, **more):
    body = {"event_id": f"{customer}/{variant}/{day}", "customer_id": customer, "experiment": "banner"}
    return "exposures", body | {"variant": variant, "occurred_at": f"2026-03-{day}T10:00:00Z"} | more


def bought(customer, name, amount, day=13, **more):
    body = {"event_id": f"{customer}/{name}", "customer_id": customer, "order_id": name, "currency": "EUR"}
    return "orders", body | {"amount": amount, "occurred_at": f"2026-03-{day}T10:00:00Z"} | more


@pytest.fixture
def consumer(redis):
    define(redis, BY_ORDERS)
    define(redis, BY_CONVERSIONS)
    return lambda **options: MergingConsumer(redis, **options)


def tell(consumer, *events):
    for each in events:
        consumer.publish(*each)
    consumer.take_everything()


def test_the_first_exposure_of_either_id_counts(consumer):
    consumer = consumer()
    tell(
        consumer,
        shown("anna-web", "B", 12),
        shown("anna", "B", 14),
        bought("anna", "1", 30),
        bought("anna", "2", 7, 18),
    )
    assert by_variant(consumer) == {"B": (2, 7_000, 0, 0)}
    consumer.merge("anna-web", "anna")
    consumer.take_everything()
    assert by_variant(consumer) == {"B": (1, 30_000, 0, 1)}, "the 18th is after the window"


def test_two_different_variants_of_two_ids_are_out_of_the_comparison_and_counted(consumer):
    consumer = consumer()
    tell(consumer, shown("anna-web", "B", 12), shown("anna", "A", 14), bought("anna", "1", 30, 15))
    assert by_variant(consumer) == {"B": (1, 0, 0, 0), "A": (1, 30_000, 0, 0)}
    consumer.merge("anna-web", "anna")
    consumer.take_everything()
    assert by_variant(consumer) == {"B": (0, 0, 1, 1)}
    tell(consumer, bought("anna", "2", 7, 15), shown("anna", "B", 16))
    assert by_variant(consumer) == {"B": (0, 0, 1, 2)}, "she stays out"


def by_variant(consumer):
    """Who is exposed and their revenue, who is contaminated, and repeated exposures."""
    return {
        variant: (values[0], values[3], values[-2], values[-1])
        for (variant, _), values in consumer.read("banner")[0].items()
    }


def test_an_order_that_both_ids_tell_is_one_order(consumer):
    consumer = consumer()
    tell(consumer, shown("anna", "A"), bought("anna", "1", 30), bought("anna-web", "1", 40, 14))
    consumer.merge("anna-web", "anna")
    consumer.take_everything()
    (values,) = consumer.read("banner")[0].values()
    assert (values[3], values[5]) == (40_000, 1)


def test_an_alias_that_the_segments_group_has_written_does_not_stop_a_handover(consumer, redis):
    """That group may be the faster one: what it has received says nothing of what this one has."""
    consumer = consumer()
    tell(consumer, shown("anna-web", "A"), bought("anna-web", "1", 30))
    redis.sadd(keys.aliases(partition_of("anna", consumer.partitions), "anna"), "anna-web")
    consumer.merge("anna-web", "anna")
    consumer.take_everything()
    (values,) = consumer.read("banner")[0].values()
    assert (values[0], values[3]) == (1, 30_000)
    assert redis.smembers(keys.aliases(partition_of("anna", consumer.partitions), "anna")) == {b"anna-web"}
    assert redis.hkeys(keys.exposed(partition_of("anna", consumer.partitions), "banner")) == [b"anna"]


def test_merges_that_redis_has_lost_concern_segments_alone(consumer, redis):
    redis.hset(keys.merging(0), "anna", "bert")
    assert consumer().owned[0].lost_merges == {}


def test_a_handover_that_comes_again_after_more_was_told_counts_once(consumer):
    consumer = consumer()
    web = [shown("anna-web", "A", 12, event_id=f"{i}") for i in range(5)]
    tell(consumer, *web, bought("anna-web", "1", 30))
    consumer.merge("anna-web", "anna")
    tell(consumer, shown("anna", "A", 11), bought("anna", "2", 5))
    before = consumer.read("banner")
    consumer.hand_over_again()
    consumer.take_everything()
    assert consumer.read("banner") == before
    (values,) = before[0].values()
    assert (values[0], values[3], values[-1]) == (1, 35_000, 5)
    assert consumer.outcomes(MERGES)["applied"] == 3, "the decision, and the handover twice"


@pytest.mark.parametrize("failure", [None, LOST, SENT])
def test_who_leaves_is_handed_over_by_the_next_owner_if_need_be_and_later_events_follow(consumer, redis, failure):
    failing = [None]
    consumer = consumer(fails=lambda: failing[0])
    tell(consumer, shown("anna-web", "A"), bought("anna-web", "1", 30))
    consumer.merge("anna-web", "anna")
    home, failing[0] = partition_of("anna-web", consumer.partitions), failure
    consumer.take(home, {MERGES: 1})
    failing[0] = None
    assert consumer.failures == (failure is not None)
    assert not redis.hexists(keys.purchases(home), "anna-web")
    tell(consumer, bought("anna-web", "2", 5, 14))
    (values,) = consumer.read("banner")[0].values()
    assert (values[0], values[3]) == (1, 35_000)
    assert redis.hkeys(keys.purchases(partition_of("anna", consumer.partitions))) == [b"anna"]
    assert consumer.outcomes("orders") == {"applied": 2}
    assert redis.hgetall(keys.merged(home, keys.EXPERIMENTS_GROUP)) == {b"anna-web": b"anna"}


@pytest.mark.parametrize("keeps", ["anna", "anna-web"])
def test_what_a_log_has_let_go_stays_counted_for_the_customer_whose_first_exposure_holds(consumer, keeps):
    """As in one log: what is let go stays counted, and only what is new is added."""
    consumer, other = consumer(purchase_limit=2), "anna" if keeps == "anna-web" else "anna-web"
    tell(consumer, shown(keeps, "A", 12), *[bought(keeps, f"k{i}", 10, 13) for i in range(1)])
    for i in range(1, 4):
        tell(consumer, bought(keeps, f"k{i}", 10, 13 + i))
    tell(consumer, shown(other, "A", 15), bought(other, "o", 5, 16))
    consumer.merge("anna-web", "anna")
    consumer.take_everything()
    ((cell, values),) = consumer.read("banner")[0].items()
    assert (cell, values[0], values[3], values[5]) == (("A", "unknown"), 1, 45_000, 5)
    assert consumer.read("banner")[1] == {"short_history": 1}


def test_a_merge_long_after_an_experiment_leaves_its_tallies_as_they_were_counted(consumer, redis):
    consumer = consumer(purchase_days=10)
    tell(consumer, shown("anna", "A"), shown("anna-web", "B"), bought("anna-web", "1", 30))
    before = consumer.read("banner")
    later = {"occurred_at": "2027-03-01T10:00:00Z"}
    tell(consumer, *[bought(name, "2", 1, **later) for name in ("anna", "anna-web", "bert", "bert-web", "zoë")])
    consumer.merge("anna-web", "anna")
    consumer.take_everything()
    assert consumer.read("banner") == before
    home = partition_of("anna-web", consumer.partitions)
    assert not redis.hexists(keys.exposed(home, "banner"), "anna-web"), "the sums stay, the id does not"


def test_an_experiment_that_is_over_here_takes_in_who_was_counted_where_it_was_not(consumer):
    """Time is that of a partition's events: one may be a year ahead of the other."""
    consumer = consumer(purchase_days=10)
    ahead, behind = ("anna", "anna-web") if partition_of("anna", 2) != partition_of("anna-web", 2) else ("anna", "zoë")
    assert partition_of(ahead, 2) != partition_of(behind, 2)
    tell(
        consumer, shown(behind, "B"), bought(behind, "1", 30), bought(ahead, "2", 1, occurred_at="2027-03-01T10:00:00Z")
    )
    consumer.merge(behind, ahead)
    consumer.take_everything()
    assert {cell: (values[0], values[3]) for cell, values in consumer.read("banner")[0].items()} == {
        ("B", "unknown"): (1, 30_000)
    }
