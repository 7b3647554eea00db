"""Where the triggers read on, on a real broker whose topic may be shortened, or be another one."""

import time

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from events.settings import KafkaSettings
from state.campaigns.deliveries import DeliveryStore
from state.partitions.accepted_gaps import AcceptedGaps
from state.store import keys
from stream.campaigns.change_positions import ChangePositions
from tests.waiting import until

HOUR_MS = 3_600_000
OLD_MS = 1_000_000_000_000


@pytest.fixture
def broker(kafka, topic_prefix, redis):
    return Changes(KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=2), redis)


class Changes:
    """A topic `segment-changes` of two partitions, and positions in it."""

    def __init__(self, settings, redis):
        self.settings, self.redis, self.name = settings, redis, settings.topic("segment-changes")
        self.admin = AdminClient({"bootstrap.servers": settings.kafka})
        self.create()

    def create(self):
        self.admin.create_topics([NewTopic(self.name, 2, 1)])[self.name].result()

    def publish(self, partition, count, at_ms=None):
        producer = Producer({"bootstrap.servers": self.settings.kafka})
        for _ in range(count):
            producer.produce(self.name, b"{}", partition=partition, timestamp=at_ms or int(time.time() * 1000))
        assert producer.flush(20) == 0

    def replace(self):
        self.admin.delete_topics([self.name])[self.name].result()
        until(lambda: self.name not in self.admin.list_topics(timeout=10).topics, what="the topic is gone")
        self.create()

    def positions(self):
        return ChangePositions(self.redis, self.settings, DeliveryStore(self.redis, 4), HOUR_MS)

    def read_to(self, *offsets):
        before = DeliveryStore(self.redis, 4).positions(self.name, range(len(offsets)))
        assert DeliveryStore(self.redis, 4).add_read({}, self.name, before, dict(enumerate(offsets)), 1) == 0

    def stored(self):
        return DeliveryStore(self.redis, 4).positions(self.name, [0, 1])


def test_what_was_never_read_is_read_from_where_changes_are_young_enough(broker):
    broker.publish(0, 3, OLD_MS)
    broker.publish(0, 4)
    broker.publish(1, 2, OLD_MS)
    assert broker.positions().find([0, 1]) == {0: (None, 3), 1: (None, 2)}


def test_what_was_read_is_read_on(broker):
    broker.publish(0, 5)
    broker.read_to(2, 0)
    assert broker.positions().find([0, 1]) == {0: (2, 2), 1: (0, 0)}
    assert AcceptedGaps(broker.redis).all() == []


@pytest.mark.durable
def test_what_kafka_has_deleted_unread_is_noted(broker):
    broker.publish(0, 10)
    broker.read_to(2, 0)
    (deleted,) = broker.admin.delete_records([TopicPartition(broker.name, 0, 7)]).values()
    deleted.result()
    assert broker.positions().find([0, 1]) == {0: (7, 7), 1: (0, 0)}
    assert broker.stored() == {0: 7, 1: 0}
    (gap,) = AcceptedGaps(broker.redis).all()
    assert (gap.group, gap.topic, gap.partition, gap.reason) == ("triggers", "segment-changes", 0, "deleted")
    assert (gap.from_offset, gap.to_offset, gap.by) == (2, 7, "shoal triggers")


def test_offsets_of_a_topic_that_was_created_again_say_nothing_of_the_new_one(broker):
    broker.publish(0, 3)
    positions = broker.positions()
    broker.read_to(3, 0)
    assert positions.find([0, 1])[0] == (3, 3)
    assert not positions.replaced()
    broker.replace()
    broker.publish(0, 2, OLD_MS)
    broker.publish(0, 4)
    until(positions.replaced, what="the running one notices")
    for each in (positions, broker.positions()):
        assert each.find([0, 1]) == {0: (None, 2), 1: (None, 0)}
    broker.read_to(6, 0)
    assert broker.positions().find([0]) == {0: (6, 6)}


def test_offsets_behind_the_end_are_not_waited_for(broker):
    broker.publish(0, 3)
    broker.read_to(50, 0)
    assert broker.positions().find([0, 1]) == {0: (None, 0), 1: (0, 0)}
    assert broker.stored() == {0: None, 1: 0}
    assert broker.redis.hexists(keys.logs(0, keys.TRIGGERS_GROUP), broker.name)
