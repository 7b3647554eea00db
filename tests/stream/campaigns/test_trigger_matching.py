"""Which change matches which trigger."""

import json
from datetime import UTC, datetime
from typing import get_args

import pytest
from pydantic import ValidationError

from events.schema.outputs import Cause
from state.campaigns.triggers import Trigger
from stream.campaigns.trigger_matching import deliveries_for, matches
from stream.campaigns.webhook_request import new_secret
from tests.building import change_of, merge_of

MADE = datetime(2026, 1, 1, tzinfo=UTC)
MADE_MS = int(MADE.timestamp() * 1000)


def trigger(**values):
    return Trigger(
        **({"trigger": "t", "url": "https://x.example/h", "secret": new_secret(), "created_at": MADE} | values)
    )


@pytest.mark.parametrize(
    ("wanted", "fit"),
    [
        ({}, True),
        ({"entered": ["s1"]}, True),
        ({"entered": ["segment S1"]}, True),
        ({"entered": ["s2"]}, False),
        ({"entered": ["s2", "s1"]}, True),
        ({"left": ["s3"]}, True),
        ({"left": ["s1"]}, False),
        ({"entered": ["s1"], "left": ["s3"]}, True),
        ({"entered": ["s1"], "left": ["s4"]}, False),
        ({"causes": ["time"]}, False),
        ({"causes": ["time", "activity"]}, True),
    ],
)
def test_a_change_from_s3_to_s1_by_activity(wanted, fit):
    assert matches(trigger(**wanted), change_of("anna", 2, "s1", "s3")) is fit


def test_a_first_segment_is_entered_but_none_is_left():
    first = change_of("anna", 1, "s1")
    assert matches(trigger(entered=["s1"]), first)
    assert not matches(trigger(left=["s1"]), first)


def test_model_and_baseline_are_no_reasons_for_a_campaign_unless_asked_for():
    for cause in get_args(Cause):
        change = change_of("anna", 1)
        change.cause = cause
        assert matches(trigger(), change) is (cause in {"activity", "time"})
        assert matches(trigger(causes=[cause]), change)


def test_a_merge_is_delivered_to_who_asked_for_it_and_enters_no_segment():
    merge = merge_of("visitor", 2, "anna", "s3")
    assert not matches(trigger(), merge)
    assert matches(trigger(causes=["merge"]), merge)
    assert matches(trigger(causes=["merge"], left=["s3"]), merge)
    assert not matches(trigger(causes=["merge"], entered=["s3"]), merge)
    (delivery,) = deliveries_for([trigger(causes=["merge"])], [(merge, MADE_MS)], dict)["t"]
    assert (delivery.customer_id, delivery.segment_id) == ("visitor", None)
    data = json.loads(delivery.body)["data"]
    assert (data["merged_into"], data["segment_id"], data["segment"]) == ("anna", None, None)
    assert data["explanation"] == "one person with anna from now on"


def test_value_and_time_decide_too():
    changes = [
        (change_of("anna", 1), MADE_MS),
        (change_of("bert", 1), MADE_MS + 5),
        (change_of("carl", 1), MADE_MS - 1),
    ]
    asked = []

    def values_of(ids):
        asked.append(list(ids))
        return {"anna": 99.99, "bert": 100.0}

    made = deliveries_for([trigger(trigger="rich", min_value=100.0), trigger(trigger="all")], changes, values_of)
    assert {name: [each.customer_id for each in found] for name, found in made.items()} == {
        "rich": ["bert"],
        "all": ["anna", "bert"],
    }
    assert asked == [["anna", "bert"]]
    assert len({each.id for found in made.values() for each in found}) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://x.example/h"},
        {"url": "file:///etc/passwd"},
        {"url": "https:///path"},
        {"url": "https://me:secret@x.example/"},
        {"trigger": "Win Back"},
        {"secret": "short"},
        {"secret": "whsec_MTIz"},
        {"causes": ["boredom"]},
        {"min_value": float("nan")},
        {"cap": -1},
    ],
)
def test_a_trigger_that_cannot_work_is_refused(wrong):
    with pytest.raises(ValidationError):
        trigger(**wrong)
