"""Orders in columns, and every reason for which one is refused."""

import json

import pytest

from consumers.inputs.currency_conversion import Money
from consumers.inputs.orders import CANCELLED, PLACED, REFUNDED, OrderInput
from events.codec.id_hashes import event_hashes
from events.schema.example_messages import EXAMPLES

LATEST_MS = 1_800_000_000_000
LATEST = "2027-01-15T08:00:00Z"


def order(**fields):
    event = {"event_id": "e", "customer_id": "c", "occurred_at": "2026-01-01T00:00:00Z", "order_id": "o"}
    event |= {"amount": 1, "currency": "EUR"} | fields
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


def decode(*values):
    money = Money("EUR", {"USD": 0.5}, lambda candidate: candidate)
    return OrderInput(money, max_bytes=1_000).decode(values, LATEST_MS)


def test_orders_become_columns():
    decoding = decode(
        order(event_id="1", customer_id="a", amount="12.34", occurred_at="2026-01-01T01:00:00.5+01:00"),
        order(event_id="2", customer_id="b", amount=2, currency="USD", type="cancelled"),
        order(event_id="3", customer_id="a", amount=0.5, type="refunded"),
    )
    columns = decoding.columns
    assert list(columns.customer_ids) == ["a", "b", "a"]
    assert columns.event_hashes.tolist() == event_hashes(["1", "2", "3"], "orders").tolist()
    assert columns.times.tolist() == [1_767_225_600_500, 1_767_225_600_000, 1_767_225_600_000]
    assert columns.kinds.tolist() == [PLACED, CANCELLED, REFUNDED]
    assert columns.amounts.tolist() == [12_340, 1_000, 500]
    assert decoding.positions.tolist() == [0, 1, 2]
    assert decoding.rejections == []


def test_the_documented_example_is_accepted():
    decoding = decode(json.dumps(EXAMPLES["orders"]).encode())
    assert decoding.columns.amounts.tolist() == [59_800]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the message has no value"),
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b"[]", "the event"),
        (order(customer_id=None), "customer_id: missing"),
        (order(customer_id=""), "customer_id: should not be empty"),
        (order(amount=-1), "amount: should be from 0"),
        (order(amount="1e3"), "amount: should be a plain decimal amount"),
        (order(currency="eur"), "currency: should be three capital letters, such as EUR"),
        (order(type="returned"), "type: should be 'placed', 'cancelled' or 'refunded'"),
        (order(occurred_at="2026-01-01T00:00:00"), "occurred_at: should be an RFC 3339 date-time with a zone"),
        (order(schema_version=2), "schema_version"),
        (order(amount=None, type="refunded"), "amount: missing; a refund says how much was paid back"),
        (order(amount=None), "amount: missing"),
        (order(amount=None, currency=None), "amount: missing; currency: missing"),
        (order(amount=None, type="cancelled", order_id=None), "order_id is missing"),
        (order(channel="x" * 2_000), "bytes, more than the 1,000 allowed"),
        (order(currency="CHF"), "currency: CHF has no rate into EUR"),
        (
            order(occurred_at="1969-12-31T23:59:59.999Z"),
            "occurred_at: lies before 1990-01-01, found 1969-12-31T23:59:59Z",
        ),
        (
            order(occurred_at="2027-01-15T08:00:00.001Z"),
            f"lies too far in the future, found {LATEST}, allowed until {LATEST}",
        ),
        (order(occurred_at="9999-12-31T23:59:59Z"), "occurred_at: lies too far in the future"),
        (order(occurred_at="1970-01-01T00:00:00Z"), "occurred_at: lies before 1990-01-01"),
        (order(customer_id="undefined"), "customer_id: 'undefined' stands for a missing id; "),
        (order(occurred_at="0001-01-01T00:00:00Z"), "occurred_at: lies before 1990-01-01"),
    ],
)
def test_a_bad_order_is_refused_with_its_reason_and_its_neighbours_count(value, reason):
    decoding = decode(order(event_id="1"), value, order(event_id="3"))
    assert [rejection.index for rejection in decoding.rejections] == [1]
    assert reason in decoding.rejections[0].reason
    assert decoding.positions.tolist() == [0, 2]
    assert decoding.columns.event_hashes.tolist() == event_hashes(["1", "3"], "orders").tolist()
    assert decoding.columns.kinds.shape == decoding.columns.amounts.shape == decoding.columns.times.shape == (2,)


@pytest.mark.parametrize("instant", ["1990-01-01T00:00:00Z", LATEST])
def test_the_first_and_the_latest_allowed_times_are_accepted(instant):
    assert decode(order(occurred_at=instant)).rejections == []


def test_refusals_of_all_kinds_come_in_the_order_of_the_messages():
    values = [order(currency="CHF"), b"no", order(), order(occurred_at="1960-01-01T00:00:00Z"), None]
    decoding = decode(*values)
    assert [rejection.index for rejection in decoding.rejections] == [0, 1, 3, 4]
    assert decoding.positions.tolist() == [2]


def test_no_messages_are_no_orders():
    decoding = decode()
    assert len(decoding.columns) == len(decoding.positions) == len(decoding.rejections) == 0


def test_only_refused_messages_are_no_orders():
    decoding = decode(b"no", None)
    assert len(decoding.columns) == 0
    assert [rejection.index for rejection in decoding.rejections] == [0, 1]


def test_a_cancellation_without_amount_or_currency_takes_back_what_is_left():
    money = Money("", {}, lambda candidate: candidate)
    source = OrderInput(money, max_bytes=1_000)
    bare = [order(type="cancelled", amount=None, currency=None), order(type="cancelled", amount=None)]
    decoding = source.decode([bare[0]], LATEST_MS)
    assert (decoding.rejections, money.currency) == ([], ""), "it says nothing of the shop's currency"
    decoding = source.decode([order(amount=5, currency="CHF"), *bare, b"no"], LATEST_MS)
    assert decoding.columns.kinds.tolist() == [PLACED, CANCELLED, CANCELLED]
    assert decoding.columns.amounts.tolist() == [5_000, 0, 0]
    assert money.currency == "CHF"
    assert [rejection.index for rejection in decoding.rejections] == [3]


def test_nothing_is_nothing_in_any_currency():
    assert decode(order(amount=0, currency="CHF"), order(amount="0.00", currency="CHF")).rejections == []
