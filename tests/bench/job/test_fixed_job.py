"""The jobs' expected end states against a plain replay of their own messages, one event at a time."""

import json
from collections import defaultdict
from datetime import datetime

import numpy as np
import pytest

from bench.job.fixed_job import Orders, expected, fixed_orders, orders, scaled_orders
from bench.job.mixed_job import MIXED_BASELINE, Sessions, mixed_events
from bench.speed.latency import latency_orders
from consumers.inputs.orders import OrderInput
from consumers.inputs.web_sessions import SessionInput
from events.schema.inputs import Order, WebSession
from stream.customers.features import FEATURES


def _ms(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _number(name):
    return int(name[1:])


def _replayed_orders(messages):
    rows = defaultdict(lambda: {"placed": 0, "gross": 0, "first_order": None, "last_order": None})
    for key, value in messages:
        order = json.loads(value)
        assert key == order["customer_id"]
        row, at = rows[_number(key)], _ms(order["occurred_at"])
        row["placed"] += 1
        row["gross"] += round(order["amount"] * 1000)
        row["first_order"] = at if row["first_order"] is None else min(at, row["first_order"])
        row["last_order"] = at if row["last_order"] is None else max(at, row["last_order"])
    return rows


def _assert_same(rows, fields, customers):
    for number in range(customers):
        for name, values in fields.items():
            if number in rows:
                assert rows[number][name] == values[number], (number, name)
    return sorted(rows)


@pytest.mark.parametrize(
    "sample",
    [scaled_orders(600), scaled_orders(600).part(250, 600), Orders(np.array([3, 3, 0]), np.array([9, 2, 5]), first=70)],
    ids=["scaled", "part", "explicit"],
)
def test_order_totals_equal_a_replay_of_the_messages(sample):
    rows = _replayed_orders(sample.messages())
    totals = sample.totals(75)
    present = _assert_same(rows, totals.fields(), 75)
    assert present == np.flatnonzero(totals.counts).tolist()
    assert totals.counts.sum() == len(sample)


def test_session_totals_equal_a_replay_of_the_messages():
    _, sessions = mixed_events(events=800, customers=40)
    rows = defaultdict(lambda: defaultdict(int))
    for key, value in sessions.messages():
        event = json.loads(value)
        row, ended = rows[_number(key)], _ms(event["occurred_at"])
        assert ended - _ms(event["started_at"]) == event["duration_s"] * 1000
        row["sessions"] += 1
        for field in ("pages", "duration_s", "cart_adds"):
            row[field] += event[field]
        row["first_session"] = min(row["first_session"] or ended, ended)
        row["last_session"] = max(row["last_session"], ended)
    totals = sessions.totals(40)
    assert _assert_same(rows, totals, 40) == np.flatnonzero(totals["sessions"]).tolist()


def test_the_messages_are_valid_events():
    placed, sessions = mixed_events(events=200, customers=20)
    for _, value in placed.messages():
        Order.model_validate_json(value)
    for _, value in sessions.messages():
        WebSession.model_validate_json(value)


def test_half_of_the_mixed_events_are_sessions_and_all_have_different_ids():
    placed, sessions = mixed_events(events=1_000, customers=50)
    assert isinstance(sessions, Sessions)
    assert len(placed) == len(sessions.who) == 500
    ids = {json.loads(value)["event_id"] for part in (placed, sessions) for _, value in part.messages()}
    assert len(ids) == 1_000


def test_the_mixed_baseline_uses_eight_features_in_as_many_dimensions():
    assert set(MIXED_BASELINE.features) <= set(FEATURES)
    assert len(MIXED_BASELINE.features) == 8
    assert {len(each.centroid) for each in MIXED_BASELINE.segments} == {8}
    assert len(MIXED_BASELINE.center) == len(MIXED_BASELINE.scale) == 8


def test_the_first_orders_of_the_fixed_job_are_what_a_smaller_job_expects():
    first = [message for message, _ in zip(orders(), range(300), strict=False)]
    rows = _replayed_orders(first)
    wanted = expected(events=300)
    _assert_same(rows, wanted.fields(), len(wanted.counts))
    assert wanted.counts.sum() == 300


def test_a_part_of_the_orders_keeps_their_numbers():
    whole = list(fixed_orders().part(0, 50).messages())
    assert list(fixed_orders().part(30, 50).messages()) == whole[30:]


def test_two_of_five_latency_orders_are_the_first_and_only_ones_of_their_customers():
    sample = latency_orders(1_000, datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    new = sample.who[sample.who >= 50_000]
    assert len(new) == len(set(new.tolist())) == 400
    assert new.tolist() == list(range(50_000, 50_400))


def test_inputs_are_named_as_the_job_names_their_topics():
    assert (OrderInput.topic, SessionInput.topic) == ("orders", "web-sessions")
