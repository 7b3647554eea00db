"""A customer's letters are deleted on either broker without a touch of the others."""

import base64
import json
from datetime import UTC, datetime

import pytest

from cli.local.embedded import start_tansu
from consumers.broker.kafka_sink import KafkaSink, SinkFailed
from consumers.dead_letters.letter import RejectedMessage
from consumers.dead_letters.sealed_values import SealedValues
from consumers.dead_letters.stored_letters import DeadLetterLog
from consumers.entries.entry_log import EntryLog
from consumers.runtime.letter_sending import LetterSender
from consumers.runtime.partition_batch import PartitionBatch
from events.settings import KafkaSettings
from events.time_units import DAY_MS
from events.topics.administration import create_topics
from events.topics.partitioning import partition_of
from events.topics.specs import topic_specs
from state.erasures.erased_customers import ErasureQueue, OpenErasures, read_erased_customers
from state.erasures.tombstone_fence import TombstoneFence
from state.store import keys
from stream.erasure.erase_everywhere import ErasureRequests
from tests.building import topic_slice

OTHERS = 450
NOW_MS = int(datetime(2026, 11, 30, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(params=["the broker of all tests", "the embedded broker"])
def settings(request, topic_prefix, tmp_path):
    if request.param == "the embedded broker":
        broker = start_tansu(tmp_path)
        yield _settings(broker.bootstrap, topic_prefix)
        broker.stop()
    else:
        yield _settings(request.getfixturevalue("kafka"), topic_prefix)


def _settings(address, topic_prefix):
    found = KafkaSettings(kafka=address, topic_prefix=topic_prefix, partitions=2)
    create_topics(address, topic_specs(found))
    return found


class Outbox:
    """Sends at once, as a committer does with what goes elsewhere."""

    def __init__(self, settings):
        self._sink = KafkaSink(settings)
        self.at_confirm = lambda: None

    def send_elsewhere(self, topic, key, value, partition=-1, headers=None):
        self._sink.send(topic, key, value)

    def confirm(self):
        self.at_confirm()
        self._sink.flush()


@pytest.fixture
def outbox(settings):
    return Outbox(settings)


def rejected(settings, values, key=b"k"):
    messages = topic_slice(settings.topic("orders"), [(0, offset, key, value) for offset, value in enumerate(values)])
    return [RejectedMessage(messages, place, "odd") for place in range(len(values))]


def sender(redis, settings, days=30):
    return LetterSender(settings.topic_prefix, TombstoneFence(redis, 2), SealedValues(redis, days))


def send(redis, settings, outbox, values):
    letters, batch = sender(redis, settings), PartitionBatch(0)
    letters.recall(letters.send(batch, rejected(settings, values), outbox, NOW_MS), outbox)
    outbox.confirm()
    return batch.outcome_counts


def of(customer_id):
    return json.dumps({"customer_id": customer_id, "amount": "much"}).encode()


def erase(redis, customer_id):
    """Do what the worker of the customer's partition does, as far as it matters here."""
    home = partition_of(customer_id, 2)
    redis.sadd(keys.erased(home), read_erased_customers(redis, home).digest(customer_id))
    for place in range(2):
        redis.srem(keys.erasing(place), customer_id)


def messages(settings, redis):
    return list(DeadLetterLog(settings, redis)._messages({(settings.topic("dead-letters"), 0): 0}))


def test_deleting_is_one_message_a_letter_and_other_letters_stay(redis, settings, outbox):
    send(redis, settings, outbox, [*(of(f"c{n}") for n in range(OTHERS)), of("anna"), b"{'customer_id': 'anna'}"])
    log, before = DeadLetterLog(settings, redis), len(messages(settings, redis))
    assert log.count() == OTHERS + 2
    for _ in range(3):
        log.erase_customer("anna", lambda: KafkaSink(settings))
    assert [each.value for each in messages(settings, redis)[before:]] == [None, None]
    assert log.count() == OTHERS
    fresh = DeadLetterLog(settings, redis)
    for found in (fresh.read(), fresh.latest(1_000), fresh.page(1_000, before).letters, list(fresh.each("orders"))):
        assert len(found) == OTHERS
        assert not any(b"anna" in each.value for each in found)
    redis.delete(keys.DELETED_LETTERS)
    assert len(fresh.page(1_000, before).letters) == OTHERS, "a Redis that lost it is told by the topic"
    assert fresh.count() == OTHERS


def test_an_erasure_that_fails_does_not_hold_up_another(redis, settings, outbox, monkeypatch):
    send(redis, settings, outbox, [of("anna"), of("bert"), of("carl")])
    requests = ErasureRequests(redis, settings, lambda: KafkaSink(settings), EntryLog(settings, redis))
    for at_ms, each in enumerate(("anna", "bert", "carl")):
        requests.request(each, at_ms)
        erase(redis, each)
    assert not ErasureQueue(redis).waiting(range(2))
    whole = DeadLetterLog.erase_customer

    def fails_for_anna(self, customer_id, sink):
        if customer_id == "anna":
            raise SinkFailed("Kafka did not take it")
        return whole(self, customer_id, sink)

    with monkeypatch.context() as broken:
        broken.setattr(DeadLetterLog, "erase_customer", fails_for_anna)
        with pytest.raises(SinkFailed):
            requests.finish_open()
    assert set(OpenErasures(redis).all()) == {"anna"}
    assert requests.finish_open() == 1
    assert DeadLetterLog(settings, redis).count() == 0


def test_who_is_erased_gets_no_letter_any_more(redis, settings, outbox):
    erase(redis, "anna")
    counts = send(
        redis, settings, outbox, [of("anna"), b'{"customer_id":"\\u0061nna"}', b"customer_id=anna", of("bert")]
    )
    assert [each.value for each in DeadLetterLog(settings, redis).read()] == [of("bert")]
    assert counts == {"orders:dead_lettered": -3, "orders:erased": 3}


def test_a_letter_that_was_on_its_way_during_the_erasure_is_taken_back(redis, settings, outbox):
    outbox.at_confirm = lambda: erase(redis, "anna")
    send(redis, settings, outbox, [of("anna"), of("bert")])
    assert [each.value for each in DeadLetterLog(settings, redis).read()] == [of("bert")]


def test_bytes_that_nobody_understands_are_read_only_while_their_key_is_there(redis, settings, outbox):
    secret = b"\x1f\x8b\x08 anna, compressed"
    send(redis, settings, outbox, [secret, of("bert")])
    (key,) = redis.keys("dead-letters:key:*")
    assert 30 * 86_400 < redis.ttl(key) <= 31 * 86_400
    raw = [each.value for each in messages(settings, redis)]
    assert not any(base64.b64encode(secret) in each or b"anna" in each for each in raw)
    assert [each.value for each in DeadLetterLog(settings, redis).read()] == [secret, of("bert")]
    redis.delete(key)
    assert [each.value for each in DeadLetterLog(settings, redis).read()] == [None, of("bert")]


def test_with_no_days_nothing_of_them_is_kept(redis):
    assert SealedValues(redis, 0).seal(b"x", NOW_MS) is None
    sealed = SealedValues(redis, 1).seal(b"x", NOW_MS)
    assert SealedValues(redis).open(sealed, NOW_MS) == b"x"
    assert SealedValues(redis).open(sealed, NOW_MS + DAY_MS) is None
    assert SealedValues(redis).open("no token", NOW_MS) is None


def test_a_key_that_redis_has_lost_is_given_back_and_one_that_it_has_made_anew_is_taken(redis):
    sealing, reading = SealedValues(redis, 1), SealedValues(redis)
    first = sealing.seal(b"x", NOW_MS)
    assert reading.open(first, NOW_MS) == b"x"
    redis.flushdb()
    sealing.agree_on_key(NOW_MS)
    assert SealedValues(redis).open(sealing.seal(b"y", NOW_MS), NOW_MS) == b"y"
    redis.flushdb()
    other = SealedValues(redis, 1).seal(b"z", NOW_MS)
    sealing.agree_on_key(NOW_MS)
    assert SealedValues(redis).open(sealing.seal(b"y", NOW_MS), NOW_MS) == b"y"
    assert reading.open(other, NOW_MS) == b"z", "also by who knew another key of that day"
