"""Refused events can be seen, and published again after a fix: the same bytes, once."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.deployment import Message
from tests.shop import order
from tests.waiting import PATIENCE_S


@pytest.fixture
def shoal(service, monkeypatch):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments, code=0):
        ran = CliRunner().invoke(app, ["dead-letters", *arguments, "--json"])
        assert ran.exit_code == code, (ran.output, ran.exception)
        return json.loads(ran.stdout) if ran.stdout else {}

    return run


def test_what_was_refused_is_listed_and_after_a_fix_replayed_once(service, shoal):
    assert shoal("list") == {"total": 0, "dead_letters": []}
    strict = service.worker(SHOAL_MAX_EVENT_BYTES="400")
    long = order("anna", "1998-01-01T00:00:00Z", 5.0, note="x" * 500)
    service.publish([long, order("bert", "1998-01-01T00:00:00Z"), Message("web-sessions", "carl", b"\xff{")])
    service.until(lambda: shoal("list")["total"] == 2, what="two are refused")
    listed = {each["topic"].removeprefix(service.kafka.topic_prefix): each for each in shoal("list")["dead_letters"]}
    assert "bytes" in listed["orders"]["reason"]
    assert (listed["orders"]["key"], listed["orders"]["value"]) == ("anna", long.value.decode())
    assert listed["web-sessions"]["value"] == "\\xff{"
    assert shoal("list", "--topic", "orders")["total"] == 1
    assert len(shoal("list", "--limit", "1")["dead_letters"]) == 1
    service.until_processed()
    strict.stop(PATIENCE_S)
    service.worker()
    shoal("replay", code=2)
    shoal("replay", "orders/0/99999", code=2)
    expected = {"replayed": 1, "replayed_before": 0, "without_value": 0}
    assert shoal("replay", listed["orders"]["id"]) == expected
    assert shoal("replay", "--topic", "orders") == {"replayed": 0, "replayed_before": 1, "without_value": 0}
    ends = service.until_processed()
    assert service.records()["anna"]["placed"] == 1
    assert service.read("orders").count(long.value) == 2
    assert shoal("list", "--topic", "orders")["dead_letters"][0]["replayed_at"]
    assert shoal("replay", "--topic", "orders", "--again")["replayed"] == 1
    ends = service.until_processed()
    assert service.records()["anna"]["placed"] == 1
    service.assert_outcomes_add_up(ends)
