"""A one-node Apache Kafka starts, carries messages, and comes back with them after a stop and after a kill."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from cli.local.embedded import KafkaBroker, ProgramMissing, ServiceFailed, start_apache_kafka
from cli.local.embedded.free_ports import port_open
from tests.brokers import apache_classpath
from tests.cli.local.embedded.orphans import dies_with_its_parent
from tests.cli.local.embedded.round_trip import consume, create_topic, produce

pytestmark = [pytest.mark.slow, pytest.mark.durable]

OwnKafka = Callable[..., KafkaBroker]


def setting(broker: KafkaBroker, name: str) -> str | None:
    resource = ConfigResource(ResourceType.BROKER, "1")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    return admin.describe_configs([resource])[resource].result(20)[name].value


def test_messages_survive_a_kill_and_a_new_broker_on_the_directory(own_kafka: OwnKafka, topic_prefix: str) -> None:
    broker = own_kafka(**{"broker.session.timeout.ms": "1000"})
    address, cluster_id = broker.bootstrap, broker.cluster_id
    topic = f"{topic_prefix}orders"
    create_topic(address, topic)
    produce(address, topic, b"one", b"two")

    broker.kill()
    assert not port_open(broker.port)
    broker.start()
    assert (broker.bootstrap, broker.cluster_id) == (address, cluster_id)
    produce(address, topic, b"three")

    broker.stop()
    with start_apache_kafka(broker.directory, classpath=apache_classpath()) as successor:
        assert successor.cluster_id == cluster_id
        assert consume(successor.bootstrap, topic, 3) == [b"one", b"two", b"three"]


def test_settings_of_the_caller_come_on_top(own_kafka: OwnKafka) -> None:
    broker = own_kafka(**{"log.retention.ms": "12345", "message.max.bytes": "1000000"})
    assert setting(broker, "log.retention.ms") == "12345"
    assert setting(broker, "message.max.bytes") == "1000000"
    assert setting(broker, "auto.create.topics.enable") == "false"


def test_a_wrong_setting_is_told_by_the_end_of_the_log(own_kafka: OwnKafka) -> None:
    with pytest.raises(ServiceFailed, match=r"log\.retention\.ms") as failure:
        own_kafka(**{"log.retention.ms": "a week"})
    assert failure.value.exit_code == 1
    assert failure.value.log.name == "kafka.log"


def test_without_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ProgramMissing, match="install Java 17"):
        start_apache_kafka(tmp_path, classpath="nothing")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    classpath = apache_classpath()
    assert dies_with_its_parent(f"embedded.start_apache_kafka(Path({str(tmp_path)!r}), classpath={classpath!r})")
