"""The flows are exactly the changes that were published, and a customer's history tells each of its moves."""

import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from cli.main import app
from consumers.history.segment_changes_reader import changes_of_customer
from events.segment_changes import decode_change
from tests.service import Service, running
from tests.shop import purchases


@pytest.fixture
def service(kafka, redis_database_url, topic_prefix, tmp_path):
    with running(Service(kafka, redis_database_url, topic_prefix, tmp_path)) as deployment:
        yield deployment


def shoal(service, monkeypatch, *arguments):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    ran = CliRunner().invoke(app, [*arguments, "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def test_flows_and_history_are_what_was_published_even_after_a_kill(service, monkeypatch):
    first = service.worker()
    service.publish(purchases())
    service.until(lambda: service.outcome_counts().get("orders:applied", 0) > 500, what="work has begun")
    first.kill()
    service.worker()
    service.until_processed()
    service.until_quiet()
    changes = {
        (change.customer_id, change.change_number): change
        for change in map(decode_change, service.read("segment-changes"))
    }
    published = Counter((change.previous, change.segment_id, change.cause) for change in changes.values())
    flows = shoal(service, monkeypatch, "segments", "--flows", "--since", "5000d")
    assert {(flow["from"], flow["to"], flow["cause"]): flow["moves"] for flow in flows["flows"]} == published
    assert flows["moves"] == len(changes)

    customer_id, moves = Counter(customer for customer, _ in changes).most_common(1)[0]
    history = shoal(service, monkeypatch, "customer", customer_id)["history"]
    assert [entry["change_number"] for entry in history] == list(range(moves, 0, -1))
    for entry in history:
        change = changes[customer_id, entry["change_number"]]
        assert (entry["segment_id"], entry["cause"], entry["since"]) == (
            change.segment_id,
            change.cause,
            change.changed_at,
        )
        assert entry["explanation"]
    assert len(changes_of_customer(service.kafka, [customer_id])) >= moves
