"""A customer's web sessions in the topic of a real broker: its own, once each, and no further back than was asked."""

import json

import pytest
from confluent_kafka import Producer

from consumers.history.session_history import sessions_of_customer
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable
from events.topics.partitioning import partition_of


def session(customer_id, name, day):
    at = f"2026-01-{day:02}T10:00:00Z"
    names = {"event_id": name, "session_id": name, "customer_id": customer_id}
    return customer_id, json.dumps(names | {"started_at": at, "occurred_at": at, "pages": 3}).encode()


def publish(settings, *messages):
    producer = Producer({"bootstrap.servers": settings.kafka})
    for key, value in messages:
        producer.produce(settings.topic("web-sessions"), value, key, partition=partition_of(key, settings.partitions))
    assert producer.flush(30) == 0


def names(found):
    return [each.event_id for each in found]


def test_a_customers_sessions_come_once_each_the_latest_first(settings):
    publish(
        settings,
        session("anna", "a1", 1),
        session("bert", "b1", 2),
        session("anna", "a3", 5),
        session("anna", "a2", 4),
        session("anna", "a3", 5),
        ("anna", b'{"event_id": "no session"}'),
        ("anna", None),
    )
    assert names(sessions_of_customer(settings, ["anna"])) == ["a3", "a2", "a1"]
    assert names(sessions_of_customer(settings, ["anna"], most=5)) == ["a3", "a2"]
    assert sessions_of_customer(settings, ["carl"]) == []


def test_those_of_merged_ids_are_the_customers_too_in_whatever_partition(settings):
    ids = ["anna", *(f"visitor-{i}" for i in range(6))]
    assert len({partition_of(each, settings.partitions) for each in ids}) > 1
    publish(settings, *(session(each, f"of-{each}", day) for day, each in enumerate(ids, 1)), session("bert", "b", 9))
    assert names(sessions_of_customer(settings, ids)) == [f"of-{each}" for each in reversed(ids)]
    assert len(sessions_of_customer(settings, ids, most=2)) <= 2, "the bound is for all partitions together"


def test_a_broker_that_is_not_there_is_named():
    with pytest.raises(KafkaUnreachable, match=r"127\.0\.0\.1:9"):
        sessions_of_customer(KafkaSettings(kafka="127.0.0.1:9"), ["anna"], timeout_s=0.5)
