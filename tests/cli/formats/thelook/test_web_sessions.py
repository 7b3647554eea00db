"""Web events as sessions, however the file is cut."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.formats.thelook.web_sessions import Visits, read_visits, web_session
from events.schema.inputs import WebSession
from tests.cli.formats.thelook.exporting import event, write

EVENTS = [
    event("s1", "2023-01-05 10:05:00 UTC", "cart", source="Later"),
    event("s2", "2023-01-05 09:00:00 UTC", "home"),
    event("s1", "2023-01-05 10:00:00.500 UTC", "home", source="Email"),
    event("s9", "2023-01-05 10:00:00 UTC", user_id=""),
    event("s1", "2023-01-05 10:07:30 UTC", "purchase", user_id="7.0", source="Later"),
    event("s1", "2023-01-05 10:06:00 UTC", "Cart", source="Later"),
    event("", "2023-01-05 10:00:00 UTC"),
    event("s3", "2023-01-04 10:00:00 UTC", "home", source=""),
    event("s3", "2023-01-04 10:01:00 UTC", "home", source="Ads"),
    event("s1", "whenever"),
    event("s1", "2023-01-05 11:00:00 UTC", user_id="8"),
]


def read(folder: Path, lines: list[str], chunk: int = 1000) -> Visits:
    return read_visits(write(folder, events=lines) / "events.csv", chunk)


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 1000])
def test_the_events_of_a_session_are_one_visit_however_they_are_read(tmp_path: Path, chunk: int) -> None:
    found = read(tmp_path, EVENTS, chunk)
    assert (found.rows, found.skipped) == (11, {"no_user": 1, "no_session": 1, "no_time": 1})
    assert [(each.session_id, each.customer_id, each.pages, each.cart_adds, each.source) for each in found.visits] == [
        ("s3", "7", 2, 0, ""),
        ("s2", "7", 1, 0, "Email"),
        ("s1", "7", 4, 2, "Email"),
        ("s1", "8", 1, 0, "Email"),
    ]
    assert sum(each.pages for each in found.visits) == found.rows - sum(found.skipped.values())


def test_a_visit_is_a_web_session(tmp_path: Path) -> None:
    visit = read(tmp_path, EVENTS).visits[2]
    assert web_session(visit) == WebSession(
        event_id="thelook-s1-7",
        customer_id="7",
        occurred_at=datetime(2023, 1, 5, 10, 7, 30, tzinfo=UTC),
        session_id="s1",
        started_at=datetime(2023, 1, 5, 10, 0, 0, 500_000, tzinfo=UTC),
        pages=4,
        duration_s=449.5,
        cart_adds=2,
        source="Email",
    )


def test_a_session_of_one_event_takes_no_time(tmp_path: Path) -> None:
    session = web_session(read(tmp_path, EVENTS).visits[1])
    assert (session.started_at, session.duration_s) == (session.occurred_at, 0)


def test_a_session_that_never_ends_lasts_for_a_week(tmp_path: Path) -> None:
    lines = [event("s1", "2023-01-01 00:00:00 UTC"), event("s1", "2023-01-31 00:00:00 UTC")]
    session = web_session(read(tmp_path, lines).visits[0])
    assert (session.duration_s, session.started_at.day, session.occurred_at.day) == (604_800, 1, 31)


def test_a_source_is_left_out_where_the_first_event_has_none(tmp_path: Path) -> None:
    assert web_session(read(tmp_path, EVENTS).visits[0]).source is None


def test_without_events_there_are_no_visits(tmp_path: Path) -> None:
    assert read(tmp_path, []) == Visits([], 0, {"no_user": 0, "no_session": 0, "no_time": 0})
