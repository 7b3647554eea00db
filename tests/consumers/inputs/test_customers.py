"""Profiles in columns and as the JSON that is kept, and every reason for which one is refused."""

import json

import numpy as np
import pytest

from consumers.inputs.customers import ProfileInput
from events.codec.id_hashes import event_hashes
from events.schema.example_messages import EXAMPLES
from state.customers.records import NEVER_FIRST, PROFILE_NUMBERS

LATEST_MS = 1_800_000_000_000


def profile(**fields):
    event = {"event_id": "e", "customer_id": "c", "occurred_at": "2026-01-01T00:00:00Z"} | fields
    return json.dumps(event).encode()


def decode(*values, attributes=()):
    return ProfileInput(1_000, attributes).decode(values, LATEST_MS)


def numbers_of(value, attributes=()):
    """The profile's numbers, None where absent."""
    row = decode(value, attributes=attributes).columns.numbers[0].tolist()
    return [None if np.isnan(number) else number for number in row]


def test_profiles_become_columns():
    decoding = decode(
        profile(event_id="1", customer_id="a", signed_up_at="2025-12-31T00:00:00Z", age=37, income=48_000.5),
        profile(event_id="2", customer_id="b"),
    )
    columns = decoding.columns
    assert list(columns.customer_ids) == ["a", "b"]
    assert columns.event_hashes.tolist() == event_hashes(["1", "2"], "customers").tolist()
    assert columns.times.tolist() == [1_767_225_600_000] * 2
    assert columns.signed_up.tolist() == [1_767_139_200_000, NEVER_FIRST]
    assert columns.numbers.shape == (2, PROFILE_NUMBERS)
    assert columns.numbers[0, :2].tolist() == [37.0, 48_000.5]
    assert np.isnan(columns.numbers[0, 2:]).all()
    assert np.isnan(columns.numbers[1]).all()


def test_the_document_kept_holds_all_the_fields_that_were_sent():
    (document,) = decode(json.dumps(EXAMPLES["customers"]).encode()).columns.documents
    kept = json.loads(document)
    sent = dict(EXAMPLES["customers"])
    assert kept.pop("occurred_at").startswith("2026-03-14T")
    del sent["occurred_at"]
    assert {name: kept[name] for name in sent} == sent


def test_declared_attributes_are_numbers_beside_age_and_income():
    value = profile(age=1, attributes={"visits": 3, "tier": "gold", "ratio": 0.5, "other": 9})
    assert numbers_of(value, ("ratio", "tier", "absent", "visits")) == [1.0, None, 0.5, None, None, 3.0]
    assert numbers_of(value) == [1.0, None, None, None, None, None]


@pytest.mark.parametrize("huge", [1e39, -1e300])
def test_a_number_too_large_for_the_record_counts_as_absent(huge):
    assert numbers_of(profile(age=30, attributes={"a": huge, "b": 2}), ("a", "b")) == [
        30.0,
        None,
        None,
        2.0,
        None,
        None,
    ]


def test_a_true_zero_is_not_absent():
    assert numbers_of(profile(age=0, income=0))[:2] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the message has no value"),
        (b"nothing", "not JSON"),
        (profile(age=-1), "age: input should be greater than or equal to 0"),
        (profile(age=151), "age: input should be less than or equal to 150"),
        (profile(age="37"), "age: "),
        (profile(income=-1), "income: "),
        (profile(latitude=91), "latitude: "),
        (profile(attributes={"a": [1]}), "attributes"),
        (profile(consent={"marketing": "yes"}), "consent.marketing: "),
        (profile(signed_up_at="1969-12-31T23:59:59.999Z"), "signed_up_at: lies before 1990-01-01"),
        (profile(customer_id="[object Object]"), "customer_id: '[object Object]' stands for a missing id; "),
        (profile(occurred_at="1969-12-31T23:59:59.999Z"), "occurred_at: lies before 1990-01-01"),
        (profile(occurred_at="2027-01-15T08:00:00.001Z"), "occurred_at: lies too far in the future"),
    ],
)
def test_a_bad_profile_is_refused_with_its_reason_and_its_neighbours_count(value, reason):
    decoding = decode(profile(event_id="1", age=20), value, profile(event_id="3", age=40))
    assert [rejection.index for rejection in decoding.rejections] == [1]
    assert reason in decoding.rejections[0].reason
    assert decoding.positions.tolist() == [0, 2]
    assert decoding.columns.numbers[:, 0].tolist() == [20.0, 40.0]
    assert [json.loads(document)["event_id"] for document in decoding.columns.documents] == ["1", "3"]


@pytest.mark.parametrize("instant", ["1990-01-01T00:00:00Z", "2027-01-15T08:00:00Z"])
def test_the_first_and_the_latest_allowed_times_are_accepted(instant):
    assert decode(profile(occurred_at=instant, signed_up_at="1990-01-01T00:00:00Z")).rejections == []


def test_no_messages_are_no_profiles():
    decoding = decode()
    assert len(decoding.columns) == len(decoding.positions) == 0
    assert decoding.columns.numbers.shape == (0, PROFILE_NUMBERS)
