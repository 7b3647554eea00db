"""The endpoints answer with what Redis holds, and say what is wrong where they cannot."""

from dataclasses import replace
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from api.access.api_keys import KeyStore
from api.access.customer_access_log import read_audit
from api.access.scopes import Scope
from api.app import build_app
from events.schema.example_messages import EXAMPLES
from events.schema.outputs import LifetimeModel
from events.topics.administration import create_topics
from events.topics.specs import topic_specs
from state.model.baselines import BaselineStore
from state.settings import StateSettings
from state.store.connection import connect
from stream.model.baseline_zero import SEGMENT_NAMES
from tests.api.conftest import EVIL, NOW, fill
from tests.building import make_baseline

LIFETIME = LifetimeModel.model_validate(EXAMPLES["baselines"]["lifetime"])
READ, PERSONAL = Scope.SEGMENTS_READ, Scope.CUSTOMERS_READ


@pytest.mark.parametrize("name", ["c000", EVIL, "a/b", "ü€ 100%?#"])
def test_the_segment_is_the_one_in_redis(shop, name):
    number = shop.names.index(name) % len(SEGMENT_NAMES)
    answer = shop.get(f"/v1/customers/{quote(name, safe='')}/segment", READ)
    assert answer.status_code == 200
    assert answer.json() == {
        "segment_id": f"s{number + 1}",
        "segment": SEGMENT_NAMES[number],
        "since": "2026-01-01T00:00:00.000Z",
        "previous": None,
        "baseline": 0,
        "change_id": f"{name}:1",
    }
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["two\nlines", "last\n", "\r\n/x", "\u2028"])
def test_an_id_may_hold_line_breaks(shop, name):
    fill(shop.redis, [name])
    address = f"/v1/customers/{quote(name, safe='')}"
    assert shop.get(f"{address}/segment", READ).json()["change_id"] == f"{name}:1"
    assert shop.client.head(f"{address}/segment", headers=shop.headers(READ)).status_code == 405, "by FastAPI's route"
    assert shop.get(address, PERSONAL).json()["customer_id"] == name
    assert shop.get(f"{address}/explanation", PERSONAL).status_code == 200
    assert shop.get(f"/v1/erasures/{quote(name, safe='')}").json()["detail"].startswith("nobody has asked")
    answer = shop.client.get(f"/customers/{quote(name, safe='')}", headers={"Accept": "text/html"})
    assert answer.status_code == 303, "the page asks to sign in"


def test_an_unknown_customer_is_a_problem_with_the_name(shop):
    for path in ("/v1/customers/nobody/segment", "/v1/customers/nobody"):
        answer = shop.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 404
        assert "'nobody'" in answer.json()["detail"]


def test_many_segments_at_once(shop):
    answer = shop.post("/v1/segments:lookup", {"customer_ids": ["c001", "nobody", EVIL, "c001"]}, READ).json()
    assert answer["unknown"] == ["nobody"]
    assert {name: each["segment_id"] for name, each in answer["segments"].items()} == {"c001": "s2", EVIL: "s1"}


def test_personal_fields_need_the_scope(shop):
    plain, full = shop.get("/v1/customers/c002", READ).json(), shop.get("/v1/customers/c002", PERSONAL).json()
    assert not {"features", "record", "profile", "lifetime"} & plain.keys()
    assert full["profile"] == {"age": 41, "country": "<b>NL</b>"}
    assert {"orders", "gross", "recency_days"} <= full["record"].keys()
    assert {name: full[name] for name in plain} == plain
    assert shop.get("/v1/customers/c001", PERSONAL).json()["profile"] is None


def test_lifetime_value_by_the_models_of_the_live_baseline_or_why_there_is_none(shop):
    assert "no baseline is live" in shop.get("/v1/customers/c002", PERSONAL).json()["lifetime"]["reason"]
    BaselineStore(shop.redis).approve(make_baseline().model_copy(update={"lifetime": LIFETIME}))
    found = [shop.get(f"/v1/customers/{name}", PERSONAL).json() for name in shop.names[:20]]
    for each in found:
        lifetime = each["lifetime"]
        if each["record"]["orders"]:
            assert lifetime["reason"] is None
            assert 0 <= lifetime["probability_alive"] <= 1
            assert 0 <= lifetime["lifetime_value"] <= lifetime["expected_orders"] * lifetime["expected_amount"] + 0.01
        else:
            assert "no order of this customer" in lifetime["reason"]
    assert {bool(each["record"]["orders"]) for each in found} == {True, False}


def pages(shop, query):
    cursor, found = "", []
    for _ in range(200):
        answer = shop.get(f"/v1/customers?{query}{cursor}", PERSONAL)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found.append(page["customers"])
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("limit", [1, 7, 500])
def test_the_pages_hold_everybody_once(shop, limit):
    found = pages(shop, f"limit={limit}")
    assert all(len(page) <= limit for page in found)
    assert sorted(each["customer_id"] for page in found for each in page) == sorted(shop.names)


def test_pages_of_a_segment_and_of_a_prefix(shop):
    listed = [each for page in pages(shop, "segment_id=s3&limit=5") for each in page]
    assert {each["segment_id"] for each in listed} == {"s3"}
    assert len(listed) == sum(i % len(SEGMENT_NAMES) == 2 for i in range(len(shop.names)))
    named = [each["customer_id"] for page in pages(shop, "prefix=c01") for each in page]
    assert sorted(named) == [f"c01{i}" for i in range(10)]


@pytest.mark.parametrize("cursor", ["x", "0.0", "-1.0.0", "%00", "🐟"])
def test_a_cursor_of_somebody_else_is_refused(shop, cursor):
    answer = shop.get(f"/v1/customers?cursor={cursor}", PERSONAL)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query.cursor"


def test_a_cursor_beyond_the_end_is_the_last_page(shop):
    assert shop.get("/v1/customers?cursor=9999.0.0").json() == {"customers": [], "next_cursor": None}


def test_segments_hold_everybody_and_are_not_sent_twice(shop):
    first = shop.get("/v1/segments", READ)
    found = first.json()
    assert found["customers"] == len(shop.names) == sum(each["customers"] for each in found["segments"])
    headers = {**shop.headers(READ), "If-None-Match": first.headers["etag"]}
    again = shop.client.get("/v1/segments", headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    other = shop.client.get("/v1/segments", headers={**headers, "If-None-Match": '"other"'})
    assert other.status_code == 200


def test_the_live_baseline(shop):
    assert shop.get("/v1/baselines/current", READ).status_code == 404
    BaselineStore(shop.redis).approve(make_baseline())
    answer = shop.get("/v1/baselines/current", READ)
    assert answer.status_code == 200
    assert answer.json()["segments"][0]["segment_id"] == "s1"


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/v1/customers?limit=501", "query.limit"),
        ("/v1/customers?limit=0", "query.limit"),
        ("/v1/customers?limit=many", "query.limit"),
        (f"/v1/customers/{'x' * 129}/segment", "path.customer_id"),
    ],
)
def test_a_request_that_is_not_valid_names_the_fault(shop, path, fault):
    answer = shop.get(path)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [fault]


def test_errors_of_the_framework_are_problems_too(shop):
    gone, wrong = shop.get("/v1/nothing"), shop.client.delete("/v1/segments")
    assert (gone.status_code, wrong.status_code) == (404, 405)
    assert wrong.headers["allow"] == "GET"
    too_large = shop.post("/v1/segments:lookup", {"customer_ids": ["x" * 100] * 20_000})
    assert too_large.status_code == 413
    broken = shop.client.post("/v1/segments:lookup", content=b"{", headers=shop.headers(Scope.ADMIN))
    assert broken.status_code == 422
    for answer in (gone, wrong, too_large, broken):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


def test_a_body_of_undeclared_length_is_counted(shop):
    chunks = (b" " * 65_536 for _ in range(40))
    answer = shop.client.post("/v1/segments:lookup", content=chunks, headers=shop.headers(Scope.ADMIN))
    assert answer.status_code == 413


def test_an_unexpected_error_says_nothing_of_the_inside(shop, monkeypatch):
    monkeypatch.setattr(shop.client.app.state.services.reads, "one", lambda _: 1 / 0)
    answer = shop.get("/v1/customers/c001/segment")
    assert answer.status_code == 500
    assert "division" not in answer.text


def test_redis_away_is_503(own_redis, app_settings, redis):
    server = own_redis()
    token = KeyStore(connect(server.url)).create("k", [Scope.ADMIN], NOW).token
    settings = replace(app_settings, state=StateSettings(redis=server.url))
    with TestClient(build_app(settings), raise_server_exceptions=False) as client:
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/ready").json() == {"ready": True}
        server.kill()
        answers = [client.get(path, headers=headers) for path in ("/v1/customers/c1/segment", "/v1/segments")]
        assert [each.status_code for each in answers] == [503, 503]
        assert all(each.headers["retry-after"] == "5" for each in answers)
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200
        server.start()


def test_every_answer_tells_the_browser_to_trust_nothing(shop):
    for answer in (shop.get("/v1/segments"), shop.client.get("/v1/segments"), shop.client.get("/nothing")):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_many_customers_at_once(shop):
    answer = shop.post("/v1/customers:lookup", {"customer_ids": ["c002", "nobody", EVIL, "c002"]}, PERSONAL).json()
    assert answer["unknown"] == ["nobody"]
    assert list(answer["customers"]) == ["c002", EVIL]
    assert answer["customers"]["c002"] == shop.get("/v1/customers/c002", PERSONAL).json()
    assert [each.action for each in read_audit(shop.redis, EVIL)] == ["customer.read"]
    assert shop.post("/v1/customers:lookup", {"customer_ids": ["c"] * 101}, PERSONAL).status_code == 422


@pytest.mark.usefixtures("kafka_away")
@pytest.mark.parametrize("name", ["c001", "a/b"])
def test_the_history_without_kafka_is_without_causes(shop, name):
    answer = shop.get(f"/v1/customers/{quote(name, safe='')}/history", PERSONAL)
    assert answer.status_code == 200, answer.text
    (move,) = answer.json()["history"]
    assert (move["segment_id"], move["cause"], move["explanation"]) == (
        f"s{shop.names.index(name) % 6 + 1}",
        None,
        None,
    )
    assert "127.0.0.1:1" in answer.json()["without_causes"]


def test_why_a_customer_is_where_it_is(shop):
    tiers = shop.get("/v1/customers/c001/explanation", PERSONAL).json()
    assert (tiers["segment_id"], tiers["nearest"], tiers["reasons"]) == ("s2", None, None)
    BaselineStore(shop.redis).approve(make_baseline(1, ids=[1, 2, 3]))
    found = shop.get("/v1/customers/c001/explanation", PERSONAL).json()
    distances = [each["distance"] for each in found["nearest"]]
    assert len(distances) == 3
    assert distances == sorted(distances)
    assert all(abs(each["value"] - each["nearest"]) <= abs(each["value"] - each["other"]) for each in found["reasons"])


@pytest.mark.parametrize("what", ["segment", "history", "explanation"])
def test_nobody_is_404_everywhere(shop, what):
    assert shop.get(f"/v1/customers/nobody/{what}", PERSONAL).status_code == 404


def test_everything_held_about_a_person_is_given_to_an_administrator(shop):
    create_topics(shop.settings.kafka.kafka, topic_specs(shop.settings.kafka))
    told = shop.get("/v1/personal-data/c000").json()
    assert (told["customer_id"], told["ids"]) == ("c000", ["c000"])
    shown = shop.get("/v1/customers/c000").json()
    parts = ("segment", "features", "record", "lifetime", "profile")
    assert {name: told["customer"][name] for name in parts} == {name: shown[name] for name in parts}
    assert told["profiles"][0]["value"]["country"] == "<b>NL</b>"
    assert set(told["redis_keys"].values()) >= {"customer", "profiles", "current_segments"}
    assert shop.get("/v1/personal-data/nobody").status_code == 404
    assert shop.get("/v1/personal-data/c000", Scope.CUSTOMERS_READ).status_code == 403
