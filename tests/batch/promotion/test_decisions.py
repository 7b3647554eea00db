"""Decisions on a real Redis: what is live, what is told, what is refused, and what a rollback brings back."""

import pytest

from batch.promotion.batch_lock import BatchBusy, BatchLock, LockLost
from batch.promotion.decisions import Decision, DecisionNotAllowed, Promotion, SegmentUnknown, summary
from consumers.broker.kafka_sink import SinkFailed
from events.schema.outputs import Baseline
from state.model.baselines import BaselineConflict, BaselineStore, BaselineUnknown
from state.model.drift_alarm import DriftAlarm, DriftAlarms
from state.store import keys
from stream.model.live_segmenter import LiveSegmenter
from tests.building import HALF_LIFE_MS, NOW, MeddledRedis, Sink, everything_in, make_baseline
from tests.waiting import until

ANNA = Decision("anna", NOW, "looks right")


def proposed(number, follows=0, **more):
    return make_baseline(number, **more).model_copy(update={"status": "proposed", "follows": follows})


class Desk:
    """A store with proposals on it, and who decides on them."""

    def __init__(self, redis):
        self.redis, self.store, self.sink = redis, BaselineStore(redis), Sink()
        self.promotion = Promotion(self.store, self.sink)

    def propose(self, follows=0, **more):
        baseline = proposed(self.store.next_number(), follows, **more)
        self.store.propose(baseline, b"{}")
        return baseline.baseline

    def told(self):
        return [Baseline.model_validate_json(value) for topic, _, value in self.sink.sent if topic == "baselines"]


@pytest.fixture
def desk(redis):
    return Desk(redis)


def test_a_proposal_changes_nothing_that_is_live(desk):
    first = desk.propose()
    desk.promotion.approve(first, ANNA)
    before = desk.redis.get(keys.BASELINE_CURRENT)
    desk.propose(follows=1)
    assert desk.redis.get(keys.BASELINE_CURRENT) == before
    assert len(desk.told()) == 1


def test_what_is_approved_is_live_told_and_signed_and_the_one_before_is_retired(desk):
    desk.promotion.approve(desk.propose(), ANNA)
    desk.promotion.approve(desk.propose(follows=1, ids=[1, 2, 7]), ANNA)
    live = desk.store.current()
    assert (live.baseline, live.status, live.decided_by, live.decided_at) == (2, "approved", "anna", NOW)
    assert [each.status for each in desk.store.all()] == ["retired", "approved"]
    assert desk.told()[-1] == desk.store.get(2) == live
    assert desk.sink.flushed == 2
    assert desk.redis.ttl(keys.baseline_report(1)) > 0
    assert desk.redis.ttl(keys.baseline_report(2)) == -1


def test_approving_the_live_one_again_tells_it_again(desk):
    number = desk.propose()
    desk.promotion.approve(number, ANNA)
    desk.promotion.approve(number, Decision("bob", NOW))
    first, second = desk.told()
    assert first == second


def test_a_kafka_that_takes_nothing_can_be_tried_again(desk):
    number = desk.propose()

    class Deaf(Sink):
        def flush(self):
            raise SinkFailed("no broker")

    with pytest.raises(SinkFailed):
        Promotion(desk.store, Deaf()).approve(number, ANNA)
    assert desk.store.current().baseline == number
    desk.promotion.approve(number, ANNA)
    assert [each.baseline for each in desk.told()] == [number]


def test_a_proposal_about_an_earlier_baseline_is_refused(desk):
    one, other = desk.propose(), desk.propose()
    desk.promotion.approve(other, ANNA)
    before = everything_in(desk.redis)
    with pytest.raises(DecisionNotAllowed, match="compared with baseline 0, but 2 is live now"):
        desk.promotion.approve(one, ANNA)
    assert everything_in(desk.redis) == before


def test_what_is_decided_is_not_decided_again(desk):
    number = desk.propose()
    desk.promotion.reject(number, Decision("anna", NOW, "too many"))
    assert (desk.store.get(number).status, desk.store.get(number).decision) == ("rejected", "too many")
    for act in (desk.promotion.approve, desk.promotion.reject):
        with pytest.raises(DecisionNotAllowed, match="baseline 1 is rejected; only a proposed one"):
            act(number, ANNA)
    with pytest.raises(BaselineUnknown, match="there is no baseline 9"):
        desk.promotion.approve(9, ANNA)
    assert desk.store.current() is None


def test_of_two_who_decide_at_once_one_is_refused(desk):
    number = desk.propose()
    other = Promotion(BaselineStore(desk.redis), desk.sink)
    meddled = MeddledRedis.beside(desk.redis, lambda: other.approve(number, Decision("bob", NOW)))
    with pytest.raises(BaselineConflict):
        Promotion(BaselineStore(meddled), desk.sink).approve(number, ANNA)
    assert desk.store.current().decided_by == "bob"


def test_older_proposals_are_superseded(desk):
    for _ in range(3):
        newest = desk.propose()
    assert desk.promotion.supersede(desk.store.get(newest), NOW) == [1, 2]
    assert [each.status for each in desk.store.all()] == ["rejected", "rejected", "proposed"]
    assert desk.store.get(1).decision == "superseded by baseline 3"


def test_rolling_back_twice_goes_two_baselines_back_under_new_numbers(desk):
    for follows, ids in enumerate(([1, 2, 3], [1, 2, 7], [1, 7, 8])):
        desk.promotion.approve(desk.propose(follows, ids=ids), ANNA)
    worker = LiveSegmenter(desk.redis, HALF_LIFE_MS)
    worker.refresh()
    first = desk.promotion.rollback(Decision("anna", NOW, "wrong"))
    second = desk.promotion.rollback(ANNA)
    assert [(each.baseline, each.restores, each.follows) for each in (first, second)] == [(4, 2, 3), (5, 1, 4)]
    assert [each.segment_id for each in first.segments] == ["s1", "s2", "s7"]
    assert {(each.segment_id, each.kind) for each in first.lineage} == {
        *(("s1", "kept"), ("s7", "kept"), ("s2", "born"), ("s8", "retired"))
    }
    for told in desk.told():
        worker.follow_baseline(told)
    assert [each.segment_id for each in worker.segmenter.segments] == ["s1", "s2", "s3"]
    with pytest.raises(DecisionNotAllowed, match="no baseline before baseline 5"):
        desk.promotion.rollback(ANNA)
    assert desk.promotion.rollback(ANNA, to=3).restores == 3


def test_a_rollback_to_what_was_never_live_is_refused(desk):
    with pytest.raises(DecisionNotAllowed, match="no live baseline"):
        desk.promotion.rollback(ANNA)
    desk.promotion.approve(desk.propose(), ANNA)
    desk.propose(follows=1)
    with pytest.raises(DecisionNotAllowed, match="baseline 2 is proposed"):
        desk.promotion.rollback(ANNA, to=2)


def test_a_new_name_of_a_live_segment_reaches_workers_and_leaves_the_centroids_of_today(desk):
    desk.promotion.approve(desk.propose(), ANNA)
    worker = LiveSegmenter(desk.redis, HALF_LIFE_MS)
    worker.refresh()
    worker.segmenter.version = 17
    renamed = desk.promotion.rename(1, "s2", "  Weekend   Shoppers ", ANNA)
    assert renamed.revision == 1
    assert worker.follow_baseline(desk.told()[-1])
    assert not worker.follow_baseline(desk.told()[-1])
    assert worker.segmenter.segments[1].name == "Weekend Shoppers"
    assert worker.segmenter.version == 17
    assert not worker.follow_baseline(desk.told()[0]), "the earlier revision comes late"


def test_a_proposed_baseline_can_be_renamed_before_it_goes_live(desk):
    number = desk.propose()
    desk.promotion.rename(number, "s1", "Gold", ANNA)
    assert desk.told() == []
    desk.promotion.approve(number, ANNA)
    assert (desk.store.current().segments[0].segment, desk.store.current().segments[0].renamed) == ("Gold", True)


@pytest.mark.parametrize(
    ("segment_id", "name", "error", "said"),
    [
        ("s9", "Gold", SegmentUnknown, "baseline 1 has no segment 's9'; it has s1"),
        ("s1", " ", DecisionNotAllowed, "1 to 60 printable characters"),
        ("s1", "x" * 61, DecisionNotAllowed, "1 to 60 printable characters"),
        ("s1", "a\x1bb", DecisionNotAllowed, "1 to 60 printable characters"),
        ("s1", "Frequent Buyers", DecisionNotAllowed, "another segment of baseline 1 is named"),
    ],
)
def test_a_name_that_will_not_do_is_refused(desk, segment_id, name, error, said):
    number = desk.propose()
    before = everything_in(desk.redis)
    with pytest.raises(error, match=said):
        desk.promotion.rename(number, segment_id, name, ANNA)
    assert everything_in(desk.redis) == before


def test_a_baseline_of_an_older_release_can_still_be_read(desk):
    old = make_baseline().model_dump(
        include={
            *("baseline", "status", "created_at", "algorithm", "features", "center", "scale", "k"),
            *("silhouette", "inertia", "segments"),
        },
        mode="json",
    )
    for segment in old["segments"]:
        del segment["renamed"], segment["named_for"]
    read = Baseline.model_validate(old)
    assert (read.revision, read.lineage, read.moves, read.attributes) == (0, [], [], [])
    assert summary(read)["moved_share"] is None


def test_only_one_holds_the_lock_and_a_dead_holder_is_waited_out(redis):
    with BatchLock(redis, 60.0) as mine:
        mine.check()
        with (
            pytest.raises(BatchBusy, match="is re-baselining, and only one process may at a time"),
            BatchLock(redis, 60),
        ):
            pass
        mine.check()
    assert not redis.exists(keys.BATCH_LOCK)
    redis.set(keys.BATCH_LOCK, "somebody who died", px=300)
    with BatchLock(redis, 60.0, wait_s=60.0) as mine:
        mine.check()


def test_a_lock_is_renewed_while_it_is_held_and_one_that_was_lost_is_noticed(redis):
    with BatchLock(redis, 3.0) as mine:
        left_ms = [redis.pttl(keys.BATCH_LOCK)]

        def renewed():
            left_ms.append(redis.pttl(keys.BATCH_LOCK))
            return left_ms[-1] > left_ms[-2]

        until(renewed, what="the lock is renewed")
        mine.check()
        redis.set(keys.BATCH_LOCK, "another")
        with pytest.raises(LockLost, match="nothing was changed"):
            mine.check()
    assert redis.get(keys.BATCH_LOCK) == b"another"


def test_an_alarm_is_cleared_unless_a_newer_one_has_come(redis):
    alarms = DriftAlarms(redis)
    assert alarms.current() is None
    alarms.raise_alarm(DriftAlarm("error", 1, 3))
    alarm = alarms.current()
    assert alarm == DriftAlarm("error", 1, 3)
    assert redis.hgetall(keys.DRIFT) == {b"reason": b"error", b"at_ms": b"1", b"baseline": b"3"}
    alarms.raise_alarm(DriftAlarm("error", 2, 3))
    alarms.clear(alarm)
    assert alarms.current() == DriftAlarm("error", 2, 3)
    alarms.clear(alarms.current())
    assert alarms.current() is None
