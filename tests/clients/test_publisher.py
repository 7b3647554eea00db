"""Published events arrive whole, keyed and on the right partition, or the publisher says so."""

import json
import socket
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from kafka import KafkaConsumer, TopicPartition

from events.codec.struct_decoder import BatchDecoder
from events.schema.example_messages import EXAMPLES
from events.schema.inputs import INPUTS
from events.schema.inputs import Order as Accepted
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.partitioning import partitions_of
from events.topics.specs import topic_specs
from shoal_client import EventInvalid, Order, Publisher, PublishFailed

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
PARTITIONS = 4


def order(i, **changes):
    fields = {"event_id": f"e{i}", "customer_id": f"C-{i}", "occurred_at": NOW, "order_id": f"o{i}"}
    return Order(**(fields | {"amount": Decimal("12.34"), "currency": "EUR"} | changes))


def settings_with_topics(bootstrap, prefix):
    settings = KafkaSettings(kafka=bootstrap, topic_prefix=prefix, partitions=PARTITIONS)
    create_topics(bootstrap, topic_specs(settings))
    return settings


def publishing(settings, **options):
    return Publisher(settings.kafka, settings.topic_prefix, **options)


def messages(settings, topic):
    """Everything that stands on a topic."""
    name = settings.topic(topic)
    with closing(KafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="earliest")) as consumer:
        places = [TopicPartition(name, p) for p in sorted(consumer.partitions_for_topic(name) or ())]
        consumer.assign(places)
        left = sum(consumer.end_offsets(places).values())
        found = []
        while len(found) < left:
            found += [each for batch in consumer.poll(timeout_ms=5_000).values() for each in batch]
        return found


@pytest.fixture
def settings(kafka, topic_prefix):
    return settings_with_topics(kafka, topic_prefix)


def test_events_arrive_keyed_on_the_partition_of_their_customer(settings):
    with publishing(settings) as publisher:
        for i in range(50):
            publisher.publish("orders", order(i))
    found = messages(settings, "orders")
    keys = [message.key.decode() for message in found]
    assert sorted(keys) == sorted(f"C-{i}" for i in range(50))
    assert [message.partition for message in found] == partitions_of(keys, PARTITIONS).tolist()
    decoded = BatchDecoder(Accepted).decode([message.value for message in found])
    assert decoded.rejections == []
    assert [event.customer_id for event in decoded.events] == keys


def test_events_of_a_customer_keep_their_order(settings):
    with publishing(settings) as publisher:
        for i in range(200):
            publisher.publish("orders", order(i, customer_id="C-1042"))
    assert [json.loads(message.value)["order_id"] for message in messages(settings, "orders")] == [
        f"o{i}" for i in range(200)
    ]


@pytest.mark.parametrize("topic", INPUTS)
def test_dict_is_published_as_the_event_it_describes(settings, topic):
    with publishing(settings) as publisher:
        publisher.publish(topic, EXAMPLES[topic])
    (message,) = messages(settings, topic)
    assert message.key == b"C-1042"
    model = INPUTS[topic]
    assert model.model_validate_json(message.value) == model.model_validate_json(json.dumps(EXAMPLES[topic]))


def test_dict_may_hold_pythons_own_times_and_decimals(settings):
    fields = {"event_id": "e", "customer_id": "c", "occurred_at": NOW, "order_id": "o", "currency": "EUR"}
    with publishing(settings) as publisher:
        publisher.publish("orders", fields | {"amount": Decimal("0.10")})
    (message,) = messages(settings, "orders")
    assert json.loads(message.value) == fields | {
        "occurred_at": "2026-03-14T09:26:53Z", "amount": "0.10"
    }  # fmt: skip


def test_what_is_not_valid_is_refused_and_not_sent(settings):
    with publishing(settings) as publisher:
        for change in ({"amount": -1}, {"occurred_at": NOW.replace(tzinfo=None)}):
            with pytest.raises(EventInvalid):
                publisher.publish("orders", EXAMPLES["orders"] | change)
        for topic in ("segment-changes", "order"):
            with pytest.raises(EventInvalid, match=topic):
                publisher.publish(topic, order(1))
    assert messages(settings, "orders") == []


def test_flush_waits_for_the_acknowledgements(settings):
    with publishing(settings, linger_ms=60_000) as publisher:
        publisher.publish("orders", order(1))
        publisher.flush()
        assert len(messages(settings, "orders")) == 1


def test_event_that_is_too_large_surfaces(settings):
    with publishing(settings, max_request_size=1_000) as publisher:
        with pytest.raises(PublishFailed, match="orders"):
            publisher.publish("orders", order(1, items=[{"sku": "x" * 100, "quantity": 1}] * 20))
        publisher.publish("orders", order(2))
    assert [message.key for message in messages(settings, "orders")] == [b"C-2"]


def test_topic_that_does_not_exist_surfaces_and_is_not_created(kafka, kafka_choice, topic_prefix):
    if not kafka_choice.apache:
        pytest.skip(f"{kafka_choice.name} creates every topic that it is asked about")
    absent = KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=PARTITIONS)
    with pytest.raises(PublishFailed), publishing(absent, max_block_ms=1_000) as publisher:  # noqa: PT012
        publisher.publish("orders", order(1))
        publisher.flush()
    assert set(create_topics(kafka, topic_specs(absent))) == {spec.name for spec in topic_specs(absent)}


@pytest.mark.usefixtures("refused_connections")
def test_failure_to_deliver_surfaces_with_the_next_event_or_at_the_end(own_kafka, topic_prefix):
    broker = own_kafka()
    settings = settings_with_topics(broker.bootstrap, topic_prefix)
    with publishing(settings) as patient:  # a new broker needs its time for its first event
        patient.publish("orders", order(0))
    impatient = {"delivery_timeout_ms": 4_000, "request_timeout_ms": 2_000, "linger_ms": 0, "max_block_ms": 4_000}
    publisher = publishing(settings, **impatient)
    publisher.publish("orders", order(1))
    publisher.flush()
    broker.kill()
    publisher.publish("orders", order(2))
    with pytest.raises(PublishFailed, match="Kafka did not take an event"):
        publisher.flush(timeout_s=60)
    publisher.publish("orders", order(3))
    with pytest.raises(PublishFailed):
        publisher.close()


def test_no_broker_surfaces_at_once():
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(PublishFailed, match=f"no Kafka broker answers at {address}"):
            Publisher(address)
