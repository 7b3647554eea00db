"""The commit: what Kafka did not take stays in the outbox, whatever it takes afterwards."""

import threading
import time

import pytest

from consumers.broker.kafka_sink import SinkFailed
from consumers.runtime.commit import SegmentCommitter
from consumers.runtime.partition_batch import SegmentResult
from consumers.runtime.protocols import Commit
from events.segment_changes import decode_change, make_change
from state.customers.current_segment_keys import SegmentViews
from state.customers.records import CustomerBatch
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import Fenced, PartitionStore
from state.store import keys
from tests.building import Sink


class FailingOnce(Sink):
    """Kafka, away for a moment: at the sending or at the waiting."""

    def __init__(self, at):
        super().__init__()
        self._at = at

    def send_all(self, topic, keys, values):
        self._fail("send_all")
        super().send_all(topic, keys, values)

    def flush(self):
        self._fail("flush")
        super().flush()

    def _fail(self, step):
        if self._at == step:
            self._at = ""
            raise SinkFailed("gone for a moment")


class Slow(Sink):
    """Kafka, which acknowledges nothing before it `may`."""

    def __init__(self, failure=None):
        super().__init__()
        self.may, self._failure = threading.Event(), failure

    def flush(self):
        assert self.may.wait(30)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        super().flush()


def first_change(customer_id):
    return make_change(
        change_id=f"{customer_id}:1",
        customer_id=customer_id,
        change_number=1,
        changed_at="2026-01-01T00:00:00Z",
        cause="activity",
        segment_id="s1",
        segment="New Customers",
        previous=None,
        previous_segment=None,
        baseline=0,
        model_version=0,
    )


def result(*customer_ids):
    changes = [first_change(customer_id) for customer_id in customer_ids]
    return SegmentResult(CustomerBatch.blank(list(customer_ids)), {}, 0, ModelSums.zeros(6, 0), changes, {})


def commit_of(owned, offset, *customer_ids):
    return Commit(owned, result(*customer_ids), {"orders": offset}, {}, 0)


MANY = [f"m{i}" for i in range(2_000)]


@pytest.mark.parametrize("step", ["send_all", "flush"])
def test_a_later_change_that_kafka_took_does_not_push_an_unsent_one_out_of_the_outbox(redis, step):
    store = PartitionStore(redis, keys.SEGMENTS_GROUP)
    committer, owned = SegmentCommitter(store, SegmentViews(redis), FailingOnce(step)), store.claim(0)
    with pytest.raises(SinkFailed):
        committer.commit(owned, result("anna"), {"orders": 1}, {}, 0)
    committer.commit(owned, result("bert"), {"orders": 2}, {}, 0)
    committer.trim_outbox(owned)
    committer.commit(owned, result("carl"), {"orders": 3}, {}, 0)
    assert [decode_change(value).customer_id for value in store.outbox(0)] == ["anna", "bert", "carl"]
    assert committer.resend_outbox(store.claim(0)) == 3
    assert store.outbox(0) == []


def test_a_partition_that_another_worker_took_over_does_not_hold_up_the_others_of_the_micro_batch(redis):
    store, sink = PartitionStore(redis, keys.SEGMENTS_GROUP), Sink()
    committer, kept, lost = SegmentCommitter(store, SegmentViews(redis), sink), store.claim(0), store.claim(1)
    PartitionStore(redis, keys.SEGMENTS_GROUP).claim(1)
    both = [Commit(lost, result("anna"), {"orders": 1}, {}, 0), Commit(kept, result("bert"), {"orders": 2}, {}, 0)]
    committer.begin(both)
    committer.confirm()
    assert (lost.fenced is None, kept.fenced) == (False, None)
    assert [decode_change(value).customer_id for _, _, value in sink.sent] == ["bert"]
    assert (store.load(1, ["anna"]).known.tolist(), store.load(0, ["bert"]).known.tolist()) == ([False], [True])
    assert (kept.offsets, lost.offsets, kept.acknowledged) == ({"orders": 2}, {}, 1)
    with pytest.raises(Fenced, match="partition 1"):
        committer.commit(lost, result("anna"), {"orders": 1}, {}, 0)


class TestManyChanges:
    """Kafka's acknowledgement of many changes is waited for by the next commit."""

    @pytest.fixture
    def store(self, redis):
        return PartitionStore(redis, keys.SEGMENTS_GROUP)

    def begun(self, redis, store, sink, owned):
        committer = SegmentCommitter(store, SegmentViews(redis), sink)
        committer.begin([commit_of(owned, 2_000, *MANY)])
        return committer

    def test_they_leave_the_outbox_once_acknowledged_and_not_before(self, redis, store):
        sink, owned = Slow(), store.claim(0)
        committer = self.begun(redis, store, sink, owned)
        assert (owned.acknowledged, len(store.outbox(0)), len(sink.sent)) == (0, 2_000, 2_000)
        committer.trim_outbox(owned)
        assert len(store.outbox(0)) == 2_000
        threading.Timer(0.2, sink.may.set).start()
        committer.begin([commit_of(owned, 2_001, "anna")])
        assert [decode_change(value).customer_id for value in store.outbox(0)] == ["anna"]
        assert (sink.flushed, owned.acknowledged) == (2_001, 1)

    def test_a_failure_ends_the_next_commit_before_it_saves_and_all_stay_in_the_outbox(self, redis, store):
        sink, owned = Slow(SinkFailed("gone")), store.claim(0)
        committer = self.begun(redis, store, sink, owned)
        sink.may.set()
        with pytest.raises(SinkFailed, match="gone"):
            committer.begin([commit_of(owned, 2_001, "anna")])
        assert (owned.offsets, len(store.outbox(0)), store.load(0, ["anna"]).known.tolist()) == (
            {"orders": 2_000},
            2_000,
            [False],
        )
        committer.begin([commit_of(owned, 2_001, "anna")])
        committer.trim_outbox(owned)
        assert len(store.outbox(0)) == 2_001
        assert committer.resend_outbox(store.claim(0)) == 2_001

    def test_what_is_sent_meanwhile_is_waited_for_as_well(self, redis, store):
        sink, owned = Slow(), store.claim(0)
        committer = self.begun(redis, store, sink, owned)
        sink.may.set()
        deadline = time.monotonic() + 30
        while sink.flushed < 2_000:
            assert time.monotonic() < deadline
        sink.send_all("segment-changes", ["anna"], [b"{}"])
        committer.confirm()
        assert sink.flushed == 2_001

    def test_nothing_is_sent_elsewhere_by_a_sink_that_is_being_waited_for(self, redis, store):
        sink, owned = Slow(), store.claim(0)
        committer = self.begun(redis, store, sink, owned)
        threading.Timer(0.2, sink.may.set).start()
        committer.send_elsewhere("dead-letters", None, b"{}")
        assert (sink.flushed, owned.acknowledged, len(sink.sent)) == (2_000, 2_000, 2_001)
