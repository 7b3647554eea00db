"""Erasures have one salt; another is refused and reported, wherever it is on the topic and whatever Redis has lost."""

import pytest

from consumers.broker.kafka_sink import KafkaSink
from consumers.history.erasure_log import ErasureLog
from events.schema.outputs import Erasure
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.specs import topic_specs
from state.erasures.erased_customers import ErasedCustomers, agree_on_salt, read_erased_customers
from state.store import keys
from tests.building import NOW

OURS, THEIRS = b"\x01" * 16, b"\x02" * 16


@pytest.fixture
def settings(kafka, topic_prefix):
    found = KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=2)
    create_topics(kafka, topic_specs(found))
    return found


@pytest.fixture
def publish(settings):
    sink = KafkaSink(settings)

    def put(*erasures):
        for customer_id, salt in erasures:
            digest = ErasedCustomers(salt).digest(customer_id).hex()
            erasure = Erasure(partition=1, digest=digest, salt=salt.hex(), erased_at=NOW)
            sink.send("erasures", digest.encode(), erasure.model_dump_json().encode())
        sink.flush()

    return put


def digest(customer_id, salt=OURS):
    return ErasedCustomers(salt).digest(customer_id)


@pytest.mark.parametrize("forged", ["first", "between", "last"])
def test_another_salt_is_refused_and_reported_once(redis, settings, publish, forged):
    messages = [("anna", OURS), ("bert", OURS)]
    messages.insert({"first": 0, "between": 1, "last": 2}[forged], ("carl", THEIRS))
    publish(*messages)
    redis.hset(keys.FORMAT, "erasure_salt", OURS.hex())
    redis.sadd(keys.erased(1), digest("anna"))
    reported = []
    log = ErasureLog(settings, lambda *where: reported.append(where))
    log.read()
    log.keep_to(agree_on_salt(redis, log.salt, 2))
    assert log.erased_in(1) == {digest("anna"), digest("bert")}
    assert log.erased_anywhere() == log.erased_in(1)
    assert "anna" in read_erased_customers(redis, 1)
    refused = [where for where in reported if where[2] == [0, 1, 2][messages.index(("carl", THEIRS))]]
    assert len(refused) == 1
    assert refused[0][3].startswith("salt")


def test_an_emptied_redis_has_the_first_salt_of_the_topic(redis, settings, publish):
    publish(("anna", OURS), ("carl", THEIRS))
    read_erased_customers(redis, 1)  # makes a salt of its own
    log = ErasureLog(settings)
    log.read()
    assert agree_on_salt(redis, log.salt, 2) == OURS
    assert read_erased_customers(redis, 1).salt == OURS
    assert log.erased_in(1) == {digest("anna")}


def test_a_salt_that_has_tombstones_stays(redis):
    assert agree_on_salt(redis, OURS, 2) == OURS
    redis.sadd(keys.erased(0), digest("anna"))
    assert agree_on_salt(redis, THEIRS, 2) == OURS
    assert read_erased_customers(redis, 0).salt == OURS
