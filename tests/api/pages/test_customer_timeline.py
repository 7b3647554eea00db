"""A customer's page: orders one by one where they are known, and no word of the event's own fields in the profile."""

import numpy as np

from events.base_error import ShoalError
from events.schema.inputs import WebSession
from events.topics.partitioning import partition_of
from queries.customers.purchases import purchases_of
from state.experiments.purchase_logs import CONVERSION, ENTRY, PLACED, REFUNDED, PurchaseLogs
from state.store import keys
from tests.api.conftest import PARTITIONS
from tests.api.pages.test_pages import seen, signed_in
from tests.building import NOW_MS


def remember(client, customer_id: str, *entries: tuple[int, int, int]) -> None:
    """Write a purchase log: (ms, kind, thousandths)."""
    rows = np.array([(at << 2 | kind, place, amount, 0) for place, (at, kind, amount) in enumerate(entries)], ENTRY)
    starts = np.array([0, len(rows)], np.int64)
    log = PurchaseLogs([customer_id], np.array([True]), np.array([0], np.int64), rows, starts)
    home = partition_of(customer_id, PARTITIONS)
    client.hset(keys.purchases(home), customer_id, log.pack()[0])


def unreachable(*_, **__):
    raise ShoalError("no broker answers")


def test_orders_are_told_one_by_one_the_latest_first(shop):
    remember(
        shop.redis, "c001", (NOW_MS - 2, PLACED, 12_500), (NOW_MS, REFUNDED, 2_500), (NOW_MS - 1, CONVERSION, 9_000)
    )
    found = purchases_of(shop.redis, "c001", PARTITIONS)
    assert [(each.kind, each.amount) for each in found] == [("refunded", 2.5), ("conversion", 9.0), ("placed", 12.5)]
    assert purchases_of(shop.redis, "c002", PARTITIONS) == []


def test_without_kafka_the_timeline_stands_without_causes(shop, monkeypatch):
    monkeypatch.setattr(
        "api.pages.customer_timeline.changes_of_customer", unreachable
    )  # which it is, after two seconds
    signed_in(shop)
    remember(shop.redis, "c001", (NOW_MS, PLACED, 12_500))
    text = seen(shop, "/parts/timeline?customer=c001")
    assert "Kafka cannot be asked" in text
    assert "only the latest" in text
    assert "Order of 12.50" in text
    assert "First segment" in text
    assert "First order" not in text, "each order is there already"
    assert "First order" in seen(shop, "/parts/timeline?customer=c002")


def session(name: str, at: str, **more: object) -> WebSession:
    return WebSession(event_id=name, session_id=name, customer_id="c001", occurred_at=at, started_at=at, **more)


def test_web_sessions_are_told_one_by_one(shop, monkeypatch):
    visits = [
        session("b", "2026-01-02T10:00:00Z", pages=7, duration_s=300, cart_adds=2, source="email"),
        session("a", "2026-01-01T10:00:00Z", pages=1, duration_s=20),
    ]
    monkeypatch.setattr("api.pages.customer_timeline.changes_of_customer", lambda *_, **__: [])
    monkeypatch.setattr("api.pages.customer_timeline.sessions_of_customer", lambda *_, **__: visits)
    signed_in(shop)
    text = seen(shop, "/parts/timeline?customer=c001")
    assert "Web session: 7 pages, 5 min, 2 into the cart, by email" in text
    assert "Web session: 1 page, 20 s" in text
    assert "Latest web session" not in text, "each session is there already"


def test_it_says_how_many_sessions_kafka_does_not_have_any_more(shop, monkeypatch):
    kept = [session("b", "2026-01-02T10:00:00Z", pages=3), session("a", "2026-01-01T10:00:00Z", pages=3)]
    monkeypatch.setattr("api.pages.customer_timeline.changes_of_customer", lambda *_, **__: [])
    monkeypatch.setattr("api.pages.customer_timeline.sessions_of_customer", lambda *_, **__: kept)
    signed_in(shop)
    known = shop.get("/v1/customers/c001").json()["record"]["sessions"]
    assert known > len(kept)
    text = seen(shop, "/parts/timeline?customer=c001")
    assert f"Kafka still has the latest 2 of {known:,} web sessions." in text


def test_a_profile_is_told_in_words(shop):
    shop.redis.hset(
        keys.profiles(partition_of("c001", PARTITIONS)),
        "c001",
        b'{"event_id":"e-77","customer_id":"c001","city":null,"income":39100.0,"consent":{"marketing":true},'
        b'"attributes":{"household":3.0},"occurred_at":"2025-02-07T22:14:52.985000Z"}',
    )
    signed_in(shop)
    text = seen(shop, "/customers/c001")
    for said in ("39,100", "consent: marketing", ">yes<", ">household<", "2025-02-07 22:14"):
        assert said in text
    assert "e-77" not in text
    assert "None" not in text
