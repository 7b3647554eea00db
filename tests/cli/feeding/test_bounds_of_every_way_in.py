"""Every bound that a worker holds is held by every way in: Kafka, `publish`, `import`, `rebaseline --from-events`."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from cli.feeding.customer_table_from_files import read_customers
from cli.feeding.within_bounds import WithinBounds
from cli.formats.event_files import read_events
from cli.formats.file_invalid import FileInvalid
from consumers.inputs.bounds import EventBounds
from consumers.inputs.currency_conversion import Money
from consumers.inputs.customers import ProfileInput
from consumers.inputs.orders import OrderInput
from consumers.inputs.web_sessions import SessionInput
from events.schema.example_messages import EXAMPLES
from events.schema.inputs import INPUTS
from events.time_units import DAY_MS

SOON = (datetime.now(UTC) + timedelta(hours=25)).isoformat()
OTHER = EXAMPLES["orders"] | {"event_id": "other", "currency": "EUR"}

BOUNDS = [
    ("orders", {"occurred_at": "2062-01-01T00:00:00Z"}, "occurred_at: lies too far in the future"),
    ("orders", {"occurred_at": SOON}, "occurred_at: lies too far in the future"),
    ("orders", {"occurred_at": "1970-01-01T00:00:00Z"}, "occurred_at: lies before 1990-01-01"),
    ("orders", {"occurred_at": "1989-12-31T23:59:59.999Z"}, "occurred_at: lies before 1990-01-01"),
    ("orders", {"customer_id": "[object Object]"}, "customer_id: '[object Object]' stands for a missing id"),
    ("customers", {"customer_id": " Guest "}, "customer_id: ' Guest ' stands for a missing id"),
    ("customers", {"signed_up_at": "1970-01-01T00:00:00Z"}, "signed_up_at: lies before 1990-01-01"),
    ("customers", {"signed_up_at": "2062-01-01T00:00:00Z"}, "signed_up_at: lies too far in the future"),
    ("customers", {"signed_up_at": SOON}, "signed_up_at: lies too far in the future"),
    ("web-sessions", {"started_at": "1970-01-01T00:00:00Z"}, "started_at: lies before 1990-01-01"),
    ("web-sessions", {"customer_id": "undefined"}, "customer_id: 'undefined' stands for a missing id"),
    ("orders", {"order_id": "undefined"}, "order_id: 'undefined' stands for a missing id; send the order's own id"),
    ("orders", {"order_id": "NULL", "type": "refunded"}, "order_id: 'NULL' stands for a missing id"),
    ("orders", {"order_id": " "}, "order_id: ' ' stands for a missing id"),
    ("web-sessions", {"session_id": "(not set)"}, "session_id: '(not set)' stands for a missing id"),
    ("orders", {"amount": -1}, "amount: should be from 0"),
    ("orders", {"currency": "euro"}, "currency: "),
    ("orders", {"order_id": None}, "order_id"),
    ("orders", {"occurred_at": "2026-01-01"}, "occurred_at: should be an RFC 3339 date-time"),
    ("web-sessions", {"pages": -1}, "pages: "),
    ("customers", {"age": 151}, "age: "),
]


def by_a_worker(topic, event, _folder):
    inputs = [OrderInput(Money("EUR", {}, str), 1 << 20), SessionInput(1 << 20), ProfileInput(1 << 20)]
    source = {each.topic: each for each in inputs}[topic]
    latest_ms = time.time_ns() // 1_000_000 + DAY_MS
    return [each.reason for each in source.decode([json.dumps(event).encode()], latest_ms).rejections]


def by_publish(topic, event, folder):
    refused = []
    list(read_events(topic, _file(topic, [event], folder), on_invalid=refused.append))
    return [each.reason for each in refused]


def by_import(topic, event, _folder):
    try:
        events = WithinBounds([INPUTS[topic].model_validate_json(json.dumps(event))], EventBounds())
    except ValidationError:
        return by_a_worker(topic, event, _folder)  # a reader of a data set cannot make such an event
    list(events)
    return list(events.refused)


def by_rebaseline(topic, event, folder):
    try:
        read_customers([_file("orders", [OTHER], folder, "orders-other"), _file(topic, [event], folder)], 1e9, [])
    except FileInvalid as refused:
        return [refused.reason]
    return []


def _file(topic, events, folder, name=None):
    path = folder / f"{name or topic}.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in events))
    return path


WAYS = [by_a_worker, by_publish, by_import, by_rebaseline]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("topic", "changes", "reason"), BOUNDS)
def test_what_a_worker_refuses_is_refused_with_its_reason(way, topic, changes, reason, tmp_path):
    (found,) = way(topic, EXAMPLES[topic] | changes, tmp_path)
    assert found.startswith(reason)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("topic", ["orders", "web-sessions", "customers"])
def test_what_a_worker_takes_is_taken(way, topic, tmp_path):
    assert way(topic, EXAMPLES[topic], tmp_path) == []


PLAIN = [
    ("customers", {"age": "42", "income": "50000.5", "consent": "no"}),
    ("customers", {"consent": {}}),
    ("customers", {"consent": {"email": False}}),
    ("customers", {"city": 10115}),
    ("orders", {"type": "cancelled", "amount": None, "currency": None}),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("topic", "changes"), PLAIN)
def test_what_a_worker_takes_for_what_it_means_is_taken(way, topic, changes, tmp_path):
    assert way(topic, EXAMPLES[topic] | changes, tmp_path) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["0", "nullable", "12"])
def test_an_order_may_have_any_other_name_and_the_number_zero(way, name, tmp_path):
    assert way("orders", EXAMPLES["orders"] | {"order_id": name}, tmp_path) == []


def test_a_currency_without_a_rate_is_refused_among_files_as_by_a_worker(tmp_path, monkeypatch):
    foreign = OTHER | {"event_id": "usd", "currency": "USD"}
    assert by_a_worker("orders", foreign, tmp_path)[0].startswith("currency: USD has no rate into EUR")
    monkeypatch.setenv("SHOAL_CURRENCY", "EUR")
    with pytest.raises(FileInvalid, match="currency: USD has no rate into EUR"):
        read_customers([_file("orders", [OTHER, foreign], tmp_path)], 1e9, [])
    monkeypatch.setenv("SHOAL_CURRENCY_RATES", '{"USD": 0.9}')
    assert read_customers([_file("orders", [OTHER, foreign], tmp_path)], 1e9, []).population == 1
