"""Baselines over HTTP and on the dashboard: seen, decided on by who may, and never by a form of somebody else."""

import re

import pytest

from api.access.customer_access_log import read_audit
from api.access.scopes import Scope
from batch.promotion.decisions import Promotion
from events.schema.outputs import SegmentMove
from queries.segments.baseline_comparison import compare_baselines
from state.model.baselines import BaselineStore
from tests.api.pages.test_pages import HTML, seen, signed_in
from tests.building import Sink, make_baseline

READ, DECIDE = Scope.SEGMENTS_READ, Scope.BASELINES_APPROVE


@pytest.fixture
def proposal(shop):
    """Baseline 1 is live, baseline 2 proposed; what goes to Kafka is in `sent`."""
    store, sink = BaselineStore(shop.redis), Sink()
    store.approve(make_baseline(1))
    store.propose(make_baseline(2).model_copy(update={"status": "proposed", "follows": 1}))
    shop.redis.set("baseline:last", 2)
    shop.client.app.state.services.__dict__["promotion"] = lambda: Promotion(store, sink)
    return sink


def test_approving_puts_it_live_and_is_on_record(shop, proposal):
    answer = shop.post("/v1/baselines/2/approve", {"why": "looks right"}, DECIDE)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["decided_by"]) == ("approved", "test")
    assert [topic for topic, _, _ in proposal.sent] == ["baselines"]
    assert shop.get("/v1/baselines/current", READ).json()["baseline"] == 2
    assert [each["status"] for each in shop.get("/v1/baselines", READ).json()["baselines"]] == ["approved", "retired"]
    assert [(each.action, each.detail) for each in read_audit(shop.redis)] == [("baseline.approve", "2")]


def test_rejecting_leaves_what_is_live(shop, proposal):
    assert shop.post("/v1/baselines/2/reject", {"why": "no"}, DECIDE).json()["status"] == "rejected"
    assert shop.post("/v1/baselines/2/approve", {}, DECIDE).status_code == 409
    assert shop.get("/v1/baselines/current", READ).json()["baseline"] == 1
    assert proposal.sent == []


def test_rolling_back_and_renaming(shop, proposal):
    shop.post("/v1/baselines/2/approve", {}, DECIDE)
    named = shop.post("/v1/baselines/2/segments/s1/rename", {"name": "Best"}, DECIDE)
    assert named.json()["segments"][0]["segment"] == "Best"
    assert shop.post("/v1/baselines/2/segments/s99/rename", {"name": "x"}, DECIDE).status_code == 404
    back = shop.post("/v1/baselines:rollback", {"why": "wrong people"}, DECIDE).json()
    assert (back["baseline"], back["restores"]) == (3, 1)


def test_what_is_not_there_is_404(shop, proposal):
    assert shop.get("/v1/baselines/7", READ).status_code == 404
    assert shop.post("/v1/baselines/7/approve", {}, DECIDE).status_code == 404


def test_a_person_approves_on_the_page(shop, proposal):
    signed_in(shop)
    page = seen(shop, "/baselines/2")
    assert "Approve and put live" in page
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)[1]
    forged = shop.client.post("/baselines/2/approve", data={"why": "x", "csrf": "other"}, headers=HTML)
    assert forged.status_code == 403
    assert proposal.sent == []
    done = shop.client.post("/baselines/2/approve", data={"why": "<b>fine</b>", "csrf": csrf}, headers=HTML)
    assert (done.status_code, done.headers["location"]) == (303, "/baselines/2")
    assert "&lt;b&gt;fine" in seen(shop, "/baselines/2")
    assert "live" in seen(shop, "/baselines")
    assert shop.client.post("/baselines/2/explode", data={"csrf": csrf}, headers=HTML).status_code == 404
    assert shop.client.get("/baselines/x", headers=HTML).status_code == 404


def test_who_may_only_look_sees_no_form(shop, proposal):
    signed_in(shop, READ)
    assert "Approve and put live" not in seen(shop, "/baselines/2")


def test_a_candidate_is_compared_with_what_is_live(shop, proposal):
    found = shop.get("/v1/baselines/2/comparison", READ).json()
    assert (found["baseline"]["baseline"], found["against"]["baseline"]) == (2, 1)
    assert found["gone"] == []
    (first, *_) = found["segments"]
    assert (first["segment_before"], first["customers_before"]) == (first["segment"], first["customers"])
    tiers = shop.get("/v1/baselines/2/comparison?against=0", READ).json()
    assert (tiers["against"], tiers["segments"][0]["segment_before"]) == (None, None)
    assert shop.get("/v1/baselines/2/comparison?against=9", READ).status_code == 404


def test_moves_are_told_only_against_what_they_were_previewed_with():
    moves = [SegmentMove(source=None, target="s1", customers=3), SegmentMove(source="s1", target="s1", customers=9)]
    moves.append(SegmentMove(source="s1", target="s2", customers=3))
    candidate = make_baseline(2).model_copy(update={"follows": 1, "moves": moves})
    told = compare_baselines(candidate, make_baseline(1))
    assert told["moves"] == [
        {"from": None, "to": "s1", "customers": 3}, {"from": "s1", "to": "s2", "customers": 3},
    ]  # fmt: skip
    assert told["moved_share"] == pytest.approx(0.25)
    other = compare_baselines(candidate, make_baseline(7))
    assert (other["moves"], other["moved_share"]) == (None, None)
    live = make_baseline(1)
    fewer = compare_baselines(make_baseline(2).model_copy(update={"segments": live.segments[1:]}), live)
    assert [each["segment_id"] for each in fewer["gone"]] == [live.segments[0].segment_id]
