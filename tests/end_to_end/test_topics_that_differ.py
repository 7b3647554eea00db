"""A topic with 64 partitions instead of 4: every service and command names it, none goes on."""

import json

import pytest
from typer.testing import CliRunner

from cli.formats.cdnow import sample_path
from cli.main import app
from events.topics.administration import create_topics
from events.topics.specs import TopicSpec
from tests.deployment import Deployment
from tests.service import Service, running
from tests.shop import order
from tests.waiting import until


@pytest.fixture
def deployed(kafka, redis_database_url, topic_prefix, tmp_path, monkeypatch):
    create_topics(kafka, [TopicSpec(f"{topic_prefix}orders", 64, 1)])
    with running(Service(kafka, redis_database_url, topic_prefix, tmp_path)) as service:
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        yield service


def assert_named(said: str, service: Deployment) -> None:
    assert (
        f"topic {service.kafka.topic('orders')} on {service.kafka.kafka} has 64 partitions where 4 are expected" in said
    )
    assert "run `shoal topics create`" in said


def test_every_command_and_service_names_it(deployed, tmp_path):
    events = tmp_path / "orders.jsonl"
    events.write_bytes(order("anna", "1998-01-01T00:00:00Z").value + b"\n")
    for command in (
        ["publish", "orders", str(events)],
        ["import", "cdnow", str(sample_path())],
        ["wait", "--timeout", "5"],
        ["erase", "anna"],
        ["dead-letters", "list"],
        ["simulate", "--customers", "10", "--days", "1"],
    ):
        ran = CliRunner().invoke(app, command)
        assert ran.exit_code == 1, (command, ran.output)
        assert_named(str(ran.exception), deployed)
    assert deployed.read("orders") == []
    report = json.loads(CliRunner().invoke(app, ["health", "--json"]).stdout)
    assert not report["kafka"]["ok"]
    assert_named(" ".join(report["problems"]), deployed)
    for child in [deployed.spawn(name) for name in ("worker", "experiments", "triggers", "batch")]:
        until(lambda child=child: not child.running, what=f"{child.service} ends")
        said = " ".join(child.log_tail(50))
        assert child.exit_code == 1
        assert_named(said, deployed)
        assert "Traceback" not in said
