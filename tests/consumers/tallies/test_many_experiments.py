"""What a micro-batch costs follows the experiments that its customers are in, not those that there are."""

import json

import pytest

from consumers.runtime.protocols import LoadRequest
from state.experiments.enrolments import experiment_hash
from state.partitions.partition_fence import StateMismatch
from state.store import keys
from tests.building import topic_slice
from tests.consumers.tallies.consumer import FAR_MS, Consumer, define
from tests.consumers.tallies.test_handler import BY_CONVERSIONS, BY_ORDERS

MANY = 300


@pytest.fixture
def consumer(redis):
    for i in range(MANY):
        define(redis, BY_ORDERS | {"id": f"o{i}"})
        define(redis, BY_CONVERSIONS | {"id": f"c{i}"})
    return Consumer(redis)


def exposure(customer, experiment, day=10):
    return "exposures", {
        "event_id": f"{customer} {experiment} {day}",
        "customer_id": customer,
        "occurred_at": f"2026-03-{day}T00:00:00Z",
        "experiment": experiment,
        "variant": "A",
    }


def purchase(customer, day=11):
    return "orders", {
        "event_id": f"{customer} {day}",
        "customer_id": customer,
        "order_id": f"{customer} {day}",
        "amount": 10.0,
        "currency": "EUR",
        "occurred_at": f"2026-03-{day}T00:00:00Z",
    }


def conversion(customer, experiment):
    return "conversions", {
        "event_id": f"{customer} {experiment} converts",
        "customer_id": customer,
        "occurred_at": "2026-03-12T00:00:00Z",
        "experiment": experiment,
    }


def opened(consumer, events):
    """What is read for events: by experiment the customers."""
    by_topic = {}
    for topic, event in events:
        by_topic.setdefault(topic, []).append(json.dumps(event).encode())
    slices = []
    for topic, values in by_topic.items():
        first = consumer.owned.offsets.get(topic, 0)
        slices.append(topic_slice(topic, [(0, i, b"key", value) for i, value in enumerate(values, first)]))
    (batch,), _ = consumer.intake.batches(slices, {0: consumer.owned}, FAR_MS)
    ids, slots = batch.customer_ids()
    (loaded,) = consumer.handler.load([LoadRequest(consumer.owned, ids, batch, slots)])
    return {name: sorted(ids[i] for i in state.members.tolist()) for name, state in loaded.experiments.items()}


def test_customers_are_read_of_those_experiments_alone_that_may_change_for_them(consumer):
    consumer.take([exposure("anna", "o1"), exposure("anna", "c2"), exposure("bert", "o1")])
    assert opened(consumer, [purchase("anna"), purchase("carl")]) == {"o1": ["anna"], "c2": ["anna"]}
    assert opened(consumer, [purchase("carl")]) == {}
    assert opened(consumer, [exposure("anna", "o5")]) == {"o5": ["anna"]}, "anna buys nothing"
    assert opened(consumer, [conversion("bert", "c7")]) == {"o1": ["bert"], "c7": ["bert"]}


def test_who_is_in_which_experiments_is_found_again_where_redis_has_lost_it(redis, consumer):
    consumer.take([exposure("anna", "o1"), exposure("anna", "c2"), exposure("bert", "o1")])
    before = redis.hgetall(keys.enrolled(0))
    assert len(before[b"anna"]) == 16
    assert before[b"bert"] == experiment_hash("o1").to_bytes(8, "little")
    redis.delete(keys.enrolled(0))
    with pytest.raises(StateMismatch, match=r"enrolled:\{0\} is missing"):
        consumer.take([purchase("anna")])
    consumer.owned = consumer.store.claim(0)
    found = redis.hgetall(keys.enrolled(0))
    assert {name: sorted(value) for name, value in found.items()} == {
        name: sorted(value) for name, value in before.items()
    }
    consumer.take([purchase("anna")])
    (cell,) = consumer.read("o1")[0].values()
    assert cell[:2] == (2, 1), "two were exposed, one of them bought"


def test_an_experiment_that_nobody_of_the_batch_is_in_is_not_written_to(redis, consumer):
    consumer.take([exposure("anna", "o1")])
    consumer.take([purchase("anna"), purchase("carl")])
    assert [key.decode() for key in redis.scan_iter("tally:*")] == [keys.tally(0, "o1")]
