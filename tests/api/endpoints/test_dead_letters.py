"""Dead letters over HTTP, on a real broker: page by page, the newest first, and published again once."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from confluent_kafka import Consumer, TopicPartition
from starlette.testclient import TestClient

from api.access.customer_access_log import read_audit
from api.access.scopes import Scope
from api.app import build_app
from consumers.broker.kafka_sink import KafkaSink
from consumers.dead_letters.stored_letters import DeadLetterLog
from events.schema.outputs import DeadLetter
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.specs import topic_specs
from tests.api.conftest import EVIL, PARTITIONS, Shop


@pytest.fixture
def settings(kafka, topic_prefix):
    found = KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=PARTITIONS)
    create_topics(kafka, topic_specs(found))
    return found


@pytest.fixture
def shop(app_settings, redis, settings):
    app = build_app(replace(app_settings, kafka=settings))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Shop(client, redis, app_settings, [])


@pytest.fixture
def refuse(settings):
    """Puts letters into the topic: events of a topic at the offsets given, each with its own number as its value."""

    def put(topic, offsets, value=None):
        sink = KafkaSink(settings)
        for offset in offsets:
            letter = DeadLetter(
                topic=settings.topic(topic), partition=0, offset=offset, reason=f"{EVIL} {offset}",
                key=base64.b64encode(b"anna").decode(),
                value=base64.b64encode(value or str(offset).encode()).decode(),
                dead_lettered_at=datetime(2026, 1, 1, tzinfo=UTC),
            )  # fmt: skip
            sink.send(
                "dead-letters",
                f"{letter.topic}/{letter.partition}/{letter.offset}".encode(),
                letter.model_dump_json().encode(),
            )
        sink.flush()

    return put


def published(settings, topic):
    """The values on a topic's partition of anna."""
    reader = Consumer({"bootstrap.servers": settings.kafka, "group.id": "test", "enable.auto.commit": False})
    places = [TopicPartition(settings.topic(topic), p, 0) for p in range(PARTITIONS)]
    reader.assign(places)
    found = [message.value() for message in reader.consume(100, 3.0) if message.error() is None]
    reader.close()
    return found


def pages(shop, query=""):
    found, cursor = [], ""
    while cursor is not None:
        answer = shop.get(f"/v1/dead-letters?{query}{cursor}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found.append(page["dead_letters"])
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] is not None else None
    return found


def test_none_are_none(shop):
    assert shop.get("/v1/dead-letters").json() == {"dead_letters": [], "next_cursor": None}


@pytest.mark.parametrize("window", [3, 1_000])
def test_the_pages_hold_each_once_the_newest_first(shop, refuse, monkeypatch, window):
    monkeypatch.setattr("consumers.dead_letters.stored_letters._WINDOW", window)
    for start in range(0, 20, 5):
        refuse("orders", range(start, start + 5))
        refuse("web-sessions", [start])
    found = pages(shop, "limit=4")
    assert [len(page) for page in found if page] == [4] * 6
    orders = [each["offset"] for page in found for each in page if "orders" in each["id"]]
    assert orders == list(range(19, -1, -1))
    sessions = [each["offset"] for page in pages(shop, "limit=3&topic=web-sessions") for each in page]
    assert sessions == [15, 10, 5, 0]
    first = found[-1][-1]
    assert (first["reason"], first["key"], first["value"], first["replayed_at"]) == (f"{EVIL} 0", "anna", "0", None)


def test_a_long_value_is_cut_in_the_list_only(shop, refuse, settings, redis):
    refuse("orders", [1], b"\xff" + b"x" * 100_000)
    (letter,) = shop.get("/v1/dead-letters").json()["dead_letters"]
    assert letter["value"].startswith("\\xffxx")
    assert len(letter["value"]) == 4_000
    assert len(DeadLetterLog(settings, redis).read()[0].value) == 100_001


def test_letters_are_published_again_once_and_it_is_on_record(shop, refuse, settings):
    refuse("orders", [1, 2])
    refuse("customers", [3])
    topic = settings.topic("orders")
    again = shop.post("/v1/dead-letters:replay", {"ids": [f"{topic}/0/2"]})
    assert again.json() == {"replayed": 1, "replayed_before": 0, "without_value": 0, "left": 0}
    assert published(settings, "orders") == [b"2"]
    assert shop.post("/v1/dead-letters:replay", {"topic": "orders"}).json()["replayed"] == 1
    assert shop.post("/v1/dead-letters:replay", {"all": True}).json() == {
        "replayed": 1, "replayed_before": 2, "without_value": 0, "left": 0,
    }  # fmt: skip
    assert sorted(published(settings, "orders")) == [b"1", b"2"]
    assert published(settings, "customers") == [b"3"]
    assert all(each["replayed_at"] for page in pages(shop) for each in page)
    assert shop.post("/v1/dead-letters:replay", {"topic": "orders", "again": True}).json()["replayed"] == 2
    assert [each.detail for each in read_audit(shop.redis) if each.action == "dead-letters.replay"] == [
        "1 letters", "1 letters", "1 letters", "2 letters",
    ]  # fmt: skip


def test_more_than_one_request_takes_are_left(shop, refuse, monkeypatch):
    monkeypatch.setattr("api.endpoints.dead_letters._MAX_REPLAYED", 2)
    refuse("orders", range(5))
    answers = [shop.post("/v1/dead-letters:replay", {"all": True}).json() for _ in range(4)]
    assert [(each["replayed"], each["left"]) for each in answers] == [(2, 3), (2, 1), (1, 0), (0, 0)]


def test_an_id_that_is_none_publishes_nothing(shop, refuse, settings):
    refuse("orders", [1])
    ids = [f"{settings.topic('orders')}/0/1", "orders/0/77"]
    answer = shop.post("/v1/dead-letters:replay", {"ids": ids})
    assert (answer.status_code, "'orders/0/77'" in answer.json()["detail"]) == (404, True)
    assert published(settings, "orders") == []
    assert shop.post("/v1/dead-letters:replay", {}).status_code == 422
    assert shop.post("/v1/dead-letters:replay", {"again": True}).status_code == 422


@pytest.mark.usefixtures("kafka_away")
def test_kafka_away_is_503(app_settings, redis):
    with TestClient(build_app(app_settings), raise_server_exceptions=False) as client:
        away = Shop(client, redis, app_settings, [])
        answer = away.get("/v1/dead-letters", Scope.ADMIN)
        assert answer.status_code == 503
        assert "Kafka" in answer.json()["detail"]
