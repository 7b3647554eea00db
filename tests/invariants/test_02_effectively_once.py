"""Invariant 2: a crash anywhere, a producer's duplicates, a Redis that comes back older: each event counts once."""

import itertools
import random

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from events.segment_changes import decode_change
from state.model.baselines import BaselineStore, ModelStore
from tests.service import event_fields
from tests.shop import order, reference, shop_events
from tests.waiting import PATIENCE_S, within


def test_same_records_after_shuffle_duplicates_kills_and_rebalances(service):
    chance = random.Random(20_261_122)
    events = shop_events()
    sent = events + chance.sample(events, len(events) // 10)
    chance.shuffle(sent)
    small = {"SHOAL_BATCH_EVENTS": "100"}
    worker = service.worker(**small)
    cuts = [len(sent) * part // 5 for part in range(6)]
    for start, end in itertools.pairwise(cuts):
        service.publish(sent[start:end])
        target = chance.randrange(start, end - 200)
        while sum(service.stored().values()) < target:  # without a pause, so that it dies in the middle
            assert worker.running
        worker.kill()
        worker = service.worker(**small)
    helper = service.worker(**small)
    service.until_owned(2)
    service.publish(events[:100])  # repeats, so that the two have something to share
    helper.stop(PATIENCE_S)
    assert helper.exit_code == 0
    ends = service.until_processed()
    assert event_fields(service.records()) == event_fields(reference(events))
    outcome_counts = service.assert_outcomes_add_up(ends)
    assert sum(count for name, count in outcome_counts.items() if name.endswith(":applied")) == len(events)
    assert (
        sum(count for name, count in outcome_counts.items() if name.endswith(":duplicate"))
        == len(sent) - len(events) + 100
    )
    service.assert_changes_agree()
    service.assert_model_is_sum_of_customers()


def assert_repaired(service, events) -> None:
    """Without any new event, the records, the model and what the world was told agree again."""
    expected = event_fields(reference(events))
    service.until(lambda: event_fields(service.records()) == expected, what="the records are what they were")
    service.until_processed()
    service.assert_changes_agree()
    service.assert_model_is_sum_of_customers()


def assert_no_change_id_has_two_meanings(service) -> None:
    told: dict[str, bytes] = {}
    for value in service.read("segment-changes"):
        assert told.setdefault(decode_change(value).change_id, value) == value


def test_a_redis_that_comes_back_older_is_repaired_by_replaying(service):
    events = shop_events(sessions=300)
    service.publish(events[:3_000])
    worker = service.worker()
    service.until_processed()
    older = service.snapshot()
    service.publish(events[3_000:])
    service.until_processed()
    service.until_quiet()
    service.come_back_older(older)
    assert_repaired(service, events)
    assert_no_change_id_has_two_meanings(service)
    assert worker.running


def test_a_redis_that_comes_back_empty_while_the_worker_is_down_is_repaired(service):
    events = shop_events(sessions=300)
    service.publish(events)
    worker = service.worker()
    service.until_processed()
    service.until_quiet()
    worker.stop()
    service.come_back_older({})
    service.worker()
    assert_repaired(service, events)
    assert_no_change_id_has_two_meanings(service)


@pytest.mark.long
def test_a_redis_that_lost_only_sweeps_and_the_baseline_is_repaired(service):
    events = shop_events(sessions=300)
    service.publish(events)
    worker = service.worker()
    service.until_processed()
    service.until_quiet()
    older = service.snapshot()
    batch = service.spawn("batch", "--every", "1s", SHOAL_FIRST_CUSTOMERS="300", SHOAL_FIRST_HISTORY_DAYS="30")
    service.until(lambda: ModelStore(service.redis).current() is not None, what="a model of the first baseline")
    batch.stop()
    service.until_quiet()
    before = BaselineStore(service.redis).current()
    service.come_back_older(older)
    service.until(lambda: BaselineStore(service.redis).current() == before, what="the baseline is put back")
    service.until(lambda: service.moved_over(1), what="everyone is under it again")
    assert_repaired(service, events)
    assert_no_change_id_has_two_meanings(service)
    assert worker.running


@pytest.mark.durable
def test_a_log_that_no_longer_reaches_back_stops_the_worker_with_the_reason(service):
    service.publish([order(f"c{i}", "1998-01-01T00:00:00Z") for i in range(50)])
    worker = service.worker()
    service.until_processed()
    worker.stop()
    service.publish([order(f"c{i}", "1998-01-02T00:00:00Z") for i in range(50)])
    name, admin = service.kafka.topic("orders"), AdminClient({"bootstrap.servers": service.kafka.kafka})
    cut = admin.delete_records([TopicPartition(name, partition, -1) for partition in range(4)])
    [future.result() for future in cut.values()]
    worker = service.worker()
    service.until(lambda: not worker.running, what="the worker stops")
    assert worker.exit_code == 1
    assert any("Kafka does not have the offset" in line for line in worker.log_tail(40)), worker.log_tail(40)


def test_sigterm_finishes_the_batch_and_exits_0_within_seconds(service):
    worker = service.worker(SHOAL_BATCH_EVENTS="50")
    service.until_owned(1)
    events = shop_events(sessions=0, profiles=0, refunds=0)
    service.publish(events)
    with within(10):
        worker.stop(PATIENCE_S)
    assert worker.exit_code == 0
    service.worker()
    service.until_processed()
    assert event_fields(service.records()) == event_fields(reference(events))
