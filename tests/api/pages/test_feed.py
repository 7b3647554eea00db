"""What the page of now is told of segment changes, one at a time."""

import json

import pytest

from api.pages.now import _message
from queries.operations.change_feed import NumberedChange
from tests.building import change_of, merge_of


def told(*changes):
    event, data, *_ = _message([NumberedChange(n, each) for n, each in enumerate(changes, 1)]).decode().splitlines()
    assert event == "event: changes"
    return json.loads(data.removeprefix("data: "))


def test_a_change_is_told_with_what_was_before():
    (change,) = told(change_of("anna", 2, "s2", "s1"))["changes"]
    assert (change["customer"], change["before"], change["segment"]) == ("anna", "s1", "Segment s2")


@pytest.mark.parametrize(("segment_id", "before"), [("s1", "Segment s1"), (None, "no segment")])
def test_a_merge_is_told_though_it_leads_to_no_segment(segment_id, before):
    (change,) = told(merge_of("visitor", 2, "anna", segment_id))["changes"]
    assert (change["before"], change["segment"]) == (before, "one person with anna")
    assert (change["cause"], change["why"]) == ("merge", "one person with anna from now on")


def test_of_very_many_the_newest_are_told_and_the_others_counted():
    found = told(*(change_of(f"c{n}", 1) for n in range(20)))
    assert ([each["customer"] for each in found["changes"]], found["more"]) == ([f"c{n}" for n in range(8, 20)], 8)
