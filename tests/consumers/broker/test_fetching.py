"""Fetching into columns, by librdkafka's queue and message by message, on a real broker."""

import importlib.util
import os
import time

import numpy as np
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from consumers.broker import queue_fetching
from consumers.broker.fetched import Fetched
from consumers.broker.fetching import MessageFetching, open_fetching
from consumers.broker.queue_fetching import QueueFetching

compiled = pytest.mark.skipif(
    "CI" not in os.environ and importlib.util.find_spec("consumers.broker.consume_queue") is None,
    reason="a machine may have no C compiler",
)


@pytest.fixture(params=[pytest.param("queue", marks=compiled), "messages"])
def fetching(request, settings):
    chosen = options(settings)
    opened = QueueFetching.opened(chosen) if request.param == "queue" else MessageFetching(Consumer(chosen))
    yield opened
    opened.close()


def options(settings, **others):
    return {
        "bootstrap.servers": settings.kafka,
        "group.id": settings.topic("group"),
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "session.timeout.ms": 6_000,
        **others,
    }


def publish(kafka, messages):
    """Publish (topic, partition, key, value)."""
    producer = Producer({"bootstrap.servers": kafka})
    for topic, partition, key, value in messages:
        producer.produce(topic, value, key, partition)
    assert producer.flush(30) == 0


def assign(fetching, offsets):
    """Read from the offset of each place."""
    fetching.assign([TopicPartition(*place, offset) for place, offset in offsets.items()])


def until(fetching, done, timeout_s=30.0):
    """Gather until enough has been taken; return all that was."""
    found, deadline = Fetched([], {}, []), time.monotonic() + timeout_s
    while not done(found):
        assert time.monotonic() < deadline, f"only {found} after {timeout_s:g} s"
        fetching.more(1_000, 0.05)
        slices, ends, faults = fetching.take()
        found = Fetched(found.slices + slices, found.ends | ends, found.faults + faults)
    return found


def messages_of(found):
    return [
        (each.topic, partition, offset, key, value)
        for each in found.slices
        for partition, offset, key, value in zip(
            each.partitions.tolist(), each.offsets.tolist(), each.keys, each.values, strict=True
        )
    ]


@compiled
def test_the_quicker_way_is_taken(settings):
    fetching = open_fetching(options(settings))
    fetching.close()
    assert isinstance(fetching, QueueFetching)


def test_the_other_way_is_taken_where_librdkafka_cannot_be_reached(settings, monkeypatch):
    monkeypatch.setattr(queue_fetching, "consume_queue", None)
    fetching = open_fetching(options(settings))
    fetching.close()
    assert isinstance(fetching, MessageFetching)


@compiled
def test_a_message_that_came_by_the_consumers_own_queue_is_a_lasting_fault(settings):
    orders = settings.topic("orders")
    publish(settings.kafka, [(orders, 0, b"k", b"v")])
    fetching = QueueFetching.opened(options(settings))
    fetching.consumer.assign([TopicPartition(orders, 0, 0)])  # without being led here
    fault = until(fetching, lambda found: found.faults).faults[0]
    fetching.close()
    assert fault.partition == (orders, 0)
    assert fault.error.fatal()


def test_messages_of_all_places_come_in_columns_with_where_they_end(fetching, settings):
    orders, sessions = settings.topic("orders"), settings.topic("web-sessions")
    sent = [(orders, i % 2, b"k%d" % i, b"v%d" % i) for i in range(9)]
    sent += [(sessions, 1, None, b"no key"), (sessions, 1, b"no value", None), (sessions, 1, b"", b"")]
    publish(settings.kafka, sent)
    places = [(topic, partition) for topic in (orders, sessions) for partition in (0, 1)]
    assign(fetching, dict.fromkeys(places, OFFSET_BEGINNING))
    found = until(fetching, lambda found: len(found.ends) == 4)
    for place in places:
        mine = [(key, value) for *at, key, value in sent if tuple(at) == place]
        expected = [(*place, offset, *message) for offset, message in enumerate(mine)]
        assert [message for message in messages_of(found) if message[:2] == place] == expected
    assert found.ends == {(orders, 0): 5, (orders, 1): 4, (sessions, 0): 0, (sessions, 1): 3}
    assert found.faults == []


def test_topics_come_in_the_order_of_their_names_each_once(fetching, settings):
    topics = [settings.topic(name) for name in ("web-sessions", "orders", "customers")]
    publish(settings.kafka, [(topic, 0, b"k", b"%d" % i) for i in range(3) for topic in topics])
    assign(fetching, {(topic, 0): 0 for topic in topics})
    deadline = time.monotonic() + 30
    while fetching.more(100, 0.05) < 9 + 3:  # with three ends
        assert time.monotonic() < deadline
    assert [(each.topic, list(each.values)) for each in fetching.take().slices] == [
        (topic, [b"0", b"1", b"2"]) for topic in sorted(topics)
    ]
    assert fetching.take() == ([], {}, [])


def test_no_more_than_the_limit_comes_and_the_rest_comes_later(fetching, settings):
    orders = settings.topic("orders")
    publish(settings.kafka, [(orders, 0, b"k", b"%d" % i) for i in range(50)])
    assign(fetching, {(orders, 0): 10})
    deadline = time.monotonic() + 30
    while (count := fetching.more(7, 0.05)) < 7:
        assert time.monotonic() < deadline
    assert count == fetching.more(7, 0.0) == fetching.more(3, 0.0) == 7
    first = messages_of(fetching.take())
    later = messages_of(until(fetching, lambda found: found.ends))
    assert [offset for _, _, offset, _, _ in first + later] == list(range(10, 50))


def test_after_a_seek_nothing_comes_from_before_it(fetching, settings):
    orders = settings.topic("orders")
    publish(settings.kafka, [(orders, 0, b"k", b"%d" % i) for i in range(50)])
    assign(fetching, {(orders, 0): 0})
    until(fetching, lambda found: found.slices)
    fetching.more(5, 0.2)
    fetching.drop()
    fetching.consumer.seek(TopicPartition(orders, 0, 30))
    found = until(fetching, lambda found: (orders, 0) in found.ends and found.slices)
    assert [offset for _, _, offset, _, _ in messages_of(found)] == list(range(30, 50))


def test_a_paused_place_is_silent_until_it_is_resumed(fetching, settings):
    orders = settings.topic("orders")
    places = [TopicPartition(orders, 0), TopicPartition(orders, 1)]
    publish(settings.kafka, [(orders, i % 2, b"k", b"%d" % i) for i in range(20)])
    assign(fetching, {(orders, 0): 0, (orders, 1): 0})
    fetching.consumer.pause(places[:1])
    found = until(fetching, lambda found: (orders, 1) in found.ends)
    assert {partition for _, partition, *_ in messages_of(found)} == {1}
    fetching.consumer.resume(places[:1])
    found = until(fetching, lambda found: (orders, 0) in found.ends)
    assert [offset for _, _, offset, _, _ in messages_of(found)] == list(range(10))


def test_an_offset_that_kafka_does_not_have_is_a_fault_of_that_place(fetching, settings):
    orders = settings.topic("orders")
    publish(settings.kafka, [(orders, 0, b"k", b"v")])
    assign(fetching, {(orders, 0): 1_000_000})
    (fault,) = until(fetching, lambda found: found.faults).faults
    assert (fault.partition, fault.error.code()) == ((orders, 0), KafkaError._AUTO_OFFSET_RESET)
    assert fault.error.str()


def test_a_rebalance_takes_place_while_more_is_asked_for(fetching, settings):
    orders, given = settings.topic("orders"), []

    def take_over(_consumer, assigned):
        given.extend(position.partition for position in assigned)
        assign(fetching, {(position.topic, position.partition): 0 for position in assigned})

    publish(settings.kafka, [(orders, i % 2, b"k", b"%d" % i) for i in range(6)])
    fetching.consumer.subscribe([orders], on_assign=take_over)
    found = until(fetching, lambda found: len(found.ends) == 2)
    assert sorted(given) == [0, 1]
    assert len(messages_of(found)) == 6


def test_what_the_whole_topic_suffers_from_is_a_fault(fetching, settings):
    fetching.consumer.subscribe([settings.topic("there-is-no-such")])
    (fault,) = until(fetching, lambda found: found.faults).faults[:1]
    assert fault.partition[0] == settings.topic("there-is-no-such")
    assert fault.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_it_closes_with_messages_in_hand(fetching, settings):
    orders = settings.topic("orders")
    publish(settings.kafka, [(orders, 0, b"k", b"v" * 1_000) for _ in range(2_000)])
    assign(fetching, {(orders, 0): 0})
    deadline = time.monotonic() + 30
    while fetching.more(100, 0.05) < 100:
        assert time.monotonic() < deadline
    fetching.close()
    fetching.drop()
    with pytest.raises(RuntimeError, match="closed"):
        fetching.more(200, 0.0)


def test_headers_come_with_their_messages_as_they_are(fetching, settings):
    orders, sessions = settings.topic("orders"), settings.topic("web-sessions")
    given = [[("trace", b"\x00a"), ("trace", b"2"), ("é", b"")], [], [("none", None)], [("long", b"x" * 70_000)]]
    producer = Producer({"bootstrap.servers": settings.kafka})
    for headers in given:
        producer.produce(orders, b"v", b"k", 0, headers=headers or None)
    producer.produce(sessions, b"v", b"k", 0)
    assert producer.flush(30) == 0
    assign(fetching, {(orders, 0): 0, (sessions, 0): 0})
    found = until(fetching, lambda found: len(found.ends) == 2)
    messages = [each for each in found.slices if each.topic == orders]
    assert [part.headers(i) for part in messages for i in range(len(part.offsets))] == given
    assert messages[0].take(np.array([0])).headers(0) == given[0]
    assert [each.packed_headers for each in found.slices if each.topic == sessions] == [None]
