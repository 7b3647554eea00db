"""Triggers over HTTP: made, shown without their secret, tried, removed."""

import json

import pytest

from api.access.customer_access_log import read_audit
from api.access.scopes import Scope
from state.campaigns.deliveries import Attempt, DeadDelivery, Delivery, DeliveryStore
from state.campaigns.triggers import TriggerStore
from state.store.keys import DEAD_DELIVERIES
from stream.campaigns.webhook_request import new_secret
from tests.api.conftest import EVIL
from tests.stream.campaigns.receiver import Receiver

NEW = {"trigger": "winback", "url": "https://crm.example/hook", "entered": [EVIL], "cap": 2}


@pytest.fixture
def receiver(monkeypatch):
    monkeypatch.setenv("SHOAL_TRIGGER_ADDRESSES", "any")
    with Receiver(new_secret()) as server:
        yield server


@pytest.fixture
def winback(shop):
    answer = shop.post("/v1/triggers", NEW)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_the_secret_is_shown_once(shop, winback):
    assert TriggerStore(shop.redis).get("winback").secret == winback["secret"]
    shown = shop.get("/v1/triggers/winback").json()
    assert winback["secret"] not in json.dumps([shown, shop.get("/v1/triggers").json()])
    assert {name: shown[name] for name in NEW} == NEW
    assert (shown["causes"], shown["waiting"], shown["dead"]) == (["activity", "time"], 0, 0)
    assert shop.get("/v1/triggers").json() == {"triggers": [shown]}
    assert shop.post("/v1/triggers", NEW).status_code == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "ftp://crm.example"}, "url"),
        ({"url": "https://me:secret@crm.example"}, "url"),
        ({"trigger": "Win Back"}, "trigger"),
        ({"secret": "whsec_short"}, "secret"),
        ({"causes": ["boredom"]}, "causes"),
        ({"colour": "red"}, "colour"),
        ({"cap_days": 0}, "cap_days"),
    ],
)
def test_what_is_no_trigger_names_the_fault(shop, change, field):
    answer = shop.post("/v1/triggers", {**NEW, **change})
    assert answer.status_code == 422
    assert f"body.{field}" in answer.json()["detail"]
    assert shop.get("/v1/triggers").json() == {"triggers": []}


def test_a_webhook_is_tried_with_its_signature(shop, receiver):
    shop.post("/v1/triggers", {"trigger": "t", "url": receiver.url, "secret": receiver.secret})
    tried = shop.post("/v1/triggers/t/test", None).json()
    assert (tried["ok"], tried["status"], tried["detail"]) == (True, 200, "")
    (body,) = receiver.bodies.values()
    assert json.loads(body)["test"] is True
    assert all(signed for _, signed in receiver.calls)
    receiver.behave = lambda number: 404
    refused = shop.post("/v1/triggers/t/test", None)
    assert (refused.status_code, refused.json()["ok"], refused.json()["status"]) == (200, False, 404)


def test_what_became_of_deliveries_is_told(shop, winback):
    deliveries = DeliveryStore(shop.redis, 4)
    for number, outcome in enumerate(("failed", "delivered")):
        attempt = Attempt(
            at_ms=number, trigger="winback", id="msg_1", change_id="c001:2", customer_id="c001", outcome=outcome,
            attempt=number + 1, status=500 if outcome == "failed" else 200,
        )  # fmt: skip
        deliveries._note(shop.redis, attempt)
    lost = Delivery(
        id="msg_2", trigger="winback", change_id="c2:1", customer_id="c2", segment_id="s1", body="", changed_ms=1
    )
    shop.redis.hset(DEAD_DELIVERIES, lost.id, DeadDelivery(delivery=lost, died_ms=9, reason="404").model_dump_json())
    attempts = shop.get("/v1/triggers/winback/attempts").json()["attempts"]
    assert [(each["outcome"], each["at"]) for each in attempts] == [
        ("delivered", "1970-01-01T00:00:00.001Z"), ("failed", "1970-01-01T00:00:00.000Z"),
    ]  # fmt: skip
    assert len(shop.get("/v1/triggers/winback/attempts?limit=1").json()["attempts"]) == 1
    assert shop.get("/v1/triggers/winback").json()["dead"] == 1


def test_removing_is_on_record(shop, winback):
    assert shop.client.delete("/v1/triggers/winback", headers=shop.headers(Scope.ADMIN)).status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/attempts")):
        gone = shop.client.request(method, f"/v1/triggers/winback{path}", headers=shop.headers(Scope.ADMIN))
        assert gone.status_code == 404, (method, path)
    assert [(each.action, each.detail) for each in read_audit(shop.redis)] == [
        ("trigger.add", "winback"), ("trigger.remove", "winback"),
    ]  # fmt: skip
