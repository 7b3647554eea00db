"""Events in columns are the same whether they were scanned or came by way of structs, and what is common is scanned."""

import importlib.util
import json
import os

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from events.codec.byte_columns import BinaryColumn
from events.codec.column_decoder import ABSENT, ColumnDecoder, is_compiled
from events.codec.id_hashes import text_hashes
from events.codec.scan_plan import Kind, scan_plan_of
from events.schema.example_messages import EXAMPLES
from events.schema.inputs import INPUTS, Conversion, CustomerProfile, Exposure, Order, WebSession
from tests.events.wire import odd_events, valid_events

COLUMNS = {
    Order: ("event_id", "customer_id", "occurred_at", "type", "order_id", "amount", "currency"),
    WebSession: ("event_id", "customer_id", "occurred_at", "started_at", "pages", "duration_s", "cart_adds", "device"),
    Exposure: ("event_id", "customer_id", "occurred_at", "experiment", "variant"),
    Conversion: ("event_id", "customer_id", "occurred_at", "experiment", "value", "currency", "kind"),
}
MAX_BYTES = 1 << 20
DECODERS = {model: ColumnDecoder(model, columns, MAX_BYTES) for model, columns in COLUMNS.items()}
STRUCTS = {model: ColumnDecoder(model, columns, MAX_BYTES, compiled=False) for model, columns in COLUMNS.items()}
DECODERS_OF_HASHES = ColumnDecoder(Exposure, (), hashed={"event_id": 653})
ORDER = EXAMPLES["orders"]

by_model = pytest.mark.parametrize("model", COLUMNS, ids=lambda model: model.__name__)
compiled = pytest.mark.skipif(not is_compiled(), reason="there was no C compiler when Shoal was installed")
several = settings(max_examples=300)


def as_lists(column):
    if isinstance(column, np.ndarray):
        return [None if isinstance(value, float) and np.isnan(value) else value for value in column.tolist()]
    return [column.exact(i) for i in range(len(column.thousandths))]


def of(read):
    """All that was read, in a form that can be compared; of amounts, the number counts and not how it is written."""
    return {
        name: [float(value) if name in {"amount", "value"} else value for value in as_lists(column)]
        for name, column in read.columns.items()
    }


def scanned(value, model=Order):
    """Whether a value is scanned."""
    decoder = DECODERS[model]
    return bool(decoder._scanner.scan(BinaryColumn.of([value]), MAX_BYTES).accepted[0])


def order(**changes):
    event = {name: value for name, value in (ORDER | changes).items() if value is not ...}
    return json.dumps(event, ensure_ascii=False).encode()


def with_raw(name, text):
    """The bytes of the example order with a field that holds these bytes, be they JSON or not."""
    return order(**{name: ...})[:-1] + f', "{name}": '.encode() + text + b"}"


@pytest.mark.skipif("CI" not in os.environ, reason="a machine may have no C compiler")
@pytest.mark.parametrize(
    "module",
    [
        "consumers.inputs.text_matching",
        "events.topics.murmur2",
        "events.codec.json_scan",
        "events.codec.text_splice",
        "state.store.resp",
        "state.customers.record_words",
    ],
)
def test_loops_are_compiled_where_changes_are_checked(module):
    assert importlib.util.find_spec(module) is not None


@pytest.mark.slow
@by_model
@several
@given(data=st.data())
def test_scanned_events_are_those_that_come_by_way_of_structs(model, data):
    values = data.draw(st.lists(valid_events(model) | odd_events(model) | st.none(), max_size=4))
    found, expected = DECODERS[model].decode(values), STRUCTS[model].decode(values)
    assert of(found) == of(expected)
    assert found.positions.tolist() == expected.positions.tolist()
    assert found.rejections == expected.rejections


@several
@given(value=valid_events(Order), at=st.integers(0), octet=st.integers(0, 255), kept=st.sampled_from([0, 1, 2]))
@example(value=order(), at=0, octet=0, kept=0)
def test_damaged_events_get_the_same_verdict(value, at, octet, kept):
    """An octet put in, put in place of another, or in place of two."""
    at %= len(value) + 1
    damaged = value[:at] + bytes([octet]) + value[at + kept :]
    found, expected = DECODERS[Order].decode([damaged]), STRUCTS[Order].decode([damaged])
    assert (of(found), found.rejections) == (of(expected), expected.rejections)


@compiled
@pytest.mark.parametrize("topic", [topic for topic, model in INPUTS.items() if model in COLUMNS])
def test_example_events_are_scanned(topic):
    for event in (EXAMPLES[topic], EXAMPLES[topic] | {"not_in_the_model": [1, -2.5, {"a": [True, None, "é"]}, [], {}]}):
        assert scanned(json.dumps(event, ensure_ascii=False).encode(), INPUTS[topic])
        assert scanned(json.dumps(event, ensure_ascii=False, indent=2).encode() + b"\n", INPUTS[topic])
        assert scanned(json.dumps(dict(reversed(event.items())), ensure_ascii=False).encode(), INPUTS[topic])


@compiled
@pytest.mark.parametrize(
    "changes",
    [
        {"type": "refunded"},
        {"type": ...},
        {"amount": "0012.345"},
        {"amount": 999_999_999_999.99},
        {"customer_id": "Zoë"},
        {"channel": None},
        {"items": []},
        {"items": [{"sku": "a", "quantity": 1}, {"quantity": 2, "sku": "b", "price": "1.5", "category": "Möbel"}]},
        {"occurred_at": "2024-02-29T23:59:59.999999+00:00"},
    ],
)
def test_what_shops_publish_is_scanned(changes):
    value = order(**changes)
    assert scanned(value)
    assert of(DECODERS[Order].decode([value])) == of(STRUCTS[Order].decode([value]))


@compiled
@pytest.mark.parametrize(
    "value",
    [
        order(customer_id="a\\b"),
        order(customer_id="x" * 129),
        order(customer_id="\U0001f600" * 129),
        order(amount=-1),
        order(amount=1e-7),
        order(amount=10**12),
        order(currency="eur"),
        order(currency="EURO"),
        order(schema_version=2),
        order(occurred_at="2026-02-29T00:00:00Z"),
        order(occurred_at="2026-01-31T12:00:00+01:00"),
        order(occurred_at="1969-12-31T23:59:59Z"),
        order(amount=...),
        order() + b"{}",
        order()[:-1],
        order()[:-1] + b",}",
        order()[:-1] + b', "event_id": "again"}',
        b"[" + order() + b"]",
        with_raw("amount", b"012.30"),
        with_raw("amount", b"12."),
        with_raw("amount", b".5"),
        with_raw("amount", b"1e2"),
        with_raw("channel", b'"\xff"'),
        with_raw("channel", b'"tab\there"'),
        with_raw("gift", b"NaN"),
        with_raw("gift", b"[" * 40 + b"]" * 40),
        with_raw("items", b'[{"sku": "a", "quantity": 1},]'),
        with_raw("items", b'[{"sku": "a", "quantity": 1.0}]'),
    ],
)
def test_what_is_not_certain_is_left_to_the_other_way(value):
    assert not scanned(value)


@compiled
def test_scanner_takes_no_value_that_is_longer_than_allowed():
    decoder = ColumnDecoder(Order, COLUMNS[Order], len(order()) - 1)
    read = decoder.decode([order()])
    assert len(read) == 0
    assert "more than the" in read.rejections[0].reason


def test_absent_fields_have_their_default_or_a_mark():
    orders = DECODERS[Order].decode([order(type=...)])
    assert DECODERS[Order].choices["type"][orders["type"][0]] == "placed"
    bare = {name: EXAMPLES["conversions"][name] for name in ("event_id", "customer_id", "occurred_at")}
    for decoder in (DECODERS[Conversion], STRUCTS[Conversion]):
        read = decoder.decode([json.dumps(bare).encode()])
        assert read["experiment"].tolist() == [None]
        assert read["currency"].tolist() == [ABSENT]
        assert read["value"].thousandths.tolist() == [0]


def test_no_values_give_empty_columns():
    read = DECODERS[Order].decode([])
    assert len(read) == len(read["amount"].thousandths) == len(read["customer_id"]) == 0


def test_a_model_that_cannot_be_scanned_is_refused():
    with pytest.raises(TypeError, match="no value is scanned"):
        scan_plan_of(CustomerProfile, ())


def test_layout_knows_the_kinds_of_columns():
    assert scan_plan_of(Order, ("amount", "type")).kinds == {"amount": Kind.AMOUNT, "type": Kind.CHOICE}


@compiled
@given(st.lists(st.tuples(st.integers(1, 128), st.sampled_from(["ascii", "é"])), max_size=4), st.integers(0, 2**64 - 1))
@several
def test_scanned_hashes_are_those_of_the_library(lengths, seed):
    """Up to 128 bytes they are computed here, beyond by the library; one long text in a batch, and it hashes all."""
    texts = [("0a-Z_ x" * 19 if letters == "ascii" else letters * 128)[:length] for length, letters in lengths]
    values = [json.dumps(EXAMPLES["exposures"] | {"event_id": text}, ensure_ascii=False).encode() for text in texts]
    read = ColumnDecoder(Exposure, (), hashed={"event_id": seed}).decode(values)
    assert read["event_id"].tolist() == text_hashes(texts, seed).tolist()


@compiled
@pytest.mark.parametrize("length", range(1, 129))
def test_hash_of_each_length_is_that_of_the_library(length):
    texts = [
        "".join(chr(33 + (start + 7 * i) % 90).replace('"', "-").replace("\\", "-") for i in range(length))
        for start in range(9)
    ]
    values = [json.dumps(EXAMPLES["exposures"] | {"event_id": text}).encode() for text in texts]
    assert DECODERS_OF_HASHES.decode(values)["event_id"].tolist() == text_hashes(texts, 653).tolist()
