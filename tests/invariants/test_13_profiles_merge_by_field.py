"""Invariant 13: a profile is what all its events tell, field by field; consent that was withdrawn stays withdrawn."""

import itertools
import json
import random
from datetime import UTC, datetime

from consumers.inputs.customers import ProfileInput
from state.campaigns.deliveries import DeliveryStore
from state.campaigns.triggers import Trigger, TriggerStore
from state.store import keys
from stream.campaigns.webhook_request import new_secret
from stream.customers.fold_profiles import fold_profiles
from tests.building import ints
from tests.service import event_fields
from tests.shop import FAR_MS, message
from tests.stream.campaigns.receiver import Receiver

COLUMNS = ("signed_up", "profile_at", "profile_event", "profile_numbers")
NO, YES = {"consent": {"marketing": False}}, {"consent": {"marketing": True}}
HISTORIES = {
    "A": [NO],
    "B": [NO, {"city": "Berlin"}],
    "C": [NO, {"consent": None, "city": "Bonn"}],
    "yes": [NO, YES, {"city": "Berlin"}],
}


def profile(customer, number, day, **fields):
    at = f"2026-03-{day:02}T10:00:00Z"
    return message("customers", event_id=f"{customer}-{number}", customer_id=customer, occurred_at=at, **fields)


def partial_profiles(chance, customers=30, each=12):
    """Events that each tell some fields, some of them that a field is cleared; many at the same time."""
    values = {
        "age": [20, 30, 40.0, None],
        "income": [1_000, 2_000.5, None],
        "signed_up_at": ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", None],
        "city": ["Berlin", "Bonn", None],
        "consent": [NO["consent"], YES["consent"], None],
        "attributes": [{"nps": 9}, {"nps": True, "tags": ["a"]}, {"nps": None}, None],
    }
    return [
        profile(
            f"c{i:02}",
            number,
            chance.randrange(1, 6),
            **{name: chance.choice(values[name]) for name in chance.sample(sorted(values), 2)},
        )
        for i in range(customers)
        for number in range(each)
    ]


def stored(service):
    found = [service.redis.hgetall(keys.profiles(partition)) for partition in range(service.kafka.partitions)]
    return {name.decode(): document for profiles in found for name, document in profiles.items()}


def outcomes(service):
    found = {}
    for each in DeliveryStore(service.redis, 4).attempts(1_000):
        found.setdefault(each.customer_id, set()).add(each.outcome)
    return found


def test_the_same_profiles_after_shuffle_repeats_kills_and_rebalances(service):
    chance = random.Random(21)
    events = partial_profiles(chance)
    columns = ProfileInput(1 << 20).decode([each.value for each in events], FAR_MS).columns
    ids = sorted({each.key for each in events})
    expected = fold_profiles(columns, ints([ids.index(name) for name in columns.customer_ids]), len(ids), ("nps",))
    sent = events + chance.sample(events, len(events) // 5)
    chance.shuffle(sent)
    # So few hashes are remembered that most repeats are told anew.
    small = {"SHOAL_BATCH_EVENTS": "20", "SHOAL_DUPLICATE_WINDOW": "3", "SHOAL_ATTRIBUTES": '["nps"]'}
    worker, _ = service.worker(**small), service.worker(**small)
    for start, end in itertools.pairwise(range(0, len(sent) + 1, len(sent) // 3)):
        service.publish(sent[start:end])
        service.until(lambda: sum(service.stored().values()) > start, what="some are saved")  # noqa: B023
        worker.kill()
        worker = service.worker(**small)
    service.until_processed()
    assert stored(service) == {ids[place]: document for place, document in expected.documents.items()}
    assert event_fields(service.records(), COLUMNS) == event_fields(dict(zip(ids, expected.rows, strict=True)), COLUMNS)
    service.publish(events[:50])
    service.until_processed()
    assert stored(service) == {ids[place]: document for place, document in expected.documents.items()}


def test_who_said_no_is_not_written_to_in_whatever_order_profiles_came(service):
    sent = [
        profile(customer, day, day, **fields)
        for customer, history in HISTORIES.items()
        for day, fields in enumerate(history, 1)
    ]
    random.Random(3).shuffle(sent)
    with Receiver(new_secret()) as receiver:
        TriggerStore(service.redis).add(
            Trigger(trigger="all", url=receiver.url, secret=receiver.secret, created_at=datetime.now(UTC))
        )
        service.worker()
        service.publish(sent)
        service.until_processed()
        service.spawn("triggers")
        service.until(lambda: outcomes(service).keys() == HISTORIES.keys(), what="everyone's turn has come")
        assert outcomes(service) == {key: {"no-consent"} for key in "ABC"} | {"yes": {"delivered"}}
        assert {json.loads(body)["data"]["customer_id"] for body in receiver.bodies.values()} == {"yes"}
