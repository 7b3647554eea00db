"""`shoal doctor`: what must be changed is found, with the command that changes it; then nothing is left."""

import json
import re

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from cli.main import app
from events.settings import KafkaSettings
from events.topics.administration import create_topics, open_admin
from events.topics.specs import topic_specs
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from state.store import keys

PARTITIONS = 4


@pytest.fixture
def settings(kafka, own_redis, topic_prefix, monkeypatch) -> KafkaSettings:
    for name, value in {
        "SHOAL_KAFKA": kafka, "SHOAL_REDIS": own_redis(appendonly=True).url, "SHOAL_TOPIC_PREFIX": topic_prefix,
        "SHOAL_PARTITIONS": str(PARTITIONS),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return KafkaSettings()


def examined(*options: str) -> tuple[int, dict[str, list[dict]]]:
    """The exit code, and the findings by subject."""
    ran = CliRunner().invoke(app, ["doctor", "--json", *options])
    report = json.loads(ran.stdout)
    assert report["ok"] == (ran.exit_code == 0)
    found: dict[str, list[dict]] = {}
    for each in report["findings"]:
        found.setdefault(each["subject"], []).append(each)
        assert each["state"] != "change" or each["do"], each
    return ran.exit_code, found


def changes(found: dict[str, list[dict]]) -> dict[str, dict]:
    return {subject: each for subject, all_ in found.items() for each in all_ if each["state"] == "change"}


def test_from_nothing_to_all_is_well(settings, kafka_choice):
    code, found = examined()
    assert code == 1
    assert {each["do"] for each in changes(found).values()} == {"shoal topics create"}
    assert set(changes(found)) == {f"topic {spec.name}" for spec in topic_specs(settings)}
    create_topics(settings.kafka, topic_specs(settings))
    code, found = examined()
    assert (code, changes(found)) == (0, {}), found
    assert "by PLAINTEXT, as a client without a user" in found["connection"][0]["detail"]
    assert found["topics"][0]["detail"] == "14 topics, with the partitions and settings that they need"
    assert found["eviction"][0]["detail"].startswith("maxmemory-policy is noeviction")
    assert found["persistence"][0]["detail"] == "the append-only file is on"
    assert "no modules are needed" in found["version"][0]["detail"]
    if kafka_choice.apache:
        assert found["replicas"][0]["state"] == "note"
        assert found["replicas"][0]["do"].startswith("export SHOAL_REPLICATION=1")


def test_what_is_wrong_with_topics(settings, kafka_choice):
    specs = topic_specs(settings)
    create_topics(settings.kafka, specs)
    with open_admin(settings.kafka, settings.security) as admin:
        _alter(admin, settings.topic("orders"), {"retention.ms": "60000"})
    _, found = examined()
    if kafka_choice.apache:  # the embedded broker does not tell settings
        (wrong,) = changes(found).values()
        assert wrong["detail"] == "retention.ms is 60000, not 2592000000"
        assert wrong["do"] == (
            f"kafka-configs.sh --bootstrap-server {settings.kafka} --alter --entity-type topics "
            f"--entity-name {settings.topic('orders')} --add-config retention.ms=2592000000"
        )


def _alter(admin: KafkaAdminClient, topic: str, config: dict[str, str]) -> None:
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=config)])


def test_what_is_wrong_with_redis_and_its_data(settings, monkeypatch):
    from cli.local.service_addresses import state_settings
    from state.store.connection import connect

    create_topics(settings.kafka, topic_specs(settings))
    with connect(state_settings().redis) as client:
        client.hset(keys.FORMAT, mapping={"partitions": "8", "half_life_days": "90"})
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", "200mb")
        client.config_set("appendonly", "no")
        ahead = int(client.time()[0] * 1000) + 30_000
        WorkerRegistry(client).beat(WorkerHeartbeat(worker="host-1-a", at_ms=ahead, partitions=[], events=0))
        code, found = examined("--customers", "50000000")
        wrong = changes(found)
        assert code == 1
        assert set(wrong) == {"settings", "condition", "persistence", "memory", "clocks"}, wrong
        assert wrong["settings"]["detail"] == "partitions is 4, but the data in Redis was written with 8"
        assert wrong["settings"]["do"] == "export SHOAL_PARTITIONS=8"
        assert wrong["condition"]["do"] == "redis-cli CONFIG SET maxmemory-policy noeviction"
        assert wrong["persistence"]["do"].startswith("redis-cli CONFIG SET appendonly yes")
        assert "50,000,000 customers need about 27," in wrong["memory"]["detail"]
        assert wrong["memory"]["do"].startswith("redis-cli CONFIG SET maxmemory 27")
        ahead_s = float(re.search(r"the clock of host-1-a is ([\d.]+) s ahead", wrong["clocks"]["detail"]).group(1))
        assert 1.0 < ahead_s <= 30.1  # it is looked at a while after it was told
        client.config_set("maxmemory-policy", "noeviction")
        few = ["+info", "+exists", "+time", "+hmget", "+scan"]
        client.acl_setuser("few", enabled=True, passwords=["+x"], keys=["*"], commands=few, categories=["+@connection"])
        monkeypatch.setenv("SHOAL_REDIS", state_settings().redis.replace("redis://", "redis://few:x@"))
        _, found = examined()
        assert found["connection"][-1]["state"] == "change"
        assert "does not let the user in SHOAL_REDIS do this" in found["connection"][-1]["detail"]
        client.config_set("appendonly", "yes")


def test_who_is_not_let_in_is_told_what_to_set(kafka, monkeypatch):
    monkeypatch.setenv("SHOAL_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("SHOAL_REDIS", "redis://127.0.0.1:1/0")
    code, found = examined()
    assert code == 1
    assert [each["area"] for each in found["connection"]] == ["kafka", "redis"]
    assert "no Kafka broker answers at 127.0.0.1:1" in found["connection"][0]["detail"]
    assert "no Redis answers" in found["connection"][1]["detail"]
