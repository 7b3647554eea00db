"""When the batch service proposes, and when it approves by itself."""

from datetime import timedelta

import pytest

from batch.errors import TooFewCustomers
from batch.promotion.batch_service import BatchService
from batch.promotion.decisions import Promotion
from batch.promotion.first_baseline import Readiness
from batch.rebaseline import Proposal
from batch.settings import BatchSettings
from state.model.baselines import BaselineStore
from state.model.drift_alarm import DriftAlarms
from state.store import keys
from tests.building import NOW, Sink, make_baseline

GOOD = {"silhouette": 0.5, "live_silhouette": 0.5, "moved_share": 0.0, "smallest_share": 0.2}
EVERY = timedelta(hours=24)


class Fitting:
    """Proposes without fitting anything; an error that is set is raised instead."""

    def __init__(self, store):
        self.store, self.metrics, self.error = store, GOOD, None

    def propose(self, options, *, by, now, check, events):
        if self.error:
            raise self.error
        check()
        found = {"status": "proposed", "follows": 1, "proposed_by": by, "created_at": now}
        metrics = self.metrics | {"events": events}
        baseline = make_baseline(self.store.next_number()).model_copy(update=found | {"metrics": metrics})
        self.store.propose(baseline)
        return Proposal(baseline, None, b"")


class First:
    def __init__(self, store):
        self.store = store

    def run_once(self):
        return self.store.current(), Readiness(0, ready=True, reason="as it was")


class Office:
    def __init__(self, redis, **settings):
        self.redis, self.store = redis, BaselineStore(redis)
        self.fitting, self.alarms = Fitting(self.store), DriftAlarms(redis)
        self.service = BatchService(
            redis,
            First(self.store),
            Promotion(self.store, Sink()),
            BatchSettings(**settings),
            every=EVERY,
            partitions=2,
            rebaseliner=lambda: self.fitting,
        )

    def count(self, events):
        self.redis.hset(keys.outcome_counts(0, keys.SEGMENTS_GROUP), "orders:applied", events)

    def statuses(self):
        return [each.status for each in self.store.all()]


@pytest.fixture
def office(redis):
    def make(**settings):
        office = Office(redis, **settings)
        office.store.approve(make_baseline(office.store.next_number()))
        office.count(10)
        return office

    return make


def test_nothing_is_proposed_before_it_is_time(office):
    here = office()
    assert here.service.step(NOW + EVERY - timedelta(seconds=1)) == (True, "as it was")
    assert here.statuses() == ["approved"]


def test_when_it_is_time_a_baseline_is_proposed_once_and_waits_for_a_person(office):
    here = office()
    _, said = here.service.step(NOW + EVERY)
    assert said == "baseline 2 is proposed and waits for `shoal baselines approve`"
    here.service.step(NOW + EVERY + timedelta(hours=1))
    assert here.statuses() == ["approved", "proposed"]


def test_without_new_events_nothing_is_proposed_again(office):
    here = office()
    here.service.step(NOW + EVERY)
    here.service.step(NOW + 2 * EVERY)
    assert here.statuses() == ["approved", "proposed"]
    here.count(11)
    here.service.step(NOW + 2 * EVERY)
    assert here.statuses() == ["approved", "rejected", "proposed"]


def test_where_settings_allow_and_the_guard_holds_it_goes_live(office):
    here = office(auto_approve=True)
    assert here.service.step(NOW + EVERY) == (True, "baseline 2 is live")
    assert here.store.current().decision == "approved automatically: the guard holds"


def test_where_the_guard_does_not_hold_a_person_is_asked(office):
    here = office(auto_approve=True)
    here.fitting.metrics = GOOD | {"moved_share": 0.9}
    _, said = here.service.step(NOW + EVERY)
    assert said.endswith("(it moves 90.0% of the customers, more than 25.0%)")
    assert here.store.current().baseline == 1


def test_drift_only_proposes(office):
    here = office(auto_approve=True)
    here.redis.hset(keys.DRIFT, mapping={"reason": "shares moved", "at_ms": 5, "baseline": 1})
    here.service.step(NOW)
    assert here.statuses() == ["approved", "proposed"]
    assert here.store.get(2).proposed_by == "drift: shares moved"
    assert here.alarms.current() is None


def test_what_cannot_be_fitted_is_said_and_the_live_baseline_stays(office):
    here = office()
    here.fitting.error = TooFewCustomers("3 customers cannot make 5 segments")
    _, said = here.service.step(NOW + EVERY)
    assert said == "no baseline was proposed: 3 customers cannot make 5 segments"
    assert here.statuses() == ["approved"]


def test_while_another_process_works_nothing_is_done(office):
    here = office()
    here.redis.set(keys.BATCH_LOCK, "host-1")
    _, said = here.service.step(NOW + EVERY)
    assert said.startswith("host-1 is re-baselining")
    assert here.statuses() == ["approved"]
