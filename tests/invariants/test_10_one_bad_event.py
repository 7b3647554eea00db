"""Invariant 10: one bad event harms nobody: it is in the dead letters with a reason, and the counts add up."""

import base64
import json
from datetime import UTC, datetime, timedelta

from confluent_kafka import Producer

from consumers.broker.consumer_lag import behind, end_offsets
from events.topics.specs import SEGMENT_INPUTS
from tests.deployment import Message
from tests.service import event_fields
from tests.shop import order, purchases, reference

GOOD = json.loads(order("anna", "1998-01-01T00:00:00Z", 5.0).value)


def altered(**changes):
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value is not ...}).encode()


GARBAGE = {
    "not JSON": ("anna", b"hello", "not JSON"),
    "nothing": ("anna", None, "no value"),
    "not UTF-8": ("anna", b'{"event_id": "\xff\xfe"}', "not JSON"),
    "a list": ("anna", b"[]", "should be an object"),
    "a wrong type": ("anna", altered(order_id=17), "order_id"),
    "no customer": ("anna", altered(customer_id=...), "customer_id: missing"),
    "no event id": ("anna", altered(event_id=...), "event_id: missing"),
    "an empty customer": ("anna", altered(customer_id=""), "customer_id"),
    "a negative amount": ("anna", altered(amount=-0.01), "amount: should be from 0"),
    "NaN": ("anna", altered(amount=float("nan")), "amount"),
    "infinity": ("anna", altered(amount=float("inf")), "amount"),
    "5 MB": ("anna", altered(channel="x" * 5_000_000), "more than the 1,048,576 allowed"),
    "a long id": ("anna", altered(customer_id="x" * 10_000), "at most 128 characters"),
    "year 0": ("anna", altered(occurred_at="0000-01-01T00:00:00Z"), "occurred_at"),
    "year 9999": ("anna", altered(occurred_at="9999-12-31T23:59:59Z"), "too far in the future"),
    "the day after tomorrow": (
        "anna",
        altered(occurred_at=(datetime.now(UTC) + timedelta(days=2)).isoformat()),
        "too far in the future",
    ),
    "1969": ("anna", altered(occurred_at="1969-07-20T20:17:00Z"), "before 1990-01-01"),
    "no zone": ("anna", altered(occurred_at="1998-01-01T00:00:00"), "occurred_at"),
    "an empty key": ("", altered(event_id="keyless"), "key is empty"),
    "no key": (None, altered(event_id="keyless 2"), "key is empty"),
    "an unknown version": ("anna", altered(schema_version=2), "schema_version"),
    "an unknown currency": ("anna", altered(event_id="yen", currency="JPY"), "JPY has no rate into USD"),
    "an unknown type": ("anna", altered(type="stolen"), "type"),
    "two events": ("anna", altered(event_id="x") + b"\n" + altered(event_id="y"), "not JSON"),
}


def test_garbage_is_dead_lettered_with_its_reason_and_bytes_and_the_rest_is_applied(service):
    worker = service.worker()
    good = purchases()[:2_000]
    bad = [Message("orders", key, value) for key, value, _ in GARBAGE.values()]
    bad += [Message("web-sessions", "anna", b"{}"), Message("customers", "anna", altered(age=-1, schema_version=1))]
    service.publish(good[:10])
    service.until_processed()
    mixed = good[10:]
    for place, message in enumerate(bad):
        mixed.insert(place * 70, message)
    service.publish(mixed)
    ends = service.until_processed()
    assert worker.running
    assert event_fields(service.records()) == event_fields(reference(good))
    outcome_counts = service.assert_outcomes_add_up(ends)
    assert outcome_counts["orders:applied"] == len(good)
    assert outcome_counts["orders:dead_lettered"] == len(GARBAGE)
    letters = service.dead_letters()
    assert len(letters) == len(bad)
    by_value = {letter.value: letter for letter in letters if letter.topic == service.kafka.topic("orders")}
    for name, (key, value, reason) in GARBAGE.items():
        letter = by_value[None if value is None else base64.b64encode(value).decode()]
        assert reason in letter.reason, (name, letter.reason)
        assert letter.key == (None if key is None else base64.b64encode(key.encode()).decode())


def test_a_message_too_large_for_a_dead_letter_is_told_of_without_its_bytes(service):
    worker = service.worker()
    service.publish([Message("orders", "anna", b"x" * (13 << 20)), order("bert", "1998-01-01T00:00:00Z")])
    service.until_processed()
    (letter,) = service.dead_letters()
    assert letter.value is None
    assert "13,631,488 bytes" in letter.reason
    assert (letter.topic, letter.key) == (service.kafka.topic("orders"), base64.b64encode(b"anna").decode())
    assert service.records().keys() == {"bert"}
    assert worker.running


def test_an_unreadable_model_or_baseline_is_left_out(service):
    service.publish([Message("baselines", "1", b"{}"), Message("models", "current", b"\xff"), purchases()[0]])
    worker = service.worker()
    service.until_processed()
    said = "cannot be read and is skipped"
    service.until(lambda: sum(said in line for line in worker.log_tail(40)) == 2, what="both are told of")
    assert worker.running


def test_markers_of_transactions_do_not_keep_anyone_waiting(service):
    """A transactional producer's commit takes an offset that no message has."""
    producer = Producer({"bootstrap.servers": service.kafka.kafka, "transactional.id": service.kafka.topic("shop")})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(service.kafka.topic("orders"), order("anna", "1998-01-01T00:00:00Z").value, "anna", 0)
    producer.commit_transaction(30)
    service.worker()
    service.until(lambda: not behind(end_offsets(service.kafka, SEGMENT_INPUTS), service.stored()), what="all is read")


def test_topics_with_another_number_of_partitions_are_refused(service):
    worker = service.worker(SHOAL_PARTITIONS="3")
    service.until(lambda: not worker.running, what="the worker stops")
    assert worker.exit_code == 1
    assert any("has 4 partitions where 3 are expected" in line for line in worker.log_tail())
