"""An anonymous visitor signs in: the command line, the client and the published changes, on a worker that runs."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from cli.main import app
from events.schema.inputs import INPUTS
from queries.operations.change_feed import ChangeFeed
from shoal_client import Identity, Publisher
from tests.shop import identity, message, order

AT = "2026-03-02T10:00:00Z"


@pytest.fixture
def shoal(service, monkeypatch):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments, code=0):
        ran = CliRunner().invoke(app, [*arguments, "--json"])
        assert ran.exit_code == code, (ran.output, ran.exception)
        return json.loads(ran.stdout) if code == 0 else str(ran.exception)

    return run


def visit(customer_id, session):
    return message(
        "web-sessions",
        event_id=session,
        customer_id=customer_id,
        session_id=session,
        started_at="2026-03-01T10:00:00Z",
        occurred_at="2026-03-01T10:05:00Z",
        pages=3,
    )


def test_a_visitor_who_signs_in_is_the_customer_whichever_id_is_asked_for(service, shoal):
    service.worker()
    service.publish([visit("visitor", "v1"), visit("visitor", "v2"), *(order(each, AT) for each in ("anna", "bert"))])
    service.until_processed()
    alone = shoal("customer", "anna")
    assert (alone["requested_id"], alone["merged_from"], alone["history_of_merged"]) == ("anna", [], [])

    asked = shoal("merge", "visitor", "anna", "--wait")
    assert (asked["previous_id"], asked["customer_id"], asked["merged"]) == ("visitor", "anna", True)
    sent = INPUTS["identities"].model_validate_json(service.read("identities")[0])
    assert (sent.event_id, sent.previous_id) == (asked["event_id"], "visitor")

    service.publish([visit("visitor", "v3")])
    service.until_processed()
    found, by_alias = shoal("customer", "anna"), shoal("customer", "visitor")
    assert (found["sessions"], found["frequency"], found["merged_from"]) == (3, 1, ["visitor"])
    assert (by_alias["customer_id"], by_alias["requested_id"]) == ("anna", "visitor")
    assert by_alias | {"requested_id": "anna", "as_of": found["as_of"]} == found
    merge, *before = found["history_of_merged"]
    assert (merge["customer_id"], merge["cause"], merge["segment"]) == ("visitor", "merge", None)
    assert all(each["customer_id"] == "visitor" for each in before)
    said = CliRunner().invoke(app, ["customer", "visitor"]).stdout
    assert "visitor was merged into anna, who is shown" in said
    assert "merged from" in said

    document = shoal("segments", "--flows", "--since", "5000d")
    ends = [each for each in document["flows"] if each["to"] is None]
    assert {each["cause"] for each in ends} == {"merge"}
    assert [(each["to"], each["to_segment"], each["moves"]) for each in ends] == [(None, None, 1)]
    assert "(merged into another)" in CliRunner().invoke(app, ["segments", "--flows", "--since", "5000d"]).stdout
    assert sum(each["customers"] for each in shoal("segments")["segments"]) == 2


def test_every_reader_of_the_changes_takes_a_merge(service, shoal):
    feed = ChangeFeed(service.kafka)
    feed.since(0)
    shoal("trigger", "add", "all", "--url", "http://127.0.0.1:9/nobody", "--cause", "activity", "--cause", "merge")
    service.worker()
    service.spawn("triggers")
    service.publish([order("twin", AT), order("anna", AT, 80.0), identity("twin", "anna")])
    service.until_processed()
    service.until(lambda: any(each.change.merged_into for each in feed.since(0)), what="the feed has the merge")
    feed.close()
    log = service.assert_changes_agree()
    assert log.latest["twin"].merged_into == "anna"
    attempts = service.until(
        lambda: [
            each for each in shoal("trigger", "log")["attempts"] if each["change_id"] == log.latest["twin"].change_id
        ],
        what="the merge is sent to who asked for it",
    )
    assert {each["customer_id"] for each in attempts} == {"twin"}


def test_what_cannot_be_a_merge_is_refused_in_words_and_nothing_is_published(service, shoal):
    assert "previous_id is the same as customer_id" in shoal("merge", "anna", "anna", code=1)
    assert "previous_id: 'undefined' stands for a missing id" in shoal("merge", "undefined", "anna", code=1)
    assert "customer_id: 'guest' stands for a missing id" in shoal("merge", "visitor", "guest", code=1)
    assert "previous_id" in shoal("merge", "x" * 129, "anna", code=1)
    assert service.read("identities") == []
    said = CliRunner().invoke(app, ["merge", "visitor", "anna"]).stdout
    assert said == "asked for: visitor is anna from now on\n"
    assert len(service.read("identities")) == 1


def test_a_merge_that_does_not_hold_is_told_by_wait(service, shoal):
    service.worker()
    service.publish([*(order(each, "2026-03-01T10:00:00Z") for each in ("a", "c", "e")), identity("a", "b")])
    service.until_processed()
    assert "`shoal dead-letters list --topic identities` says why" in shoal("merge", "a", "c", "--wait", code=1)
    (letter,) = shoal("dead-letters", "list", "--topic", "identities")["dead_letters"]
    assert "'a' was merged into 'b' before" in letter["reason"]
    assert "'b' was not merged into 'a'" in shoal("merge", "b", "a", "--wait", code=1), "the other direction holds"
    shoal("erase", "d")
    assert "customer who was erased, as 'd' was" in shoal("merge", "e", "d", "--wait", code=1)
    assert shoal("customer", "e")["requested_id"] == "e"


@pytest.mark.parametrize("name", ["merges.csv", "merges.jsonl"])
def test_a_file_of_merges_is_published(service, shoal, tmp_path, name):
    rows = [("m1", "anna", "visitor-1"), ("m2", "anna", "visitor-2")]
    fields = ("event_id", "customer_id", "previous_id", "occurred_at")
    events = [dict(zip(fields, (*row, "2026-03-20T10:00:00Z"), strict=True)) for row in rows]
    lines = [",".join(fields), *(",".join(each.values()) for each in events)]
    if name.endswith("jsonl"):
        lines = [json.dumps(each) for each in events]
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    assert shoal("publish", "identities", str(tmp_path / name))["published"] == 2
    service.worker()
    service.publish([order("anna", "2026-03-02T10:00:00Z")])
    service.until_processed()
    assert shoal("customer", "visitor-2")["merged_from"] == ["visitor-1", "visitor-2"]
    (tmp_path / "wrong.jsonl").write_text(json.dumps(events[0] | {"previous_id": "null"}) + "\n")
    refused = shoal("publish", "identities", str(tmp_path / "wrong.jsonl"), code=1)
    assert "previous_id: 'null' stands for a missing id" in refused


def test_a_shop_publishes_a_merge_with_the_client(service, shoal):
    at = datetime(2026, 3, 20, 10, tzinfo=UTC)
    with Publisher(service.kafka.kafka, service.kafka.topic_prefix) as publisher:
        publisher.publish("identities", Identity(event_id="m", customer_id="anna", previous_id="v", occurred_at=at))
    service.worker()
    service.publish([visit("v", "v1")])
    service.until_processed()
    assert shoal("customer", "v")["customer_id"] == "anna"
