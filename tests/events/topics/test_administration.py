"""Topics are created once, compared with the plan, and a broker that does not answer is found out soon."""

import socket
from contextlib import closing

import pytest

from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable, TopicCheck, TopicsMisconfigured, check_topics, create_topics
from events.topics.specs import TopicSpec, topic_specs
from shoal_client import kafka_connection
from tests.waiting import within

SOON_S = 10


@pytest.fixture
def specs(topic_prefix):
    return topic_specs(KafkaSettings(topic_prefix=topic_prefix, partitions=3))


@pytest.fixture
def closed_port():
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.fixture
def mute_port():
    """A port that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_created_topics_are_as_planned(kafka, specs):
    names = [spec.name for spec in specs]
    assert create_topics(kafka, specs) == names
    assert check_topics(kafka, specs) == [TopicCheck(spec.name, "ok", "", spec.partitions) for spec in specs]


def test_topics_that_exist_are_left_as_they_are(kafka, specs, topic_prefix):
    assert create_topics(kafka, specs[:2]) == [spec.name for spec in specs[:2]]
    wider = topic_specs(KafkaSettings(topic_prefix=topic_prefix, partitions=5))
    assert create_topics(kafka, wider) == [spec.name for spec in wider[2:]]
    assert create_topics(kafka, specs) == []
    assert [each.state for each in check_topics(kafka, specs)[:3]] == ["ok", "ok", "differs"]


def test_missing_topics_are_found(kafka, specs):
    create_topics(kafka, specs[1:])
    missing, *others = check_topics(kafka, specs)
    assert missing == TopicCheck(specs[0].name, "missing", "run `shoal topics create`")
    assert {each.state for each in others} == {"ok"}


def test_wrong_number_of_partitions_is_found(kafka, topic_prefix):
    create_topics(kafka, [TopicSpec(f"{topic_prefix}orders", 2, 1)])
    (found,) = check_topics(kafka, [TopicSpec(f"{topic_prefix}orders", 8, 1)])
    assert found == TopicCheck(f"{topic_prefix}orders", "differs", "2 partitions, not 8", 2)


def test_wrong_settings_are_found(kafka, kafka_choice, topic_prefix):
    if not kafka_choice.apache:
        pytest.skip(f"{kafka_choice.name} does not report every setting")
    name = f"{topic_prefix}orders"
    create_topics(kafka, [TopicSpec(name, 1, 1, {"retention.ms": "60000"})])
    (found,) = check_topics(kafka, [TopicSpec(name, 1, 1, {"retention.ms": "90000", "cleanup.policy": "delete"})])
    wrong = {"retention.ms": "90000"}
    assert found == TopicCheck(name, "differs", "retention.ms is 60000, not 90000", found.partitions, wrong)


def test_refusal_by_the_cluster_names_the_topic(kafka, kafka_choice, topic_prefix):
    if not kafka_choice.apache:
        pytest.skip(f"{kafka_choice.name} takes any number of replicas")
    with pytest.raises(TopicsMisconfigured, match=f"the cluster refused topic {topic_prefix}orders: .*[Rr]eplication"):
        create_topics(kafka, [TopicSpec(f"{topic_prefix}orders", 1, 7)])


@pytest.mark.parametrize("call", [create_topics, check_topics])
def test_broker_that_is_not_there_is_reported_at_once_with_its_address(call, closed_port, specs):
    address = f"127.0.0.1:{closed_port}"
    said = f"no Kafka broker answers at {address} .*refused.*SHOAL_KAFKA"
    with within(SOON_S), pytest.raises(KafkaUnreachable, match=said) as caught:
        call(address, specs)
    assert caught.value.bootstrap == address
    assert caught.value.retriable


def test_server_that_is_no_broker_is_reported_soon(mute_port, specs, monkeypatch):
    assert kafka_connection.BOOTSTRAP_TIMEOUT_MS <= SOON_S * 1000
    monkeypatch.setattr(kafka_connection, "BOOTSTRAP_TIMEOUT_MS", 1_000)
    with within(SOON_S), pytest.raises(KafkaUnreachable, match=f"127.0.0.1:{mute_port}"):
        check_topics(f"127.0.0.1:{mute_port}", specs)


@pytest.mark.parametrize("address", ["", "127.0.0.1:port", "127.0.0.1:99999", ":9092"])
def test_address_that_is_none_is_reported_as_it_was_given(address, specs):
    with pytest.raises(KafkaUnreachable) as caught:
        check_topics(address, specs)
    assert f"answers at {address} (" in str(caught.value)


@pytest.mark.usefixtures("refused_connections")
def test_one_of_several_addresses_is_enough(kafka, closed_port, specs):
    assert {each.state for each in check_topics(f"127.0.0.1:{closed_port},{kafka}", specs)} == {"missing"}
