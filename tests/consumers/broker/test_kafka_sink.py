"""The sink on a real broker, by batches and message by message: all arrives in order, or is known not to."""

import importlib.util
import os

import pytest

from consumers.broker import batch_producer
from consumers.broker import kafka_sink as sink_module
from consumers.broker.kafka_sink import KafkaSink, SinkFailed
from consumers.broker.topic_reader import TopicReader
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.partitioning import partitions_of
from events.topics.specs import topic_specs


@pytest.fixture(params=["at once", "one by one"])
def open_sink(request, monkeypatch):
    """Opens a sink that sends many messages in this way."""
    if request.param == "one by one":
        monkeypatch.setattr(batch_producer, "MessageBatches", None)
    elif "CI" not in os.environ and importlib.util.find_spec("consumers.broker.produce_batch") is None:
        pytest.skip("a machine may have no C compiler")
    return KafkaSink


def found_in(settings, topic):
    """All messages of a topic by partition, in order."""
    places = {(settings.topic(topic), partition): 0 for partition in range(settings.partitions)}
    found = {partition: [] for _, partition in places}
    with TopicReader(settings, "test") as reader:
        for message in reader.read(places):
            found[message.partition()].append((message.key(), message.value()))
    return found


def test_many_messages_come_in_order_to_the_partitions_of_their_keys(open_sink, settings):
    keys = [f"c{i % 50}" for i in range(3_000)]
    values = [b'{"n": %d}' % i for i in range(3_000)]
    sink = open_sink(settings)
    sink.send_all("segment-changes", keys[:1_000], values[:1_000])
    sink.send_all("segment-changes", keys[1_000:], values[1_000:])
    sink.flush()
    homes = partitions_of(keys, settings.partitions).tolist()
    assert found_in(settings, "segment-changes") == {
        partition: [
            (key.encode(), value) for key, value, home in zip(keys, values, homes, strict=True) if home == partition
        ]
        for partition in range(settings.partitions)
    }


def test_single_messages_and_many_keep_the_order_in_which_they_were_sent(open_sink, settings):
    sink = open_sink(settings)
    for value in (b"0", b"2"):
        sink.send("segment-changes", b"c1", value)
        sink.send_all("segment-changes", ["c1"], [b"%d" % (int(value) + 1)])
    sink.flush()
    found = [value for messages in found_in(settings, "segment-changes").values() for _, value in messages]
    assert found == [b"0", b"1", b"2", b"3"]


def test_nothing_to_send_is_nothing_sent(open_sink, settings):
    sink = open_sink(settings)
    sink.send_all("segment-changes", [], [])
    sink.flush()
    assert not any(found_in(settings, "segment-changes").values())


def test_a_full_queue_is_waited_for(open_sink, settings, monkeypatch):
    monkeypatch.setattr(sink_module, "_QUEUED", 10)
    keys, values = ["c1"] * 100, [b"%d" % i for i in range(100)]
    sink = open_sink(settings)
    sink.send_all("segment-changes", keys, values)
    sink.flush()
    (found,) = filter(None, found_in(settings, "segment-changes").values())
    assert [value for _, value in found] == values


def test_a_message_that_is_too_large_is_refused_at_once(open_sink, settings):
    sink = open_sink(settings)
    with pytest.raises(SinkFailed, match=r"(?i)too large"):
        sink.send_all("segment-changes", ["c1"], [b"x" * (18 << 20)])


@pytest.mark.long
def test_what_no_broker_takes_in_time_is_known(open_sink, own_kafka):
    broker = own_kafka()
    settings = KafkaSettings(kafka=broker.bootstrap, partitions=2)
    create_topics(settings.kafka, topic_specs(settings))
    for timeout_s in (120.0, 5.0):  # the first waits as long as a new broker needs for its first messages
        sink = open_sink(settings, timeout_s=timeout_s)
        sink.send_all("segment-changes", ["c1", "c2"], [b"taken", b"taken too"])
        sink.flush()
    broker.kill()
    sink.send_all("segment-changes", ["c1", "c2"], [b"lost", b"lost too"])
    with pytest.raises(SinkFailed, match="did not take what was sent"):
        sink.flush()


def test_a_message_that_the_broker_refuses_is_known_though_the_others_were_taken(open_sink, settings):
    sink = open_sink(settings)
    sink.send_all("segment-changes", ["c1", "c2"], [b"small", b"x" * (16_900 << 10)])  # more than the topic allows
    with pytest.raises(SinkFailed, match=r"(?i)large"):
        sink.flush()
    sink.send_all("segment-changes", ["c1"], [b"later"])
    sink.flush()
