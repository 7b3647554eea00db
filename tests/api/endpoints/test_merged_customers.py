"""Whoever asks for a customer who was merged into another is answered for that one, and told so."""

import pytest

from api.access.customer_access_log import read_audit
from api.access.scopes import Scope
from events.base_error import ShoalError
from events.topics.administration import KafkaUnreachable
from events.topics.partitioning import partition_of
from state.customers.current_segment_keys import SegmentViews
from state.store import keys
from tests.api.conftest import PARTITIONS
from tests.api.pages.test_pages import seen, signed_in
from tests.building import change_of, merge_of

ODD = 'v"<1>/ü'


@pytest.fixture
def person(shop):
    """`visitor` and an odd id were merged into c001, `older` into `visitor` before."""
    SegmentViews(shop.redis).write(
        [merge_of("visitor", 2, "c001"), merge_of("older", 2, "visitor"), merge_of(ODD, 1, "c001", segment_id=None)]
    )
    shop.redis.sadd(keys.aliases(partition_of("c001", PARTITIONS), "c001"), "visitor", "older", ODD)
    return shop


@pytest.mark.parametrize("asked", ["visitor", "older", "v%22%3C1%3E%2F%C3%BC"])
def test_the_segment_is_that_of_the_survivor_and_says_whose(person, asked):
    own = person.get("/v1/customers/c001/segment").json()
    answer = person.get(f"/v1/customers/{asked}/segment", Scope.SEGMENTS_READ)
    assert answer.status_code == 200
    assert answer.json() == own | {"merged_into": "c001"}
    assert "merged_into" not in own
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_many_segments_at_once_follow_too(person):
    found = person.post("/v1/segments:lookup", {"customer_ids": ["older", "c001", "nobody", "c002"]}).json()
    assert found["unknown"] == ["nobody"]
    assert found["segments"]["older"] == found["segments"]["c001"] | {"merged_into": "c001"}
    assert "merged_into" not in found["segments"]["c002"]


def test_who_was_merged_into_somebody_without_a_segment_has_none(person):
    SegmentViews(person.redis).write([merge_of("visitor-2", 1, "nobody-yet")])
    assert person.get("/v1/customers/visitor-2/segment").status_code == 404
    answer = person.get("/v1/customers/visitor-2")
    assert answer.status_code == 404
    assert "'nobody-yet', which it was merged into" in answer.json()["detail"]
    assert person.post("/v1/segments:lookup", {"customer_ids": ["visitor-2"]}).json()["unknown"] == ["visitor-2"]


def test_the_customer_in_full_is_the_survivor(person):
    own, asked = person.get("/v1/customers/c001").json(), person.get("/v1/customers/older").json()
    assert own["requested_id"] == own["customer_id"] == asked["customer_id"] == "c001"
    assert asked["requested_id"] == "older"
    assert own["merged_from"] == asked["merged_from"] == sorted(["visitor", "older", ODD])
    assert asked == own | {"requested_id": "older"}
    assert person.get("/v1/customers/c002").json()["merged_from"] == []
    found = person.post("/v1/customers:lookup", {"customer_ids": ["older", "c002"]}).json()["customers"]
    assert found["older"] == asked


def test_a_person_is_let_in_again_whichever_id_was_suppressed(person):
    for asked in ("c001", "older", "visitor"):
        person.post("/v1/suppressions:add", {"customer_ids": ["visitor"]}, Scope.ADMIN)
        body = {"customer_ids": [asked, "c002"]}
        assert person.post("/v1/suppressions:remove", body, Scope.ADMIN).json()["removed"] == 1
        assert person.get("/v1/suppressions?customer_id=c001").json() == {"scopes": []}


def test_explanation_and_history_are_those_of_the_survivor(person, monkeypatch):
    def unreachable(*_, **__):
        raise KafkaUnreachable("127.0.0.1:1", ShoalError("no broker"))

    monkeypatch.setattr("queries.customers.customer_lookup.changes_of_customer", unreachable)
    told = person.get("/v1/customers/older/explanation").json()
    assert (told["customer_id"], told["requested_id"]) == ("c001", "older")
    history = person.get("/v1/customers/older/history").json()
    assert (history["customer_id"], history["requested_id"], history["history_of_merged"]) == ("c001", "older", [])
    assert [each["segment_id"] for each in history["history"]] == ["s2"]
    assert "127.0.0.1:1" in history["without_causes"]


def test_the_history_holds_the_moves_of_the_merged_ids_apart(person, monkeypatch):
    changes = [change_of("visitor", 1, "s4"), merge_of("visitor", 2, "c001"), change_of("c001", 1, "s2")]
    asked = []
    monkeypatch.setattr(
        "queries.customers.customer_lookup.changes_of_customer", lambda _, ids, **__: asked.append(ids) or changes
    )
    history = person.get("/v1/customers/visitor/history").json()
    assert asked == [["c001", *sorted(["visitor", "older", ODD])]]
    assert [each["cause"] for each in history["history"]] == ["activity"]
    merge, first = history["history_of_merged"]
    assert (merge["customer_id"], merge["cause"], merge["segment_id"]) == ("visitor", "merge", None)
    assert merge["explanation"] == "one person with c001 from now on"
    assert (first["change_number"], first["segment_id"]) == (1, "s4")


def test_the_audit_log_names_the_person_who_was_read(person):
    person.get("/v1/customers/older")
    assert [each.action for each in read_audit(person.redis, "c001")] == ["customer.read"]
    assert not list(read_audit(person.redis, "older"))


def test_the_dashboard_shows_the_survivor_with_a_sentence(person):
    signed_in(person)
    answer = person.client.get("/customers?q=older")
    assert (answer.status_code, answer.headers["location"]) == (303, "/customers/older")
    text = seen(person, "/customers/older")
    assert "<strong>older</strong> was merged into this customer" in text
    assert '<h1 class="breaks">c001</h1>' in text
    assert "Ids that were merged into this customer: older, v&#34;&lt;1&gt;/ü, visitor." in text
    assert "merged into this customer" not in seen(person, "/customers/c002")


def test_the_timeline_tells_of_the_merge_and_of_the_visits_before(person, monkeypatch):
    changes = [change_of("visitor", 1, "s4"), merge_of("visitor", 2, "c001")]
    asked = []
    monkeypatch.setattr("api.pages.customer_timeline.changes_of_customer", lambda *_, **__: changes)
    monkeypatch.setattr(
        "api.pages.customer_timeline.sessions_of_customer", lambda _, ids, **__: asked.append(ids) or []
    )
    signed_in(person)
    text = seen(person, "/parts/timeline?customer=visitor")
    assert "visitor was merged into this customer" in text
    assert "visitor moved to Segment s4" in text
    assert asked == [["c001", *sorted(["visitor", "older", ODD])]]


def test_a_suppression_of_any_id_is_one_of_the_person(person):
    person.post("/v1/suppressions:add", {"scope": "all", "customer_ids": ["older"]})
    for asked in ("older", "visitor", "c001"):
        scopes = person.get(f"/v1/suppressions?customer_id={asked}").json()["scopes"]
        assert [each["scope"] for each in scopes] == ["all"]
    assert person.get("/v1/suppressions?customer_id=c002").json()["scopes"] == []
    start = "2025-12-01T00:00:00Z"
    variants = [{"name": "A"}, {"name": "B"}]
    experiment = {"id": "banner", "variants": variants, "control": "A", "start": start}
    assert person.post("/v1/experiments", experiment).status_code == 201
    left_out = person.get("/v1/experiments/banner/assignment?customer_id=c001").json()
    assert (left_out["variant"], left_out["unassigned"]) == (None, "suppressed")
    other = person.get("/v1/experiments/banner/assignment?customer_id=c003").json()
    assert other["variant"] in ("A", "B")
