"""Invariant 14: after a merge the state is what it would be had every event been published under the id that stays."""

import itertools
import json
import os
import random

import pytest

from events.topics.partitioning import partition_of
from state.store import keys
from stream.customers.rfm_values import rfm_values
from tests.service import EVENT_FIELDS, event_fields
from tests.shop import identity, message, order, purchases, reference, shop_events, under_survivors
from tests.waiting import PATIENCE_S

CUSTOMERS, MERGES, EVENTS = 4_000, 800, 32_000
"""With SHOAL_TEST_SCALE=12.5 these are 50,000 customers, 10,000 merges and 400,000 events."""


def visit(customer, session, minute=5):
    return message(
        "web-sessions",
        event_id=f"visit-{session}",
        customer_id=customer,
        session_id=session,
        started_at="2026-03-01T10:00:00Z",
        occurred_at=f"2026-03-01T10:{minute:02}:00Z",
        pages=3,
    )


def profile(customer, event, at, **fields):
    return message(
        "customers", event_id=event, customer_id=customer, occurred_at=f"2026-03-{at:02}T09:00:00Z", **fields
    )


BEFORE = [
    visit("visitor", "v1"),
    visit("visitor", "v2"),
    profile("visitor", "p1", 1, city="Porto", consent={"marketing": False}),
    order("anna", "2026-03-02T10:00:00Z", 80.0, order_id="A1"),
    profile("anna", "p2", 2, age=40),
    order("old", "2026-03-02T10:00:00Z", 10.0, order_id="O1"),
    order("older", "2026-03-01T10:00:00Z", 5.0, order_id="O0"),
    order("twice", "2026-03-01T10:00:00Z", 30.0, order_id="T1", event_id="t1"),
    order("twin", "2026-03-01T10:00:00Z", 30.0, order_id="T1", event_id="t2"),
]
MERGED = {"visitor": "anna", "older": "old", "old": "new", "twin": "twice", "nobody": "anna"}
AFTER = [
    visit("visitor", "v3"),
    visit("visitor", "v2", minute=9),
    order("older", "2026-03-05T10:00:00Z", 7.0, order_id="O2"),
    order("visitor", "2026-03-02T10:00:00Z", 20.0, order_id="A1", type="refunded", event_id="refund"),
    order("nobody", "2026-03-06T10:00:00Z", 2.0, order_id="N1"),
    order("new", "2026-03-07T10:00:00Z", 1.0, order_id="O3"),
]


def identities():
    return [identity(previous, survivor) for previous, survivor in MERGED.items()]


@pytest.mark.parametrize("way", ["as it happened", "merges first", "merges last", "shuffled"])
def test_a_visitor_who_signs_in_and_two_accounts_are_one_customer_each(service, way):
    sent = {
        "as it happened": [BEFORE, identities(), AFTER],
        "merges first": [identities(), BEFORE + AFTER],
        "merges last": [BEFORE + AFTER, identities()],
        "shuffled": [random.Random(3).sample(both := BEFORE + AFTER + identities(), len(both))],
    }[way]
    service.worker(SHOAL_BATCH_EVENTS="4")
    for part in sent:
        service.publish(part)
        service.until_processed()
    assert event_fields(service.records()) == event_fields(reference(under_survivors(BEFORE + AFTER, MERGED)))
    values = rfm_values(service.records()["anna"].reshape(1), 1_780_000_000_000)
    assert (values["frequency"][0], values["monetary"][0]) == (2, 62.0)
    service.assert_model_is_sum_of_customers()
    log = service.assert_changes_agree()
    for previous, survivor in MERGED.items():
        assert (log.latest[previous].cause, log.latest[previous].merged_into) == ("merge", survivor)
        view = json.loads(service.redis.get(keys.segment(previous)))
        assert view["merged_into"] == survivor
    views = service.views(["older", "old", "new"])
    assert views["older"] == views["old"] == views["new"] is not None
    profiles = service.redis.hget(keys.profiles(partition_of("anna", service.kafka.partitions)), "anna")
    kept = json.loads(profiles)
    assert (kept["city"], kept["age"], kept["consent"]) == ("Porto", 40, {"marketing": False})


def test_both_directions_and_a_second_survivor_are_refused_with_the_reason(service):
    service.worker()
    service.publish([order("a", "2026-03-01T10:00:00Z"), order("b", "2026-03-01T10:00:00Z", 20.0)])
    service.publish(
        [identity("a", "b"), identity("b", "a"), identity("a", "c"), identity("a", "b"), identity("b", "b")]
    )
    service.until_processed()
    assert service.records().keys() == {"b"}
    reasons = sorted(letter.reason for letter in service.dead_letters())
    same, second_survivor, both_directions = reasons
    assert same == "previous_id is the same as customer_id; name the id that goes up in the other"
    assert "'a' was merged into 'b' before" in second_survivor
    assert "both directions cannot hold" in both_directions
    outcomes = service.outcome_counts()
    assert {name: count for name, count in outcomes.items() if name.startswith("identities:") and count} == {
        "identities:applied": 1,
        "identities:duplicate": 1,
        "identities:dead_lettered": 3,
    }


def shop(customers, count, merges, seed):
    """Events of a made-up shop with some told twice, and who is merged into whom, in chains too."""
    chance = random.Random(seed)
    ids = [f"c{i:06}" for i in range(customers)]
    basis = shop_events(sessions=4_000, profiles=1_500, refunds=900)
    events = []
    for i in range(count):
        model, customer = basis[i % len(basis)], chance.choice(ids)
        content = json.loads(model.value)
        content |= {"event_id": f"e{i}", "customer_id": customer}
        if "order_id" in content:  # some orders are told of by two customers of one person
            content["order_id"] = f"o{chance.randrange(count)}"
        if "session_id" in content:
            content["session_id"] = f"s{chance.randrange(count)}"
        events.append(message(model.topic, **content))
    line = chance.sample(ids, len(ids))
    previous = chance.sample(range(len(line) - 1), merges)
    return events, {line[at]: line[chance.randrange(at + 1, min(at + 400, len(line)))] for at in previous}


def differences(found, right):
    """The fields that events determine and that are not the same, with what was found and what is right."""
    return {name: (found[name], right[name]) for name in EVENT_FIELDS if found[name].tobytes() != right[name].tobytes()}


def test_merges_among_many_customers_in_any_order_with_kills_equal_the_replay_under_survivors(service):
    scale = float(os.environ.get("SHOAL_TEST_SCALE", "1"))
    events, merges = shop(int(CUSTOMERS * scale), int(EVENTS * scale), int(MERGES * scale), seed=14)
    chance = random.Random(int(os.environ.get("SHOAL_TEST_SEED", "21")))
    sent = events + [identity(*pair) for pair in merges.items()] + chance.sample(events, len(events) // 10)
    chance.shuffle(sent)
    small = {"SHOAL_BATCH_EVENTS": str(int(1_000 * scale))}
    workers = [service.worker(**small), service.worker(**small)]
    cuts = [len(sent) * part // 6 for part in range(7)]
    for start, end in itertools.pairwise(cuts):
        service.publish(sent[start:end])
        target = chance.randrange(start, end - (end - start) // 10)
        while sum(service.stored().values()) < target:
            assert any(worker.running for worker in workers)
        if end == len(sent):
            break
        victim = chance.randrange(2)
        workers[victim].kill()
        workers[victim] = service.worker(**small)
    ends = service.until_processed(PATIENCE_S * scale)
    right = reference(under_survivors(events, merges))
    found = service.records()
    assert found.keys() == right.keys()
    wrong = {name: differences(found[name], row) for name, row in right.items() if differences(found[name], row)}
    assert not wrong, f"{len(wrong)} of {len(right)} records differ: {dict(list(wrong.items())[:5])}"
    service.assert_outcomes_add_up(ends)
    service.assert_changes_agree()
    service.assert_model_is_sum_of_customers()


@pytest.mark.parametrize("emptied", [False, True])
def test_a_redis_that_comes_back_older_or_empty_loses_no_merge(service, emptied):
    worker = service.worker()
    bought = purchases()[:600]
    ids = sorted({each.key for each in bought})
    merges = dict(zip(ids[:60:2], ids[1:60:2], strict=True)) | {ids[1]: ids[100]}
    service.publish(bought[:300])
    service.until_processed()
    older = service.snapshot()
    service.publish([identity(*pair) for pair in merges.items()])
    service.until_processed()
    worker.kill()
    service.come_back_older({} if emptied else older)
    service.publish(bought[300:])
    service.worker()
    service.until_processed()
    assert event_fields(service.records()) == event_fields(reference(under_survivors(bought, merges)))
    service.assert_changes_agree()
    assert {json.loads(service.redis.get(keys.segment(each)))["merged_into"] for each in merges} == {*merges.values()}
