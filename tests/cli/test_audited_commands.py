"""Every command that changes something is in the audit log; tried in one process, on a real Kafka and Redis."""

import getpass
import json

import pytest
from typer.testing import CliRunner

from api.access.audit_chain import check_chain
from api.access.customer_access_log import read_audit
from cli.main import app
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.specs import topic_specs

WINBACK = ["trigger", "add", "winback", "--url", "https://x.example/"]
CHANGES = [
    (["keys", "create", "shop", "--scope", "segments:read"], "key.create", "shop: segments:read"),
    (["keys", "rotate", "0123456789ab"], "key.rotate", "0123456789ab"),
    (["keys", "end-session", "0123456789ab"], "session.end", "0123456789ab"),
    (["suppress", "add", "anna", "bert"], "suppression.add", "all"),
    (["suppress", "remove", "anna"], "suppression.remove", "all"),
    (WINBACK, "trigger.add", "winback"),
    (["trigger", "dead", "--resend"], "trigger.resend", None),
    (["trigger", "remove", "winback"], "trigger.remove", "winback"),
    (["experiment", "create", "banner", "--variant", "A", "--variant", "B", "--control", "A", "--start", "2026-01-01"],
     "experiment.create", "banner"),
    (["experiment", "stop", "banner"], "experiment.stop", "banner"),
    (["merge", "visitor", "anna"], "customer.merge", None),
    (["erase", "anna", "--timeout", "1"], "customer.erase", None),
    (["dead-letters", "replay", "--all"], "dead-letters.replay", "all"),
    (["baselines", "approve", "2"], "baseline.approve", "2"),
    (["baselines", "reject", "2"], "baseline.reject", "2"),
    (["baselines", "rollback"], "baseline.rollback", None),
    (["baselines", "rename", "2", "s1", "Friends"], "baseline.rename", "2 s1"),
    (["accept-gap", "orders", "1"], "gap.accept", "orders partition 1"),
]  # fmt: skip


@pytest.fixture
def redis_url(redis, monkeypatch, kafka, topic_prefix):
    where = redis.connection_pool.connection_kwargs
    found = KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=2)
    create_topics(kafka, topic_specs(found))
    settings = {
        "SHOAL_KAFKA": kafka,
        "SHOAL_TOPIC_PREFIX": topic_prefix,
        "SHOAL_PARTITIONS": "2",
        "SHOAL_REDIS": f"redis://{where['host']}:{where['port']}/{where['db']}",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def test_each_change_is_on_record_by_whom_and_without_ids(redis, redis_url):
    for arguments, _, _ in CHANGES:
        CliRunner().invoke(app, arguments)
    found = list(read_audit(redis))
    done = dict.fromkeys((each.action, each.detail) for each in found)
    assert list(done) == [(action, detail) for _, action, detail in CHANGES]
    assert {(each.key, each.name) for each in found} == {("command-line", getpass.getuser())}
    assert [each.action for each in read_audit(redis, "bert")] == ["suppression.add"]
    assert [each.action for each in read_audit(redis, "anna")] == [
        *("suppression.add", "suppression.remove", "customer.merge", "customer.erase"),
    ]
    assert b"anna" not in repr(redis.xrange("audit")).encode()
    assert check_chain(redis).problems == []
    checked = CliRunner().invoke(app, ["audit", "check", "--json"])
    assert (checked.exit_code, json.loads(checked.stdout)["entries"]) == (0, len(found))


def test_what_cannot_be_put_on_record_is_not_done(redis, redis_url):
    redis.set("audit", "not a stream")
    assert CliRunner().invoke(app, WINBACK).exit_code == 1
    assert not redis.exists("triggers")
