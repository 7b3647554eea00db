"""What the client publishes is what Shoal's models accept, and says the same."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from events.schema.example_messages import EXAMPLES
from events.schema.inputs import INPUTS, Consent, Item
from shoal_client import EventInvalid, ShoalError
from shoal_client import events as client
from shoal_client.events import TOPICS, encoded
from tests.events.wire import odd_events, valid_events

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
HEAD = {"event_id": "e", "customer_id": "c", "occurred_at": AT}
ORDER = {**HEAD, "order_id": "o", "amount": Decimal("12.5"), "currency": "EUR"}
by_topic = pytest.mark.parametrize("topic", TOPICS)
PAIRS = [*((INPUTS[topic], TOPICS[topic]) for topic in TOPICS), (Item, client.Item), (Consent, client.Consent)]


def read(topic, value):
    """What Shoal's model makes of a value, or None where it refuses it."""
    try:
        return INPUTS[topic].model_validate_json(value)
    except ValidationError:
        return None


def sent(topic, event):
    try:
        return encoded(topic, event)
    except EventInvalid:
        return None


def test_the_topics_are_the_inputs():
    assert list(TOPICS) == list(INPUTS)


@pytest.mark.parametrize(("model", "struct"), PAIRS, ids=lambda each: each.__name__)
def test_an_event_has_the_fields_and_defaults_of_its_model(model: type[BaseModel], struct):
    fields = {each.encode_name: each for each in msgspec.structs.fields(struct)}
    assert fields.keys() == model.model_fields.keys()
    for name, declared in model.model_fields.items():
        assert fields[name].required == declared.is_required(), name
        if not declared.is_required():
            default = fields[name].default  # a profile's field that is absent differs from one that is null
            assert (None if default is msgspec.UNSET else default) == declared.get_default(), name


@pytest.mark.slow
@by_topic
@settings(max_examples=150)
@given(data=st.data())
def test_what_the_client_takes_the_models_take_and_mean_the_same(topic, data):
    value = data.draw(valid_events(INPUTS[topic]) | odd_events(INPUTS[topic]))
    try:
        document = json.loads(value)
    except ValueError:
        return
    taken = sent(topic, document) if isinstance(document, dict) else None
    if taken is not None:
        customer_id, written = taken
        accepted = read(topic, written)
        assert accepted is not None, written
        assert accepted.customer_id == customer_id


@by_topic
@settings(max_examples=150)
@given(data=st.data())
def test_a_valid_event_is_taken_and_says_what_it_said(topic, data):
    document = json.loads(data.draw(valid_events(INPUTS[topic])))
    before = read(topic, json.dumps(document))
    assume(before is not None)  # a session may end before it begins
    taken = sent(topic, known(INPUTS[topic], document))
    assert taken is not None
    assert read(topic, taken[1]) == INPUTS[topic].model_validate_json(before.model_dump_json())


def known(model, document):
    """A document without the fields that its model does not know."""
    found = {name: value for name, value in document.items() if name in model.model_fields}
    if found.get("items"):
        found["items"] = [known(Item, each) for each in found["items"]]
    if found.get("consent"):
        found["consent"] = known(Consent, found["consent"])
    return found


def test_none_clears_a_field_of_a_profile_and_what_is_left_out_is_not_sent():
    _, value = encoded("customers", client.CustomerProfile(**HEAD, city=None, attributes={"vip": True, "x": None}))
    assert json.loads(value).keys() == HEAD.keys() | {"city", "attributes"}
    assert json.loads(value)["city"] is None
    assert json.loads(value)["attributes"] == {"vip": True, "x": None}
    assert (
        encoded("customers", {**HEAD, "city": None})[1]
        == encoded("customers", client.CustomerProfile(**HEAD, city=None))[1]
    )


@by_topic
def test_examples_are_taken(topic):
    customer_id, value = encoded(topic, EXAMPLES[topic])
    assert customer_id == EXAMPLES[topic]["customer_id"]
    assert read(topic, value) == INPUTS[topic].model_validate_json(json.dumps(EXAMPLES[topic]))


@pytest.mark.parametrize(
    ("amount", "written"),
    [(Decimal("1E+2"), "100"), (Decimal("0.0000004"), "0.000000"), (1e-7, "0.000000"), (Decimal("-0.0"), "0.0"),
     (Decimal("1000000000000.000000"), "1000000000000.000000"), (12, "12"), ("0.10", "0.10"), (0.1, "0.1")],
)  # fmt: skip
def test_an_amount_is_written_without_an_exponent(amount, written):
    _, value = encoded("orders", {**ORDER, "amount": amount})
    assert json.loads(value)["amount"] == written
    assert read("orders", value) is not None


def test_a_structure_is_checked_as_a_dict_is():
    order = client.Order(**ORDER, items=[client.Item(sku="s", quantity=2, price=Decimal("1E+1"))])
    _, value = encoded("orders", order)
    assert json.loads(value)["items"] == [{"sku": "s", "quantity": 2, "price": "10"}]
    assert json.loads(value)["occurred_at"] == "2026-01-31T12:00:00Z"
    with pytest.raises(EventInvalid, match="currency"):
        encoded("orders", client.Order(**{**ORDER, "currency": "euro"}))


@pytest.mark.parametrize("zone", [timedelta(hours=5, minutes=30), timedelta(seconds=19 * 60 + 32)])
def test_times_are_written_in_utc(zone):
    _, value = encoded("orders", {**ORDER, "occurred_at": AT.astimezone(timezone(zone))})
    assert read("orders", value).occurred_at == AT


@pytest.mark.parametrize(
    ("topic", "change", "says"),
    [
        ("orders", {"amount": -1}, "amount should be from 0"),
        ("orders", {"amount": Decimal("NaN")}, "amount should be from 0"),
        ("orders", {"amount": Decimal("Infinity")}, "amount should be from 0"),
        ("orders", {"amount": "1000000000000.000001"}, "amount should be from 0"),
        ("orders", {"amount": "much"}, "amount"),
        ("orders", {"currency": "EUR\n"}, "currency"),
        ("orders", {"occurred_at": AT.replace(tzinfo=None)}, "occurred_at"),
        ("orders", {"occurred_at": "yesterday"}, "occurred_at"),
        ("orders", {"customer_id": ""}, "customer_id"),
        ("orders", {"customer_id": "\ud800"}, "no event for orders"),
        ("orders", {"event_id": "x" * 129}, "event_id"),
        ("orders", {"chanel": "web"}, "chanel"),
        ("orders", {"schema_version": 2}, "schema_version"),
        ("orders", {"items": [{"sku": "s", "quantity": 1.5}]}, "quantity"),
        ("web-sessions", {"session_id": "s", "pages": 1, "started_at": AT + timedelta(seconds=1)}, "started_at lies"),
        ("customers", {"attributes": {"x": math.nan}}, "attributes"),
        ("order", {}, "there is no topic 'order'"),
        ("segment-changes", {}, "there are: orders"),
    ],
)
def test_what_shoal_would_refuse_is_refused(topic, change, says):
    with pytest.raises(EventInvalid, match=says) as caught:
        encoded(topic, {**(ORDER if topic == "orders" else HEAD), **change})
    assert isinstance(caught.value, ShoalError)


def test_an_event_of_another_topic_is_refused():
    exposure = client.Exposure(**HEAD, experiment="e", variant="A")
    with pytest.raises(EventInvalid, match="events of orders are of type Order, not Exposure"):
        encoded("orders", exposure)
