"""Web sessions in columns: durations given or derived, and every reason for which one is refused."""

import json

import pytest

from consumers.inputs.web_sessions import SessionInput
from events.codec.id_hashes import event_hashes
from events.schema.example_messages import EXAMPLES

LATEST_MS = 1_800_000_000_000


def session(**fields):
    event = {"event_id": "e", "customer_id": "c", "session_id": "s", "pages": 3}
    event |= {"occurred_at": "2026-01-01T00:10:00Z", "started_at": "2026-01-01T00:00:00Z"} | fields
    return json.dumps(event).encode()


def decode(*values):
    return SessionInput(max_bytes=1_000).decode(values, LATEST_MS)


def test_sessions_become_columns():
    decoding = decode(
        session(event_id="1", customer_id="a", pages=7, duration_s=30.4, cart_adds=2),
        session(event_id="2", customer_id="b", pages=0, cart_adds=None),
    )
    columns = decoding.columns
    assert list(columns.customer_ids) == ["a", "b"]
    assert columns.event_hashes.tolist() == event_hashes(["1", "2"], "web-sessions").tolist()
    assert columns.times.tolist() == [1_767_226_200_000] * 2, "the end of the session"
    assert columns.pages.tolist() == [7, 0]
    assert columns.durations.tolist() == [30, 600]
    assert columns.cart_adds.tolist() == [2, 0]


def test_the_documented_example_is_accepted():
    assert decode(json.dumps(EXAMPLES["web-sessions"]).encode()).columns.durations.tolist() == [788]


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"duration_s": 0}, 0),
        ({"duration_s": 0.6}, 1),
        ({"duration_s": 604_800}, 604_800),
        ({"duration_s": None}, 600),
        ({"started_at": "2026-01-01T00:10:00Z"}, 0),
        ({"started_at": "2026-01-01T00:09:58.6Z"}, 1),
        ({"started_at": "2025-01-01T00:00:00Z"}, 604_800),
    ],
)
def test_the_duration_is_the_one_given_else_that_of_the_two_times_at_most_a_week(fields, seconds):
    assert decode(session(**fields)).columns.durations.tolist() == [seconds]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the message has no value"),
        (b"{", "not JSON"),
        (session(pages=-1), "pages: should be at least 0"),
        (session(pages=1_000_001), "pages: should be at most 1000000"),
        (session(pages=1.5), "pages: "),
        (session(duration_s=-1), "duration_s: "),
        (session(duration_s=604_801), "duration_s: "),
        (session(started_at="2026-01-01T00:10:00.001Z"), "started_at lies after occurred_at"),
        (session(customer_id=" "), "customer_id: ' ' stands for a missing id; "),
        (session(started_at="1969-12-31T23:59:59Z"), "started_at: lies before 1990-01-01"),
        (
            session(started_at="1969-01-01T00:00:00Z", occurred_at="1969-01-01T00:00:01Z"),
            "occurred_at: lies before 1990-01-01",
        ),
        (session(occurred_at="2027-01-15T08:00:00.001Z"), "occurred_at: lies too far in the future"),
        (
            session(started_at="2028-01-01T00:00:00Z"),
            "started_at: lies too far in the future",
        ),
    ],
)
def test_a_bad_session_is_refused_with_its_reason_and_its_neighbours_count(value, reason):
    decoding = decode(session(event_id="1"), value, session(event_id="3"))
    assert [rejection.index for rejection in decoding.rejections] == [1]
    assert reason in decoding.rejections[0].reason
    assert decoding.positions.tolist() == [0, 2]
    assert decoding.columns.durations.tolist() == [600, 600]
    assert decoding.columns.event_hashes.tolist() == event_hashes(["1", "3"], "web-sessions").tolist()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("1990-01-01T00:00:00Z", "1990-01-01T00:00:00Z"),
        ("2027-01-15T08:00:00Z", "2027-01-15T08:00:00Z"),
    ],
)
def test_the_first_and_the_latest_allowed_times_are_accepted(start, end):
    assert decode(session(started_at=start, occurred_at=end)).rejections == []


def test_no_messages_are_no_sessions():
    decoding = decode()
    assert len(decoding.columns) == len(decoding.positions) == len(decoding.rejections) == 0
