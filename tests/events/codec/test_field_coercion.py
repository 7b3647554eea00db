"""What is taken for what it plainly means, what is set aside, and what is left as it is, to be refused."""

import json

import pytest

from events.codec.field_coercion import coerce, coerce_refused
from events.codec.struct_decoder import Rejection

ABSENT = object()


def meant(topic, field, value):
    """What a field becomes, and whether it was set aside; None where the event is left as it is."""
    coerced = coerce(topic, json.dumps({"event_id": "1", field: value, "note": [1]}).encode())
    if coerced is None:
        return None
    event = json.loads(coerced.value)
    assert (event["event_id"], event["note"]) == ("1", [1])
    return event.get(field, ABSENT), coerced.set_aside == [field]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("age", "42", 42),
        ("age", " 42 ", 42),
        ("age", "151", 151),  # to be refused for its bound
        ("income", "51000.50", 51_000.5),
        ("income", "-1", -1),
        ("latitude", "+52.5", 52.5),
        ("city", 10115, "10115"),
        ("gender", 1, "1"),
        ("consent", False, {"marketing": False}),
        ("consent", "No", {"marketing": False}),
        ("consent", 1, {"marketing": True}),
        ("consent", {"marketing": "false", "email": True}, {"marketing": False}),
        ("consent", {"marketing": " YES "}, {"marketing": True}),
        ("consent", {"marketing": 0}, {"marketing": False}),
        ("consent", {}, ABSENT),
        ("consent", [], ABSENT),
        ("consent", {"email": False}, ABSENT),
    ],
)
def test_a_field_is_taken_for_what_it_plainly_means(field, value, expected):
    assert meant("customers", field, value) == (expected, False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("age", ""),
        ("age", "unknown"),
        ("age", "4e1"),
        ("age", True),
        ("age", [42]),
        ("income", "50.000,00"),
        ("income", "1,000"),
        ("income", "nan"),
        ("city", True),
        ("country", {"code": "DE"}),
        ("signed_up_at", "2026-01-01"),
        ("signed_up_at", "2026-01-01T00:00:00"),
        ("signed_up_at", 1_767_225_600),
    ],
)
def test_a_field_whose_meaning_is_not_plain_is_set_aside(field, value):
    assert meant("customers", field, value) == (ABSENT, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("age", 151),
        ("age", 42.5),
        ("age", None),
        ("consent", None),
        ("consent", "maybe"),
        ("consent", {"marketing": "maybe"}),
        ("consent", {"marketing": ""}),
        ("consent", {"marketing": None}),
        ("consent", {"marketing": [False]}),
        ("attributes", ["a"]),
        ("attributes", {"age": "42"}),
        ("signed_up_at", "1970-01-01T00:00:00Z"),
        ("unknown", "42"),
    ],
)
def test_what_has_its_type_or_cannot_be_told_is_left_as_it_is(field, value):
    assert meant("customers", field, value) is None


@pytest.mark.parametrize("given", [{}, {"amount": None}, {"currency": "EUR"}, {"amount": "5", "currency": None}])
def test_a_cancellation_needs_neither_amount_nor_currency(given):
    event = json.loads(coerce("orders", json.dumps({"type": "cancelled", **given}).encode()).value)
    assert event == {
        "type": "cancelled",
        "amount": given.get("amount") or 0,
        "currency": given.get("currency") or "XXX",
    }


@pytest.mark.parametrize("event", [{}, {"type": "placed"}, {"type": "refunded"}, {"type": ["cancelled"]}])
def test_no_other_order_is_given_an_amount(event):
    assert coerce("orders", json.dumps(event).encode()) is None


@pytest.mark.parametrize(
    "value", [None, b"", b"no", b"[]", b"7", b"\xff", b"[" * 100_000, b'{"age": 1' + b"0" * 400 + b"}"]
)
def test_what_is_no_event_is_left_as_it_is(value):
    assert coerce("customers", value) is None


def test_only_what_was_refused_is_looked_at():
    values = [b'{"age": "1"}', b'{"age": "x"}', b'{"age": "2"}', None]
    mended, set_aside = coerce_refused("customers", values, [Rejection(1, ""), Rejection(2, ""), Rejection(3, "")])
    assert mended == [b'{"age": "1"}', b"{}", b'{"age":2.0}', None]
    assert set_aside == {1: ["age"]}
    assert coerce_refused("customers", values, [Rejection(3, "")]) is None
    assert coerce_refused("exposures", values, [Rejection(1, "")]) is None
