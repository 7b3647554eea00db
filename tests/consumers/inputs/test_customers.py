"""Profiles in columns and as the JSON that is kept, and every reason for which one is refused."""

import json

import pytest

from consumers.inputs.customers import ProfileInput
from events.codec.id_hashes import event_hashes
from events.schema.example_messages import EXAMPLES

LATEST_MS = 1_800_000_000_000


def profile(**fields):
    event = {"event_id": "e", "customer_id": "c", "occurred_at": "2026-01-01T00:00:00Z"} | fields
    return json.dumps(event).encode()


def decode(*values):
    return ProfileInput(1_000).decode(values, LATEST_MS)


def told(decoding):
    """What each profile tells."""
    return [json.loads(document) for document in decoding.columns.documents]


def test_profiles_become_columns():
    decoding = decode(
        profile(event_id="1", customer_id="a", signed_up_at="2025-12-31T00:00:00Z", age=37, income=48_000.5),
        profile(event_id="2", customer_id="b"),
    )
    columns = decoding.columns
    assert list(columns.customer_ids) == ["a", "b"]
    assert columns.event_hashes.tolist() == event_hashes(["1", "2"], "customers").tolist()
    assert columns.times.tolist() == [1_767_225_600_000] * 2
    first, second = told(decoding)
    assert (first["signed_up_at"], first["age"], first["income"]) == ("2025-12-31T00:00:00Z", 37, 48_000.5)
    assert second.keys() == {"event_id", "customer_id", "occurred_at", "schema_version"}


def nested(levels):
    """A list in a list in a list …"""
    return [nested(levels - 1)] if levels else 1


@pytest.mark.parametrize(
    "fields",
    [
        {"city": "Berlin"},
        {"attributes": {"vip": True}},
        {"attributes": {"address": {"city": "X"}}},
        {"attributes": {"x": None}},
        {"attributes": {"tags": ["a"]}},
        {"attributes": {"deep": nested(31)}},
        {"age": 42.0},
        {"age": None, "country": None},
        {"consent": None},
        {"consent": {"marketing": None}},
    ],
)
def test_a_part_of_a_profile_with_values_of_any_kind_is_kept_as_it_was_sent(fields):
    (document,) = told(decode(profile(**fields)))
    assert {
        name: document[name] for name in document if name not in json.loads(profile()) | {"schema_version": 1}
    } == fields


def test_an_age_with_a_fraction_of_zero_is_a_whole_number():
    assert b'"age":42,' in decode(profile(age=42.0, city="Berlin")).columns.documents[0]


def test_the_document_kept_holds_all_the_fields_that_were_sent():
    (document,) = decode(json.dumps(EXAMPLES["customers"]).encode()).columns.documents
    kept = json.loads(document)
    sent = dict(EXAMPLES["customers"])
    assert kept.pop("occurred_at").startswith("2026-03-14T")
    del sent["occurred_at"]
    assert {name: kept[name] for name in sent} == sent


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the message has no value"),
        (b"nothing", "not JSON"),
        (profile(age=-1), "age: should be at least 0"),
        (profile(age=151), "age: should be at most 150"),
        (profile(age="151"), "age: should be at most 150, found 151"),
        (profile(income=-1), "income: "),
        (profile(latitude=91), "latitude: "),
        (profile(age=42.5), "age: should be a whole number"),
        (profile(attributes=["a"]), "attributes: "),
        (
            profile(attributes={"a": nested(32)}),
            "attributes: nested more than 32 levels deep; send what is inside as text",
        ),
        (profile(consent={"marketing": "maybe"}), "consent.marketing: should be true or false, found 'maybe'"),
        (profile(signed_up_at="1969-12-31T23:59:59.999Z"), "signed_up_at: lies before 1990-01-01"),
        (profile(signed_up_at="2027-01-15T08:00:00.001Z"), "signed_up_at: lies too far in the future"),
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
    assert [(each["event_id"], each["age"]) for each in told(decoding)] == [("1", 20.0), ("3", 40.0)]


@pytest.mark.parametrize("instant", ["1990-01-01T00:00:00Z", "2027-01-15T08:00:00Z"])
def test_the_first_and_the_latest_allowed_times_are_accepted(instant):
    assert decode(profile(occurred_at=instant, signed_up_at=instant)).rejections == []


def test_no_messages_are_no_profiles():
    decoding = decode()
    assert len(decoding.columns) == len(decoding.positions) == 0
    assert decoding.columns.documents == []


def test_one_field_that_cannot_be_read_does_not_cost_the_profile():
    """Rows of a CRM: numbers as text, a consent in words, and fields that cannot be read."""
    decoding = decode(
        profile(event_id="1", age="42", city="Bonn", consent="no"),
        profile(event_id="2", age="unknown", city=True, income="50000"),
        b"nothing",
        profile(event_id="3", age="unknown", latitude=91),
        profile(event_id="4", consent={"email": False}, city="Ulm"),
    )
    assert [rejection.index for rejection in decoding.rejections] == [2, 3]
    first, second, last = told(decoding)
    assert (first["age"], first["city"], first["consent"]) == (42, "Bonn", {"marketing": False})
    assert (second["income"], "age" in second, "city" in second) == (50_000, False, False)
    assert (last["city"], "consent" in last) == ("Ulm", False)
    assert decoding.set_aside == {1: ["age", "city"]}, "of the refused one nothing counts"
