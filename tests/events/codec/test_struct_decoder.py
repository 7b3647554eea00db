"""What the batch decoder does with each kind of garbage, and what it says about it."""

import json
import re

import msgspec
import numpy as np
import pytest

from events.codec.struct_decoder import BatchDecoder, Rejection
from events.schema.derived_structs import struct_of
from events.schema.example_messages import EXAMPLES
from events.schema.inputs import INPUTS, CustomerProfile, Exposure, Order, WebSession

ORDER = EXAMPLES["orders"]
ORDERS = BatchDecoder(Order)
INSTANT = "2026-01-31T12:00:00Z"


def encoded(event):
    return json.dumps(event).encode()


def order(**changes):
    """The bytes of the example order with some fields changed; ... drops a field."""
    return encoded({name: value for name, value in (ORDER | changes).items() if value is not ...})


def with_raw(name, text):
    """The bytes of the example order with a field that holds this JSON text, be it valid or not."""
    return order(**{name: ...})[:-1] + f', "{name}": {text}}}'.encode()


def reason(value, decoder=ORDERS):
    decoded = decoder.decode([value])
    assert (decoded.events, decoded.indices) == ([], [])
    ((index, text),) = decoded.rejections
    assert index == 0
    return text


@pytest.mark.parametrize("topic", INPUTS)
def test_valid_values_are_decoded_in_their_order(topic):
    values = [encoded(EXAMPLES[topic] | {"event_id": str(i)}) for i in range(5)]
    decoded = BatchDecoder(INPUTS[topic]).decode(values)
    assert [event.event_id for event in decoded.events] == ["0", "1", "2", "3", "4"]
    assert (decoded.indices, decoded.rejections) == (None, [])
    assert decoded.positions.tolist() == [0, 1, 2, 3, 4]


def test_empty_batch_has_nothing_in_it():
    decoded = ORDERS.decode([])
    assert (decoded.events, decoded.indices, decoded.rejections) == ([], None, [])
    assert decoded.positions.dtype == np.int64
    assert len(decoded.positions) == 0


def test_refused_values_are_left_out_and_the_others_know_their_positions():
    decoded = ORDERS.decode([b"hello", order(order_id="a"), None, order(amount=-1), order(order_id="b")])
    assert [event.order_id for event in decoded.events] == ["a", "b"]
    assert decoded.positions.tolist() == [1, 4]
    assert [refused.index for refused in decoded.rejections] == [0, 2, 3]


def test_amount_keeps_its_digits():
    decoded = ORDERS.decode([order(amount="0.10"), order(amount=0.1), order(amount="1000000000000")])
    assert [event.amount for event in decoded.events] == ["0.10", 0.1, "1000000000000"]


def test_unknown_fields_are_ignored():
    assert not ORDERS.decode([order(gift=True, wrapping={"paper": ["red"]})]).rejections


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"hello", "not JSON: expected value at line 1 column 1"),
        (b"", "not JSON: the value is empty; an event is a JSON object"),
        (b"\xef\xbb\xbf" + order(), "not JSON: begins with a byte order mark (BOM); publish UTF-8 without one"),
        (b"[]", "the event: should be an object, found an empty list"),
        (b'"x"', "the event: should be an object, found 'x'"),
        (b"null", "the event: should be an object, found null"),
        (b"{}", "event_id: missing; customer_id: missing; occurred_at: missing; amount: missing; currency: missing"),
        (None, "the message has no value; an event is a JSON object"),
        (order(customer_id=...), "customer_id: missing"),
        (order(event_id=..., amount=...), "event_id: missing; amount: missing"),
        (order(customer_id=1042), "customer_id: should be text, found 1042"),
        (order(customer_id=None), "customer_id: should be text, found null"),
        (order(customer_id=""), "customer_id: should not be empty, found ''"),
        (order(event_id="x" * 10_000), f"event_id: should have at most 128 characters, found '{'x' * 59}"),
        (order(amount=-5), "amount: should be from 0 to 1000000000000, found -5"),
        (order(amount=1e13), "amount: should be from 0 to 1000000000000, found 10000000000000.0"),
        (order(amount="-5.00"), "amount: should be a plain decimal amount such as 12.34, found '-5.00'"),
        (order(amount="1e3"), "amount: should be a plain decimal amount such as 12.34, found '1e3'"),
        (order(amount="12.34\n"), "amount: should be a plain decimal amount such as 12.34, found '12.34\\n'"),
        (order(amount=True), "amount: should be a number or a decimal string, found true"),
        (order(amount=None), "amount: should be a number or a decimal string, found null"),
        (order(amount=float("nan")), "amount: should be from 0 to 1000000000000, found nan"),
        (order(amount=float("inf")), "amount: should be from 0 to 1000000000000, found inf"),
        (with_raw("amount", "-1e400"), "amount: should be from 0 to 1000000000000, found -inf"),
        (order(currency="USD\n"), "currency: should be three capital letters, such as EUR, found 'USD\\n'"),
        (order(type="returned"), "type: should be 'placed', 'cancelled' or 'refunded', found 'returned'"),
        (order(schema_version=2), "schema_version: should be 1, found 2"),
        (order(schema_version=True), "schema_version: should be a whole number, found true"),
        (order(schema_version=1.0), "schema_version: should be a whole number, found 1.0"),
        (order(items={}), "items: should be a list, found an empty object"),
        (order(items=[{"sku": "a"}]), "items.0.quantity: missing"),
        (
            order(items=[{"sku": "a", "quantity": 1}, {"sku": "b", "quantity": "2"}]),
            "items.1.quantity: should be a whole number, found '2'",
        ),
        (
            order(items=[{"sku": "a", "quantity": 1.0}]),
            "items.0.quantity: should be a whole number, found 1.0",
        ),
        (
            order(occurred_at="2026-03-14"),
            f"occurred_at: should be an RFC 3339 date-time with a zone, such as {INSTANT}, found '2026-03-14'",
        ),
        (order(occurred_at=1773480413), "occurred_at: should be an RFC 3339 date-time string, found 1773480413"),
    ],
)
def test_reason_names_the_field_and_what_was_found(value, expected):
    assert reason(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (order()[:-1] + b",}", "not JSON: trailing comma"),
        (order()[:-1], "not JSON: EOF while parsing an object"),
        (order() + order(), "not JSON: trailing characters"),
        (order() + b"," + order(), "not JSON: trailing characters"),
        (order().replace(b"web", b"w\nb"), "not JSON: control character"),
        (order().replace(b"web", b"w\xffb"), "not JSON: invalid unicode code point"),
        (order().replace(b"web", b"\\ud800"), "not JSON: unexpected end of hex escape"),
        (order().replace(b"web", b"\\udc00"), "not JSON: lone leading surrogate"),
        (order().replace(b"web", b"\\x"), "not JSON: invalid escape"),
        (with_raw("amount", "012.50"), "not JSON: invalid number"),
        (with_raw("gift", "NaN"), "not JSON: invalid character"),
        (with_raw("gift", "-Infinity"), "not JSON: invalid character"),
    ],
)
def test_reason_says_how_it_is_not_json_and_where(value, expected):
    assert re.match(re.escape(expected) + r".* (line \d+ column \d+|\(byte \d+\))$", reason(value))


@pytest.mark.parametrize("year", [1, 1969, 1970, 9999])
def test_any_year_of_the_calendar_is_read(year):
    (event,) = ORDERS.decode([order(occurred_at=f"{year:04}-12-31T23:59:59Z")]).events
    assert event.occurred_at.year == year


@pytest.mark.parametrize("text", ["0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"])
def test_years_beyond_the_calendar_are_refused(text):
    assert text in reason(order(occurred_at=text))


@pytest.mark.parametrize(
    "tail",
    [b'"gift": "\xff"', b'"gift": "\xed\xa0\x80"', b'"\xc3(": 1', b'"gift": {"a": ["\xf8"]}', b'"gift": "\xc3'],
    ids=["byte", "surrogate", "name", "nested", "cut"],
)
def test_bytes_that_are_not_utf8_are_refused_in_ignored_fields_too(tail):
    assert reason(order()[:-1] + b", " + tail + b"}").startswith("not JSON: ")


def test_characters_that_end_in_the_next_value_are_not_utf8():
    whole = order(channel="é")
    cut = whole.replace(b"\\u00e9", "é".encode())
    at = cut.index(b"\xc3") + 1
    assert len(ORDERS.decode([cut]).events) == 1
    assert len(ORDERS.decode([cut[:at], cut[at:]]).rejections) == 2


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_nesting_in_an_ignored_field_is_refused_not_fatal(depth):
    deep = with_raw("gift", "[" * depth + "]" * depth)
    assert reason(deep).startswith("not JSON: recursion limit exceeded")
    assert ORDERS.decode([deep, order()]).positions.tolist() == [1]


def test_long_numbers_and_nested_brackets_in_ignored_fields_are_ignored():
    assert not ORDERS.decode([with_raw("gift", "1" * 5_000), with_raw("gift", "[" * 300 + "]" * 300)]).rejections


def test_last_of_a_repeated_field_counts_and_each_has_to_be_valid():
    decoded = ORDERS.decode([order()[:-1] + b', "order_id": "second"}'])
    assert [event.order_id for event in decoded.events] == ["second"]
    assert reason(b'{"order_id": 1, ' + order()[1:]) == "order_id: does not have the type that it should have"


def test_two_events_in_one_value_and_one_in_two_values_are_refused():
    """Joined by commas these three would be three events."""
    two, whole = order() + b"," + order(), order()
    cut = whole.index(b', "order_id"')
    decoded = ORDERS.decode([two, whole[:cut], whole[cut + 2 :]])
    assert decoded.events == []
    assert len(decoded.rejections) == 3


def test_event_split_over_two_neighbours_is_refused_and_the_others_are_not():
    whole = order()
    for at in range(1, len(whole)):
        decoded = ORDERS.decode([whole, whole[:at], whole[at:], whole])
        assert decoded.positions.tolist() == [0, 3]


def test_value_that_is_too_large_is_refused_unread():
    decoder = BatchDecoder(Order, max_bytes=500)
    large = order(channel="x" * 200)
    assert reason(large, decoder) == f"the value has {len(large)} bytes, more than the 500 allowed"
    assert decoder.decode([large, order()]).positions.tolist() == [1]


def test_only_the_first_five_faults_are_told():
    faults = reason(order(items=[{"sku": "", "quantity": -1}] * 10)).split("; ")
    assert len(faults) == 5


def test_so_many_faults_that_telling_them_apart_would_take_long_are_one():
    assert reason(order(items=[{}] * 1_000)) == "items.0.sku: missing"


def test_found_value_is_cut_short():
    assert len(reason(order(channel="x" * 100_000))) < 150


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"score": float("nan")}, "attributes: should hold JSON values: "),
        ({"deep": float("inf")}, "attributes: should hold JSON values: "),
        (["a"], "attributes: should be an object, found a list"),
    ],
)
def test_attributes_are_json_values(attributes, expected):
    profile = encoded(EXAMPLES["customers"] | {"attributes": attributes})
    assert reason(profile, BatchDecoder(CustomerProfile)).startswith(expected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"age": "42"}, "age: should be a whole number, found '42'"),
        ({"age": 42.5}, "age: should be a whole number, found 42.5"),
        ({"consent": {}}, "consent.marketing: missing"),
    ],
)
def test_what_is_no_age_and_no_consent_is_refused_with_what_was_found(fields, expected):
    assert reason(encoded(EXAMPLES["customers"] | fields), BatchDecoder(CustomerProfile)) == expected


def test_what_is_absent_can_be_told_from_what_is_null():
    value = encoded({"event_id": "e", "customer_id": "c", "occurred_at": "2026-01-01T00:00:00Z", "age": None})
    (event,) = BatchDecoder(CustomerProfile, unset=True).decode([value]).events
    assert (event.age, event.income, event.schema_version) == (None, msgspec.UNSET, 1)
    (event,) = BatchDecoder(CustomerProfile).decode([value]).events
    assert (event.age, event.income) == (None, None)


def test_struct_has_the_defaults_of_the_model():
    order_struct = struct_of(Order)(
        event_id="e", customer_id="c", occurred_at=None, order_id="o", amount=1, currency="EUR"
    )
    assert (order_struct.type, order_struct.items, order_struct.schema_version) == ("placed", None, 1)


def test_fields_kept_as_text_are_not_parsed():
    struct = struct_of(Exposure, as_text=("occurred_at",))
    assert struct.__annotations__["occurred_at"] is str


def test_annotation_without_a_translation_is_an_error():
    class Strange(Exposure):
        seen: set[str]

    with pytest.raises(TypeError, match="cannot derive a decoder"):
        struct_of(Strange)


def test_order_of_a_sessions_times_is_left_to_the_consumer():
    value = encoded(EXAMPLES["web-sessions"] | {"started_at": "2027-01-01T00:00:00Z"})
    assert not BatchDecoder(WebSession).decode([value]).rejections


def test_rejections_sort_by_index():
    assert sorted([Rejection(2, "a"), Rejection(1, "b")]) == [Rejection(1, "b"), Rejection(2, "a")]
