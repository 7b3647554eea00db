"""The models of the inputs: strict, forward compatible, and what Python makes of them reaches the consumer."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from events.codec.struct_decoder import BatchDecoder
from events.schema.example_messages import EXAMPLES
from events.schema.inputs import INPUTS, CustomerProfile, Order, WebSession
from tests.events.wire import valid_events

NOW = datetime(2026, 3, 14, tzinfo=UTC)
by_topic = pytest.mark.parametrize("topic", INPUTS)


def variant(topic, **changes):
    return json.dumps(EXAMPLES[topic] | changes)


@by_topic
@pytest.mark.parametrize("field", ["event_id", "customer_id", "occurred_at"])
def test_every_event_says_which_whose_and_when(topic, field):
    event = {name: value for name, value in EXAMPLES[topic].items() if name != field}
    with pytest.raises(ValidationError, match=field):
        INPUTS[topic].model_validate_json(json.dumps(event))


@by_topic
def test_fields_of_a_newer_publisher_are_ignored(topic):
    event = INPUTS[topic].model_validate_json(variant(topic, colour="blue"))
    assert not hasattr(event, "colour")


@by_topic
def test_other_versions_are_refused(topic):
    assert INPUTS[topic].model_validate_json(variant(topic)).schema_version == 1
    with pytest.raises(ValidationError, match="schema_version"):
        INPUTS[topic].model_validate_json(variant(topic, schema_version=2))


@by_topic
def test_events_cannot_be_changed(topic):
    event = INPUTS[topic].model_validate_json(variant(topic))
    with pytest.raises(ValidationError, match="frozen"):
        event.customer_id = "somebody else"


@by_topic
@settings(max_examples=60)
@given(data=st.data())
def test_event_written_by_its_model_is_decoded(topic, data):
    value = data.draw(valid_events(INPUTS[topic]))
    try:
        event = INPUTS[topic].model_validate_json(value)
    except ValidationError:
        assert topic in ("web-sessions", "orders")  # those with a rule over several fields
        return
    written = event.to_json()
    assert BatchDecoder(INPUTS[topic]).decode([written]).rejections == []


def test_computed_amount_is_written_as_one_that_is_accepted():
    order = Order(event_id="e", customer_id="c", occurred_at=NOW, order_id="o", amount=0.1 + 0.2, currency="EUR")
    written = order.model_dump_json()
    assert '"amount":"0.300000"' in written
    assert BatchDecoder(Order).decode([written.encode()]).rejections == []


def test_session_does_not_start_after_its_end():
    with pytest.raises(ValidationError, match="started_at lies after occurred_at"):
        WebSession.model_validate_json(variant("web-sessions", started_at="2026-03-14T09:27:10.251Z"))
    same = EXAMPLES["web-sessions"]["occurred_at"]
    assert WebSession.model_validate_json(variant("web-sessions", started_at=same)).pages == 11


@pytest.mark.parametrize(
    ("topic", "field", "low", "high"),
    [
        ("web-sessions", "pages", 0, 1_000_000),
        ("web-sessions", "cart_adds", 0, 1_000_000),
        ("web-sessions", "duration_s", 0, 604_800),
        ("customers", "age", 0, 150),
        ("customers", "income", 0, 10**12),
        ("customers", "latitude", -90, 90),
        ("customers", "longitude", -180, 180),
        ("orders", "amount", 0, 10**12),
        ("conversions", "value", 0, 10**12),
    ],
)
def test_numbers_have_bounds(topic, field, low, high):
    model, decoder = INPUTS[topic], BatchDecoder(INPUTS[topic])
    for inside in (low, high):
        assert getattr(model.model_validate_json(variant(topic, **{field: inside})), field) == inside
    for outside in (low - 1, high + 1):
        with pytest.raises(ValidationError, match=field):
            model.model_validate_json(variant(topic, **{field: outside}))
        assert len(decoder.decode([variant(topic, **{field: outside}).encode()]).rejections) == 1


def test_a_profile_is_published_with_the_nulls_that_were_given_and_no_others():
    told = {"event_id": "e", "customer_id": "c", "occurred_at": "2026-01-01T00:00:00Z", "age": None, "city": "Bonn"}
    told |= {"consent": None, "attributes": {"x": None, "tags": ["a"]}}
    written = json.loads(CustomerProfile.model_validate_json(json.dumps(told)).to_json())
    assert written == told | {"schema_version": 1}
