"""Reading topics to their ends on a real broker: nothing left out, nothing waited for, and no end taken for another."""

import pytest
from confluent_kafka import OFFSET_BEGINNING, Producer

from consumers.broker.consumer_lag import end_offsets
from consumers.broker.topic_reader import TopicReader
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable
from tests.waiting import until


@pytest.fixture
def orders(settings):
    return [(settings.topic("orders"), 0), (settings.topic("orders"), 1)]


def publish(kafka, place, values):
    topic, partition = place
    producer = Producer({"bootstrap.servers": kafka})
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(30) == 0


def read(reader, starts, ends=None):
    return [(message.partition(), message.value()) for message in reader.read(starts, ends)]


def wait_for_marker(reader, place, end):
    """A broker answers a commit once it is decided, and writes the marker into the partition after that."""
    until(lambda: reader.bounds([place])[place][1] >= end, what=f"a marker in {place}")


def test_all_of_each_partition_is_read_and_then_only_what_is_new(settings, kafka, orders):
    publish(kafka, orders[0], [b"a", b"b"])
    publish(kafka, orders[1], [b"c"])
    with TopicReader(settings, "test") as reader:
        assert sorted(read(reader, dict.fromkeys(orders, OFFSET_BEGINNING))) == [(0, b"a"), (0, b"b"), (1, b"c")]
        assert read(reader, {orders[0]: 2}) == []
        publish(kafka, orders[0], [b"d"])
        assert read(reader, {orders[0]: 2}) == [(0, b"d")]


def test_it_does_not_wait_for_more_where_the_given_end_is_reached(settings, kafka, orders):
    publish(kafka, orders[0], [b"a", b"b"])
    with TopicReader(settings, "test") as reader:
        assert read(reader, {orders[0]: 0}, {orders[0]: 2}) == [(0, b"a"), (0, b"b")]


def test_the_end_may_be_a_marker_that_is_no_message(settings, kafka, orders):
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": settings.topic("test")})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(orders[0][0], b"a", partition=0)
    producer.commit_transaction(30)
    with TopicReader(settings, "test") as reader:
        wait_for_marker(reader, orders[0], 2)
        assert read(reader, {orders[0]: 0}) == [(0, b"a")]
        assert reader.bounds(orders[:1]) == {orders[0]: (0, 2)}
    assert end_offsets(settings, ["orders"]) == {orders[0]: 2, orders[1]: 0}


def test_a_broker_that_is_not_there_is_named():
    reader = TopicReader(KafkaSettings(kafka="127.0.0.1:9"), "test")
    with pytest.raises(KafkaUnreachable, match=r"127\.0\.0\.1:9"):
        reader.bounds([("orders", 0)], timeout_s=0.5)
    reader.close()
