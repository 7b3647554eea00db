"""Every service, the command line and the client on an Apache Kafka that lets nobody in without TLS or a user."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.access.api_keys import KeyStore
from api.access.scopes import Scope
from cli.local.embedded import free_port, port_open
from cli.main import app
from consumers.broker.consumer_lag import reported_ends
from consumers.broker.kafka_sink import KafkaSink, SinkRefused
from consumers.broker.refusals import require_access_once
from consumers.history.segment_changes_reader import read_changes
from events.settings import KafkaSettings
from events.topics.administration import create_topics, partition_counts
from events.topics.permissions import SERVICES, permissions_of
from events.topics.required_topics import require_topics
from events.topics.specs import topic_specs
from shoal_client import KafkaRefuses, Publisher, PublishFailed, Shoal
from state.settings import StateSettings
from tests.secured_kafka import LIMITED, USER, SecuredKafka, secured_kafka
from tests.secured_redis import PASSWORD as REDIS_PASSWORD
from tests.secured_redis import SentinelRedis, tls_redis
from tests.service import Service, running
from tests.shop import purchases
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.kafka]
WAYS = ("SSL", "PLAIN", "SCRAM-SHA-512", "OAUTHBEARER")
MARK = "m4rked"
SERVICE_COMMANDS = ("worker", "experiments", "triggers", "batch", "api")


@pytest.fixture(scope="module")
def broker(kafka_choice, tmp_path_factory) -> Iterator[SecuredKafka]:
    if not kafka_choice.apache:
        pytest.skip(f"needs listeners and users; this is {kafka_choice.name}")
    with secured_kafka(tmp_path_factory.mktemp("secured-kafka")) as started:
        yield started


@pytest.fixture
def by(broker, monkeypatch, topic_prefix):
    """Sets the environment for a way of connecting, with changes, and returns the settings that it makes."""

    def connect(way: str, **changes: str) -> KafkaSettings:
        for name in [name for name in os.environ if name.startswith("SHOAL_KAFKA")]:
            monkeypatch.delenv(name)
        for name, value in {**broker.environment(way), "SHOAL_TOPIC_PREFIX": topic_prefix, **changes}.items():
            monkeypatch.setenv(name, value)
        return KafkaSettings()

    return connect


def allow_all(broker: SecuredKafka, prefix: str) -> None:
    """What deploy/README.md gives the user of Shoal: no more is needed."""
    broker.allow(USER, "topic", prefix, "READ", "WRITE", "CREATE", "DELETE", "DESCRIBE_CONFIGS")
    broker.allow(USER, "group", prefix, "READ")


def said_by(*command: str) -> dict:
    ran = CliRunner().invoke(app, [*command, "--json"])
    assert ran.exit_code == 0, (command, ran.output, ran.exception)
    return json.loads(ran.stdout)


@pytest.fixture
def redis_settings(way, broker, redis_database_url, tmp_path) -> Iterator[dict[str, str]]:
    """Another Redis for each way: with TLS and a user of few permissions, a primary that a Sentinel knows, a server."""
    with ExitStack() as stack:
        if way == "PLAIN":
            certificates = broker.certificates
            (password := tmp_path / "redis-password").write_text(REDIS_PASSWORD)
            url = stack.enter_context(tls_redis(tmp_path / "redis", certificates))
            yield {
                "SHOAL_REDIS": url,
                "SHOAL_REDIS_CA": str(certificates.ca),
                "SHOAL_REDIS_PASSWORD_FILE": str(password),
            }
        elif way == "OAUTHBEARER":
            yield {"SHOAL_REDIS": SentinelRedis(tmp_path, stack).url, "SHOAL_REDIS_REPLICA": "sentinel"}
        else:
            yield {"SHOAL_REDIS": redis_database_url}


@pytest.mark.parametrize(
    "way", [way if way == "SCRAM-SHA-512" else pytest.param(way, marks=pytest.mark.long) for way in WAYS]
)
def test_everything_runs_by_each_way(way, broker, by, redis_settings, topic_prefix, tmp_path, monkeypatch):
    allow_all(broker, topic_prefix)
    settings = by(way, SHOAL_PARTITIONS="4")
    for name, value in redis_settings.items():
        monkeypatch.setenv(name, value)
    redis_url = StateSettings().redis
    assert len(said_by("topics", "create")["created"]) == len(topic_specs(settings))
    with running(Service(broker.address("PLAINTEXT"), redis_url, topic_prefix, tmp_path)) as service:
        service.environment |= {name: value for name, value in os.environ.items() if name.startswith("SHOAL_")}
        service.environment |= {"SHOAL_FIRST_CUSTOMERS": "10", "SHOAL_FIRST_HISTORY_DAYS": "0"}
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        port = free_port()
        children = [service.spawn(name) for name in SERVICE_COMMANDS if name != "api"]
        children.append(service.spawn("api", "--port", str(port)))
        said_by("trigger", "add", "t", "--url", "http://127.0.0.1:9/")
        with Publisher(settings.kafka, topic_prefix) as publisher:
            for message in purchases()[:300]:
                publisher.publish_json("orders", message.key, message.value)
        said_by("wait", "--timeout", "60")
        service.until(lambda: said_by("trigger", "log")["attempts"], what="the trigger service reads segment changes")
        service.until(lambda: service.moved_over(1), what="the first baseline of the batch service is live")
        service.until(lambda: CliRunner().invoke(app, ["health"]).exit_code == 0, what="all is well")
        health = said_by("health")
        assert health["experiments"]["consumers"]
        customer = read_changes(settings).latest.popitem()[0]
        key = KeyStore(service.redis).create("test", [Scope.ADMIN], datetime.now(UTC)).token
        service.until(lambda: port_open(port), what="the API listens")
        with Shoal(f"http://127.0.0.1:{port}", key) as shoal:
            assert shoal.segment(customer) is not None
        for child in children:
            assert child.running, child.log_tail(20)
            assert MARK not in child.log.read_text(), child.service
            assert MARK.encode() not in Path(f"/proc/{child.pid}/cmdline").read_bytes()
    assert MARK not in json.dumps(health)


def test_the_readme_leads_from_a_secured_kafka_and_redis_to_a_segment(broker, by, topic_prefix, tmp_path):
    """The commands of deploy/README.md, with the addresses and files of these servers in the place of its own."""
    readme = (Path(__file__).parents[2] / "deploy" / "README.md").read_text()
    (script,) = re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
    allow_all(broker, topic_prefix)
    (tmp_path / "redis-password").write_text(REDIS_PASSWORD)
    with tls_redis(tmp_path / "redis", broker.certificates) as url:
        for told, here in {
            "kafka.example:9093": broker.address("SASL_SSL"),
            "shoal-\n": f"{topic_prefix}\n",
            "rediss://shoal@redis.example:6380/0": url,
            "/etc/shoal/kafka-password": str(broker.password_file),
            "/etc/shoal/redis-password": str(tmp_path / "redis-password"),
            "/etc/shoal/kafka-ca.pem": str(broker.certificates.ca),
            "/etc/shoal/redis-ca.pem": str(broker.certificates.ca),
        }.items():
            assert told in script
            script = script.replace(told, here)
        (programs := tmp_path / "bin").mkdir()
        (programs / "shoal").write_text(f'#!/bin/sh\nexec {sys.executable} -P -m cli.main "$@"\n')
        (programs / "shoal").chmod(0o755)
        shell = f"set -e\ntrap 'kill $(jobs -p); wait' EXIT\n{script}"  # the worker ends, however this does
        environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        with (tmp_path / "said").open("w") as said:
            ran = subprocess.run(
                ["bash", "-c", shell], cwd=tmp_path, env=environment, stdout=said, stderr=said, timeout=200, check=False
            )
    shown = (tmp_path / "said").read_text()
    assert ran.returncode == 0, shown
    assert "c0000001" in shown
    assert re.search(r"segment +\S", shown), shown
    assert MARK not in shown


def refusals(broker: SecuredKafka) -> dict[str, tuple[str, dict[str, str]]]:
    """What is said, the way of connecting, and what is wrong with it."""
    stranger = broker.certificates.stranger
    return {
        "the user 'shoal' or the password is wrong": ("SCRAM-SHA-512", {"SHOAL_KAFKA_PASSWORD": MARK}),
        "the user 'nobody' or the password is wrong": ("PLAIN", {"SHOAL_KAFKA_USER": "nobody"}),
        "gives the client 'shoal' no token: HTTP 401": ("OAUTHBEARER", {"SHOAL_KAFKA_PASSWORD": MARK}),
        "other-ca.pem): set SHOAL_KAFKA_CA to the CA that signed it": (
            "PLAIN", {"SHOAL_KAFKA_CA": str(broker.certificates.other_ca)},
        ),
        "a CA that this system trusts (SHOAL_KAFKA_CA is not set)": ("PLAIN", {"SHOAL_KAFKA_CA": ""}),
        "its certificate has expired": ("PLAIN", {"SHOAL_KAFKA": broker.address("EXPIRED")}),
        "its certificate is for another host": ("PLAIN", {"SHOAL_KAFKA": broker.address("ELSEWHERE")}),
        "it wants a certificate of its clients": ("SSL", {"SHOAL_KAFKA_CERTIFICATE": "", "SHOAL_KAFKA_KEY": ""}),
        "it does not trust SHOAL_KAFKA_CERTIFICATE": (
            "SSL", {"SHOAL_KAFKA_CERTIFICATE": str(stranger.certificate), "SHOAL_KAFKA_KEY": str(stranger.key)},
        ),
        "it does not speak TLS at this address": ("PLAIN", {"SHOAL_KAFKA": broker.address("SASL_PLAINTEXT")}),
        "wants a user: set SHOAL_KAFKA_SECURITY=SASL_SSL": ("SSL", {"SHOAL_KAFKA": broker.address("SASL_SSL")}),
    }  # fmt: skip


def test_what_is_wrong_is_said_in_one_sentence_at_once(broker, by):
    for said, (way, changes) in refusals(broker).items():
        settings = by(way, **changes)
        began = time.monotonic()
        with pytest.raises(KafkaRefuses) as refused:
            partition_counts(settings.kafka, topic_specs(settings), settings.security)
        assert said in str(refused.value), (said, str(refused.value))
        assert "\n" not in str(refused.value)
        assert time.monotonic() - began < 5.0, said
        with pytest.raises(KafkaRefuses):  # by librdkafka, which would try for half a minute
            reported_ends(settings, ["orders"], [0])
        with pytest.raises(PublishFailed) as failed:
            Publisher(settings.kafka)
        assert said in str(failed.value)
        assert MARK not in str(refused.value) + str(failed.value)


def test_without_tls_a_listener_that_wants_it_is_recognised(broker, by, monkeypatch):
    monkeypatch.setattr("shoal_client.kafka_connection.BOOTSTRAP_TIMEOUT_MS", 500)
    settings = by("PLAINTEXT", SHOAL_KAFKA=broker.address("SSL"))
    with pytest.raises(KafkaRefuses, match="as a listener does that expects TLS: set SHOAL_KAFKA_SECURITY"):
        partition_counts(settings.kafka, topic_specs(settings), settings.security)


def test_every_service_ends_with_that_sentence(broker, by, redis_database_url, topic_prefix, tmp_path):
    by("PLAINTEXT")
    with running(Service(broker.address("PLAINTEXT"), redis_database_url, topic_prefix, tmp_path)) as service:
        wrong = broker.environment("SCRAM-SHA-512") | {"SHOAL_KAFKA_PASSWORD": MARK}
        for child in [service.spawn(name, **wrong) for name in SERVICE_COMMANDS]:
            until(lambda child=child: not child.running, what=f"{child.service} ends")
            lines = child.log.read_text().splitlines()
            assert child.exit_code == 1, lines
            assert len(lines) == 1, lines
            assert "the user 'shoal' or the password is wrong" in lines[0]
            assert MARK not in lines[0]


def test_a_missing_permission_is_named_with_the_command_that_gives_it(broker, by, topic_prefix):
    broker.allow(LIMITED, "topic", f"{topic_prefix}orders", "READ")
    settings = by("SCRAM-SHA-512", SHOAL_KAFKA_USER=LIMITED, SHOAL_PARTITIONS="2")
    create_topics(broker.address("PLAINTEXT"), topic_specs(settings))
    with pytest.raises(KafkaRefuses) as refused:
        require_topics(settings, needs=SERVICES["worker"])
    said = str(refused.value)
    assert f"the user 'limited' is not allowed to DESCRIBE the topic {topic_prefix}web-sessions" in said
    assert f"WRITE the topic {topic_prefix}segment-changes" in said
    assert f"READ the group {topic_prefix}segments" in said
    assert f"READ the topic {topic_prefix}orders" not in said
    assert (
        f"kafka-acls.sh --bootstrap-server {settings.kafka} --add --allow-principal User:limited --operation Write "
        f"--topic {topic_prefix}orders" in said
    )
    with pytest.raises(KafkaRefuses, match=f"is not allowed to READ the topic {topic_prefix}segment-changes"):
        read_changes(settings)
    for each in permissions_of(settings, SERVICES["worker"]):
        broker.allow(LIMITED, each.resource, each.name, each.operation)
    for spec in topic_specs(settings):
        broker.allow(LIMITED, "topic", spec.name, "DESCRIBE")
    require_topics(settings, needs=SERVICES["worker"])


def test_tokens_are_used_again_and_an_unknown_audience_is_refused(broker, by):
    settings, given = by("OAUTHBEARER"), broker.tokens.given
    for _ in range(3):
        partition_counts(settings.kafka, [], settings.security)
    assert broker.tokens.given == given + 1
    require_access_once.cache_clear()
    broker.tokens.audience = "another"
    try:
        settings = by("OAUTHBEARER")
        with pytest.raises(KafkaRefuses, match="it does not accept the token of SHOAL_KAFKA_TOKEN_ENDPOINT"):
            partition_counts(settings.kafka, [], settings.security)
    finally:
        broker.tokens.audience = "kafka"


@pytest.mark.long  # librdkafka at times says "Purged in queue" here, and keeps the reason to itself
def test_a_sink_that_may_not_write_is_told_so(broker, by, topic_prefix):
    broker.allow(LIMITED, "topic", f"{topic_prefix}orders", "READ")
    settings = by("SCRAM-SHA-512", SHOAL_KAFKA_USER=LIMITED, SHOAL_PARTITIONS="2")
    create_topics(broker.address("PLAINTEXT"), topic_specs(settings))
    sink = KafkaSink(settings, timeout_s=20)
    sink.send("orders", b"k", b"v")
    with pytest.raises(SinkRefused, match=r"the user 'limited' is not allowed to WRITE there \(.*authorization failed"):
        sink.flush()
