"""The batch decoder and the pydantic models give the same verdict on the same bytes, and a batch is its values."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from consumers.inputs.bounds import EventBounds
from consumers.inputs.currency_conversion import Money
from consumers.inputs.identities import IdentityInput
from consumers.inputs.orders import OrderInput
from consumers.inputs.placeholder_hashes import PlaceholderHashes
from consumers.inputs.placeholder_ids import PlaceholderIds
from consumers.inputs.web_sessions import SessionInput
from events.codec.instants import milliseconds
from events.codec.struct_decoder import BatchDecoder, DecodedStructs, Rejection
from events.schema.inputs import INPUTS, ORDER_ID_MISSING, SAME_ID, Identity, Order, WebSession
from tests.events.wire import FIELDS, odd_events, valid_events

MODELS = sorted(INPUTS.values(), key=lambda model: model.__name__)
MAX_BYTES = 1 << 20
INSTANTS = {
    model: [name for name, field in model.model_fields.items() if field.annotation is datetime] for model in MODELS
}
AS_TEXT = {model: BatchDecoder(model, MAX_BYTES, INSTANTS[model]) for model in MODELS}
DECODERS = {model: BatchDecoder(model, MAX_BYTES) for model in MODELS}
BOUNDS = EventBounds(earliest_ms=0, placeholders=PlaceholderIds(()), unnamed=PlaceholderHashes(()))
"""What the models know nothing of does not refuse anything here."""
SESSIONS = SessionInput(MAX_BYTES, BOUNDS)
IDENTITIES = IdentityInput(MAX_BYTES, BOUNDS)
ORDERS = OrderInput(Money("EUR", {"USD": 1.0, "GBP": 1.0, "JPY": 1.0}, str), MAX_BYTES, BOUNDS)
LATEST_MS = 1 << 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
JUST_BEFORE_1970 = -timedelta(milliseconds=0.5)

by_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
several = settings(max_examples=150)


def reading(model, value):
    """What pydantic makes of a value, and why it refuses it."""
    try:
        return model.model_validate_json(value), ""
    except ValidationError as error:
        return None, str(error)


def excused(value):
    """Whether the value has a repeated field or a literal that is not JSON: there the wire may be stricter."""
    found = []

    def note_repeats(pairs):
        found.extend({name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1})
        return dict(pairs)

    try:
        json.loads(value, parse_constant=found.append, object_pairs_hook=note_repeats)
    except (ValueError, RecursionError):
        return False
    return bool(found)


def as_model_values(decoded):
    """What the decoder read, in the form that pydantic dumps."""
    if isinstance(decoded, msgspec.Struct):
        return {name: as_model_values(getattr(decoded, name)) for name in decoded.__struct_fields__}
    return [as_model_values(each) for each in decoded] if isinstance(decoded, list) else decoded


def same(found, expected):
    """Whether two values are equal; an amount is a Decimal in the model, a number or its text in the struct."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(same(found[name], expected[name]) for name in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, Decimal):
        return (Decimal(found) if isinstance(found, str) else Decimal(repr(found))) == expected
    whole = type(expected) is int and type(found) is float  # 42.0 is 42
    return (whole or type(found) is type(expected)) and found == expected


RULED = (WebSession, Order, Identity)
"""Their rules over several fields are checked after the decoder, by the inputs; see below."""


def one_by_one(decoder, values):
    """Decode each value in a batch of its own and put the answers together."""
    events, indices, rejections = [], [], []
    for index, value in enumerate(values):
        alone = decoder.decode([value])
        events += alone.events
        indices += [index] * len(alone.events)
        rejections += [Rejection(index, refused.reason) for refused in alone.rejections]
    return DecodedStructs(events, indices if rejections else None, rejections)


@by_model
def test_strategies_know_every_field(model: type[BaseModel]):
    assert FIELDS[model].keys() == model.model_fields.keys()


@pytest.mark.slow
@by_model
@several
@given(data=st.data())
def test_valid_events_are_accepted_with_the_same_values(model, data):
    value = data.draw(valid_events(model))
    decoded = DECODERS[model].decode([value])
    assert decoded.rejections == []
    expected, _ = reading(model, value)
    if expected is not None or model not in RULED:
        assert same(as_model_values(decoded.events[0]), expected.model_dump())


@by_model
@several
@given(data=st.data())
def test_decoder_accepts_what_the_model_accepts(model, data):
    value = data.draw(odd_events(model))
    decoded = DECODERS[model].decode([value])
    expected, _ = reading(model, value)
    if excused(value):
        assert not decoded.events or expected is not None or model in RULED
    elif model not in RULED:
        assert bool(decoded.events) == (expected is not None)
    if decoded.events and expected is not None:
        assert same(as_model_values(decoded.events[0]), expected.model_dump())
    assert len(decoded.events) + len(decoded.rejections) == 1


@several
@given(value=odd_events(Order) | valid_events(Order))
def test_order_input_refuses_what_names_no_order_as_the_model_does(value):
    columns, _, rejections, _ = ORDERS.decode([value], LATEST_MS)
    assert len(columns) + len(rejections) == 1
    order, reason = reading(Order, value)
    if order is None and ORDER_ID_MISSING in reason and not excused(value):
        assert [refused.reason for refused in rejections] == [ORDER_ID_MISSING]
    elif order is not None:
        assert all(ORDER_ID_MISSING not in refused.reason for refused in rejections)


@several
@given(value=odd_events(Identity) | valid_events(Identity))
def test_identity_input_refuses_a_merge_of_one_id_as_the_model_does(value):
    columns, _, rejections, _ = IDENTITIES.decode([value], LATEST_MS)
    assert len(columns) + len(rejections) == 1
    identity, reason = reading(Identity, value)
    if identity is None and SAME_ID in reason and not excused(value):
        assert [refused.reason for refused in rejections] == [SAME_ID]
    elif identity is not None:
        assert all(SAME_ID not in refused.reason for refused in rejections)


@several
@given(value=odd_events(WebSession) | valid_events(WebSession))
def test_session_input_accepts_what_the_model_accepts_since_1970(value):
    columns, _, rejections, _ = SESSIONS.decode([value], LATEST_MS)
    assert len(columns) + len(rejections) == 1
    session, reason = reading(WebSession, value)
    if session is None and len(columns):  # Shoal keeps milliseconds: what starts and ends in the same one is in order
        (event,) = DECODERS[WebSession].decode([value]).events
        assert "started_at lies after occurred_at" in reason
        assert event.started_at - event.occurred_at <= timedelta(milliseconds=1)
    elif session is not None and not excused(value):
        assert len(columns) == (min(session.started_at, session.occurred_at) - EPOCH >= JUST_BEFORE_1970)


@st.composite
def batches(draw, model):
    """Values of every kind, among them two in one, and one cut into two neighbours."""
    valid = valid_events(model)
    values = []
    for kind in draw(st.lists(st.sampled_from(["valid", "valid", "odd", "two", "cut", "none"]), max_size=5)):
        match kind:
            case "valid":
                values.append(draw(valid))
            case "odd":
                values.append(draw(odd_events(model)))
            case "two":
                values.append(draw(valid) + draw(st.sampled_from([b",", b"\n", b"", b", "])) + draw(valid))
            case "cut":
                whole = draw(valid)
                at = draw(st.sampled_from([i for i, byte in enumerate(whole) if byte in b',}]"' and i] or [1]))
                values += [whole[:at], whole[at + draw(st.integers(0, 1)) :]]
            case "none":
                values.append(draw(st.sampled_from([None, b"", b"[]", b"{}", b"null", b"x" * (MAX_BYTES + 1)])))
    return values


@pytest.mark.slow
@by_model
@several
@given(data=st.data())
def test_batch_is_the_same_as_its_values_one_by_one(model, data):
    values = data.draw(batches(model))
    decoded = DECODERS[model].decode(values)
    assert decoded == one_by_one(DECODERS[model], values)
    positions = [*decoded.positions.tolist(), *(refused.index for refused in decoded.rejections)]
    assert sorted(positions) == list(range(len(values)))


@pytest.mark.slow
@by_model
@several
@given(data=st.data())
def test_instants_left_as_text_get_the_same_verdict_and_the_same_times(model, data):
    values = data.draw(batches(model))
    if any(value is not None and excused(value) for value in values):
        return
    decoded, expected = AS_TEXT[model].decode(values), DECODERS[model].decode(values)
    assert [refused.index for refused in decoded.rejections] == [refused.index for refused in expected.rejections]
    assert decoded.positions.tolist() == expected.positions.tolist()
    for name in INSTANTS[model]:
        times = milliseconds([getattr(event, name) for event in expected.events])
        assert decoded.instants[name].tolist() == times.tolist()
