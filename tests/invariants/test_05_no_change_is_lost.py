"""Invariant 5: a change that was saved is sent, after a crash again with the same bytes, and says why."""

import json

import pytest

from consumers.broker.consumer_lag import unsent_changes
from consumers.broker.kafka_sink import SinkFailed
from consumers.runtime.commit import SegmentCommitter
from consumers.runtime.partition_batch import SegmentResult
from events.segment_changes import make_change
from state.customers.current_segment_keys import SegmentViews
from state.customers.records import CustomerBatch
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import PartitionStore
from state.store import keys
from tests.shop import order


class BrokenSink:
    """Kafka, gone just after the state was saved."""

    def __init__(self):
        self.sent = []

    def send_all(self, topic, keys, values):
        self.sent += [(topic, key, value) for key, value in zip(keys, values, strict=True)]

    def flush(self):
        if self.sent:
            raise SinkFailed("gone")


def change(customer_id, number):
    return make_change(
        change_id=f"{customer_id}:{number}",
        customer_id=customer_id,
        change_number=number,
        changed_at="1998-01-01T00:00:00.000Z",
        cause="activity",
        segment_id="s4",
        segment="New Customers",
        previous=None,
        previous_segment=None,
        baseline=0,
        model_version=0,
    )


def test_changes_saved_before_a_crash_are_sent_by_the_next_owner_with_the_same_bytes(service):
    store, sink = PartitionStore(service.redis, keys.SEGMENTS_GROUP), BrokenSink()
    owned = store.claim(0)
    changes = [change("anna", 1), change("bert", 1)]
    outcome = SegmentResult(CustomerBatch.blank(["anna", "bert"]), {}, 0, ModelSums.zeros(6, 0), changes, {})
    with pytest.raises(SinkFailed):
        SegmentCommitter(store, SegmentViews(service.redis), sink).commit(owned, outcome, {"orders": 2}, {}, 0)
    saved = store.outbox(0)
    assert saved == [value for _, _, value in sink.sent]
    successor = store.claim(0)
    assert SegmentCommitter(store, SegmentViews(service.redis), service.sink()).resend_outbox(successor) == 2
    assert sorted(service.read("segment-changes")) == sorted(saved)
    assert store.outbox(0) == []
    assert service.view("anna").change_id == "anna:1"


def test_the_outbox_of_a_killed_worker_is_sent_before_anything_else(service):
    worker = service.worker()
    service.publish([order("anna", "1998-01-01T00:00:00Z")])
    service.until_processed()
    worker.kill()
    log = service.changes()
    resent = service.read("segment-changes")[0]
    partition = next(p for p in range(4) if service.redis.hexists(keys.customers(p), "anna"))
    service.redis.rpush(keys.outbox(partition), resent)
    service.worker()
    service.until(lambda: service.redis.llen(keys.outbox(partition)) == 0, what="the outbox is sent")
    service.until(lambda: service.changes().messages == log.messages + 1, what="the change is there again")
    assert service.changes().latest == log.latest


@pytest.mark.long
def test_thousands_of_changes_that_kafka_may_not_have_survive_kills_between_sweeps(service):
    """Large micro-batches, whose acknowledgement the next one waits for, and sweeps that publish in between."""
    eager = {"SHOAL_SWEEP_S": "0.1", "SHOAL_SWEEP_SHARE": "0.5", "SHOAL_SWEEP_CHUNK": "2000"}
    service.publish([order(f"c{i}", "1998-01-01T00:00:00Z", event_id=f"e{i}") for i in range(40_000)])
    for already in (0, 10_000, 20_000):
        service.kill_while(
            service.worker(**eager),
            lambda already=already: sum(service.stored().values()) > already and unsent_changes(service.redis, 4) > 0,
        )
    assert unsent_changes(service.redis, 4) > 0
    service.worker(**eager)
    service.until_processed()
    assert unsent_changes(service.redis, 4) == 0
    log = service.assert_changes_agree()
    assert len(log.latest) == 40_000
    first = {json.loads(value)["change_id"] for value in service.read("segment-changes")}
    assert {f"c{i}:1" for i in range(40_000)} <= first


def test_each_change_names_its_cause(service):
    service.worker()
    service.publish(
        [
            order("anna", "1998-01-01T00:00:00Z", event_id="1"),
            *(order("bert", f"1998-01-{day:02}T00:00:00Z", event_id=f"b{day}") for day in range(1, 13)),
        ]
    )
    service.until_processed()
    service.publish(
        [order("bert", f"1998-01-{day:02}T00:00:00Z", event_id=f"c{day}", type="cancelled") for day in range(1, 9)]
    )
    service.until_processed()
    latest = service.changes().latest
    assert latest["anna"].cause == "activity"
    assert (latest["bert"].cause, latest["bert"].previous_segment) == ("correction", "High-Value Loyalists")
