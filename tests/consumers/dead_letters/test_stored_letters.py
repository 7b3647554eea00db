"""The newest letters are found from the end of the topic backwards, however many there are."""

import base64
import time
from datetime import UTC, datetime

import pytest

from consumers.broker.kafka_sink import KafkaSink
from consumers.dead_letters.stored_letters import DeadLetterLog
from events.schema.outputs import DeadLetter
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.specs import topic_specs

MANY = 200_000


@pytest.fixture
def settings(kafka, topic_prefix):
    found = KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=2)
    create_topics(kafka, topic_specs(found))
    return found


@pytest.fixture
def log(settings, redis):
    return DeadLetterLog(settings, redis)


@pytest.fixture
def refuse(settings):
    """Puts letters about a topic's events into the topic, by offset."""
    sink = KafkaSink(settings, timeout_s=120.0)

    def put(topic, offsets):
        value = base64.b64encode(b'{"order_id": "x", "amount": "much"}' * 5).decode()
        for offset in offsets:
            letter = DeadLetter(
                topic=settings.topic(topic), partition=0, offset=offset, reason="amount: should be a number", key=None,
                value=value, dead_lettered_at=datetime(2026, 1, 1, tzinfo=UTC),
            )  # fmt: skip
            sink.send("dead-letters", f"{letter.topic}/0/{offset}".encode(), letter.model_dump_json().encode())
        sink.flush()

    return put


def offsets(letters):
    return [each.letter.offset for each in letters]


def test_the_newest_come_in_their_order_each_once(log, refuse):
    assert log.latest(5) == []
    assert log.count() == 0
    refuse("orders", range(2_500))
    refuse("web-sessions", range(3))
    refuse("orders", [2_498, 2_499])  # a crash may leave letters twice
    assert offsets(log.latest(2)) == [2_498, 2_499]
    assert offsets(log.latest(5)) == [0, 1, 2, 2_498, 2_499]
    assert offsets(log.latest(7, "orders")) == list(range(2_493, 2_500))
    assert offsets(log.latest(10, "web-sessions")) == [0, 1, 2]
    assert offsets(log.latest(1_000_000, "orders")) == list(range(2_500))
    assert (log.count(), log.count("orders"), log.count("web-sessions")) == (2_505, 2_502, 3)


def test_what_is_no_letter_is_not_counted(log, refuse, settings):
    refuse("orders", range(3))
    sink = KafkaSink(settings)
    sink.send("dead-letters", b"odd", b"not a letter")
    sink.flush()
    refuse("orders", range(3, 5))
    assert offsets(log.latest(10)) == [0, 1, 2, 3, 4]
    assert log.count() == 5


@pytest.mark.long
@pytest.mark.slow
def test_fifty_of_two_hundred_thousand_are_found_at_once(log, refuse):
    refuse("web-sessions", range(10))
    refuse("orders", range(MANY))
    began = time.process_time()
    assert offsets(log.latest(50)) == list(range(MANY - 50, MANY))
    assert log.count() == MANY + 10
    newest_s, began = time.process_time() - began, time.process_time()
    assert offsets(log.latest(50, "web-sessions")) == list(range(10))
    of_a_topic_s = time.process_time() - began
    assert (newest_s < 1.0, of_a_topic_s < 5.0) == (True, True), (newest_s, of_a_topic_s)
