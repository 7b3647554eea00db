"""Invariant 7: a segment keeps its identity when the clusters are fitted anew, and a baseline changes no more."""

import json
from collections import Counter

import pytest

from events.segment_changes import decode_change
from state.model.baselines import BaselineStore
from state.model.drift_alarm import DriftAlarms
from tests.shop import order, shop_events

_SETTLED_S = 4.0
"""Sweeps measure, heartbeats tell, the leader lets the borders follow, sweeps move customers: two seconds and more."""

FIRST = {"SHOAL_FIRST_CUSTOMERS": "300", "SHOAL_FIRST_HISTORY_DAYS": "30", "SHOAL_K": "3"}


def shoal(service, *arguments, code=0, **settings):
    """Run a command to its end; return the JSON it printed, or its last words where it failed."""
    child = service.spawn(*arguments, **settings)
    service.until(lambda: not child.running, what=f"{arguments} ends")
    assert child.exit_code == code, child.log_tail(20)
    text = child.log.read_text()
    return json.loads(text[text.index("{\n") :]) if code == 0 else text


def changes(service):
    """Return every change that was told, once, by its id."""
    told = [decode_change(value) for value in service.read("segment-changes")]
    return {change.change_id: change for change in told}


def changes_since(service, before):
    return [change for change_id, change in changes(service).items() if change_id not in before]


def live(service):
    return BaselineStore(service.redis).current()


def segments_of(service):
    return {customer_id: int(row["segment"]) for customer_id, row in service.records().items()}


def start(service, workers=1):
    """Publish the first half of a shop's events, have them processed, and the first baseline live."""
    events = shop_events(sessions=0, profiles=0)
    service.publish(events[: len(events) // 2])
    for _ in range(workers):
        service.worker()
    service.until_processed()
    batch = service.spawn("batch", "--every", "24h", **FIRST)
    service.until(lambda: live(service) is not None and service.moved_over(1), what="the first baseline everywhere")
    batch.stop()
    return events[len(events) // 2 :]


def test_a_rebaseline_moves_only_those_whose_segment_changes_and_keeps_ids_and_names(service):
    later = start(service, workers=2)
    service.until_owned(2)
    service.publish(later)
    service.until_processed()
    service.until_quiet(_SETTLED_S)
    before, first = segments_of(service), live(service)
    told = changes(service)

    proposed = shoal(service, "rebaseline", "--k", "4", "--algorithm", "k-means", "--json")
    assert (proposed["baseline"], proposed["status"], proposed["k"]) == (2, "proposed", 4)
    assert live(service) == first, "a proposal changes nothing"
    assert segments_of(service) == before

    approved = shoal(service, "baselines", "approve", "2", "--why", "looks right", "--json")
    assert approved["status"] == "approved"
    service.until(lambda: [beat.baseline for beat in service.beats()] == [2, 2], what="both workers have swapped")
    service.until(lambda: service.moved_over(2), what="all customers are under baseline 2")
    service.until_quiet(_SETTLED_S)
    after = segments_of(service)

    moved = {name for name in before if before[name] != after[name]}
    caused = [change for change in changes_since(service, told) if change.cause == "baseline"]
    assert Counter(change.customer_id for change in caused) <= Counter(list(moved)), "nobody is told of no change"
    assert all(change.segment_id != change.previous for change in caused)
    expected = {name: f"s{number}" for name, number in after.items()}
    assert {change.customer_id: change.segment_id for change in caused} == {
        change.customer_id: expected[change.customer_id] for change in caused
    }
    # Most of the segments go on, under their ids; the preview said how many customers would move.
    kept = {each["segment_id"] for each in approved["lineage"] if each["kind"] != "retired"}
    assert len(kept & {each.segment_id for each in first.segments}) >= 3
    foretold = sum(each["customers"] for each in proposed["moves"] if each["source"] != each["target"])
    assert abs(foretold - len(caused)) <= 0.02 * len(before)
    service.assert_changes_agree()


@pytest.mark.long
def test_fitting_the_same_customers_again_gives_the_same_ids_and_names_and_moves_nobody(service):
    service.publish(start(service))
    service.until_processed()
    service.until_quiet(_SETTLED_S)
    options = ("rebaseline", "--k", "4", "--algorithm", "k-means", "--json")
    shoal(service, *options, "--approve")
    service.until(lambda: service.moved_over(2), what="all customers are under baseline 2")
    service.until_quiet(_SETTLED_S)
    same, seeded = shoal(service, *options), shoal(service, *options, "--seed", "7")
    names = {each.segment_id: each.segment for each in live(service).segments}
    assert {each["segment_id"]: each["segment"] for each in same["segments"]} == names
    assert {each["kind"] for each in same["lineage"]} == {"kept"}
    assert same["moved_share"] == 0.0
    assert {each["segment_id"] for each in seeded["segments"]} == names.keys()
    assert seeded["moved_share"] < 0.02


@pytest.mark.long
def test_a_rollback_brings_the_earlier_segments_back_under_a_new_number(service):
    service.publish(start(service))
    service.until_processed()
    first = live(service)
    shoal(service, "rebaseline", "--features", "frequency,monetary", "--k", "3", "--approve", "--json")
    service.until(lambda: service.moved_over(2), what="all customers are under baseline 2")
    renamed = shoal(service, "baselines", "rename", "2", live(service).segments[0].segment_id, "Big Spenders", "--json")
    assert renamed["segments"][0]["segment"] == "Big Spenders"
    back = shoal(service, "baselines", "rollback", "--why", "no", "--json")
    assert (back["baseline"], back["restores"], back["status"]) == (3, 1, "approved")
    service.until(lambda: service.moved_over(3), what="all customers are under baseline 3")
    service.until_quiet(_SETTLED_S)
    ids = {int(each.segment_id[1:]) for each in first.segments}
    assert set(segments_of(service).values()) <= ids
    assert live(service).features == first.features
    service.until_processed()
    service.assert_model_is_sum_of_customers()
    assert "no baseline before" in shoal(service, "baselines", "rollback", code=1)


def test_a_new_name_reaches_every_worker_and_what_they_say_next(service):
    start(service)
    chosen = next(each for each in live(service).segments if each.stage == "new")
    shoal(service, "baselines", "rename", "1", chosen.segment_id, "Weekend $hoppers <b>", "--json")
    told = changes(service)
    service.publish([order(f"new-{i}", "1998-06-30T00:00:00Z", 10.0 * i) for i in range(1, 400)])
    service.until_processed()
    said = {change.segment for change in changes_since(service, told) if change.segment_id == chosen.segment_id}
    assert said == {"Weekend $hoppers <b>"}


@pytest.mark.long
def test_two_batch_processes_at_once_take_turns_and_drift_is_answered_once_with_a_proposal(service):
    later = start(service)
    for each in live(service).segments[: live(service).k]:  # a person's names are not checked, and raise no alarm
        shoal(service, "baselines", "rename", "1", each.segment_id, f"Ours {each.segment_id}", "--json")
    service.publish(later)
    service.until_processed()
    for _ in range(2):
        service.spawn("batch", "--every", "24h", SHOAL_AUTO_APPROVE="true")
    alarm = {"reason": "quantisation error doubled", "at_ms": 1, "baseline": 1}
    service.redis.hset("drift", mapping=alarm)
    store = BaselineStore(service.redis)
    service.until(lambda: len(store.all()) == 2, what="a proposal")
    service.until(lambda: DriftAlarms(service.redis).current() is None, what="the alarm is cleared")
    proposal = store.all()[1]
    assert (proposal.status, proposal.proposed_by) == ("proposed", "drift: quantisation error doubled")
    assert live(service).baseline == 1, "drift only proposes"
    service.redis.hset("drift", mapping=alarm | {"at_ms": 2})
    service.until(lambda: DriftAlarms(service.redis).current() is None, what="the alarm is cleared")
    assert len(store.all()) == 2, "a proposal waits already"
    service.redis.hset("drift", mapping=alarm | {"baseline": 9})
    service.until(lambda: DriftAlarms(service.redis).current() is None, what="an alarm about another baseline")
    assert len(store.all()) == 2


@pytest.mark.long
def test_a_redis_that_goes_away_midway_leaves_the_live_baseline_untouched(service_on, own_redis):
    server = own_redis(appendonly=True)
    service = service_on(server.url)
    assert "there are no customers yet" in shoal(service, "rebaseline", code=1)
    start(service)
    first = live(service)
    fitting = service.spawn("rebaseline", "--json")
    service.until(lambda: service.redis.exists("lock:batch"), what="the fit has begun")
    server.kill()
    service.until(lambda: not fitting.running, what="the command ends")
    assert fitting.exit_code == 1
    assert "the live baseline is untouched" in " ".join(fitting.log_tail(20))
    server.restart()
    assert live(service) == first
    assert [each.baseline for each in BaselineStore(service.redis).all()] == [1]
