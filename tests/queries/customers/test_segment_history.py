"""A history is what the record remembers; the published changes add causes and what lies further back."""

from events.time_units import DAY_MS
from queries.customers.segment_history import segment_history, with_changes
from state.customers.recent_segments import push_current_segment
from tests.building import NOW_MS, change_of, ints, rows_with

NAMES = {"s1": "Loyal", "s2": "At-Risk"}


def moved(*segments):
    rows = rows_with(segment=0)
    for number, segment in enumerate(segments, 1):
        push_current_segment(rows, ints([0]))
        rows["segment"], rows["since"], rows["change_number"] = segment, NOW_MS + number * DAY_MS, number
    return rows


def test_the_record_alone():
    assert segment_history(moved(), NAMES) == []
    history = segment_history(moved(1, 2, 9), NAMES)
    assert [(each["change_number"], each["segment"], each["since"][:10]) for each in history] == [
        (3, "s9", "2026-01-04"),
        (2, "At-Risk", "2026-01-03"),
        (1, "Loyal", "2026-01-02"),
    ]


def test_published_changes_add_causes_and_reach_further_back():
    history = segment_history(moved(1, 2, 1, 2, 1, 2), NAMES)
    assert [each["change_number"] for each in history] == [6, 5, 4, 3]
    changes = [change_of("anna", number, f"s{2 - number % 2}") for number in (1, 2, 3, 4, 5, 5, 7)]
    told = with_changes(history, changes)
    assert [(each["change_number"], each["cause"]) for each in told] == [
        (6, None),
        *((number, "activity") for number in (5, 4, 3, 2, 1)),
    ]
    assert [each["segment_id"] for each in told] == ["s2", "s1", "s2", "s1", "s2", "s1"]
