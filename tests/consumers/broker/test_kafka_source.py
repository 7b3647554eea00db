"""What a worker tells Kafka: how far it is, for tools that watch the lag."""

import pytest
from confluent_kafka import Consumer, TopicPartition

from state.store.keys import SEGMENTS_GROUP
from tests.shop import order
from tests.waiting import PATIENCE_S


@pytest.fixture
def committed(service):
    """Reads what the group has committed, by topic and partition."""
    consumer = Consumer(
        {"bootstrap.servers": service.kafka.kafka, "group.id": service.kafka.topic(SEGMENTS_GROUP), "log_level": 0}
    )

    def read(places):
        found = consumer.committed([TopicPartition(*place) for place in places], timeout=60)
        return {(each.topic, each.partition): each.offset for each in found if each.offset > 0}

    yield read
    consumer.close()


def orders(first, count):
    return [order(f"c{i % 40}", "2026-01-01T10:00:00Z", event_id=f"o{i}") for i in range(first, first + count)]


def test_kafka_is_told_how_far_the_worker_is_while_it_runs_and_when_it_ends(service, committed):
    worker = service.worker()
    for first in (0, 300):
        service.publish(orders(first, 300))
        ends = {place: end for place, end in service.until_processed().items() if end}
        service.until(lambda ends=ends: committed(ends) == ends, what=f"Kafka knows of {ends}")
    service.publish(orders(600, 300))
    ends = {place: end for place, end in service.until_processed().items() if end}
    worker.stop(PATIENCE_S)
    assert committed(ends) == ends
