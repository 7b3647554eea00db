"""Invariant 3: a worker that wakes up after its partitions have moved cannot overwrite newer state."""

import os
import signal

from state.store import keys
from tests.deployment import process_id
from tests.service import event_fields
from tests.shop import purchases, reference


def test_a_paused_worker_that_wakes_up_overwrites_nothing(service):
    events = purchases()
    slow = service.worker(SHOAL_BATCH_EVENTS="50")
    service.until_owned(1)
    service.publish(events[:4_000])
    service.until(lambda: sum(service.stored().values()) > 200, what="the first worker is in the middle")
    os.kill(slow.pid, signal.SIGSTOP)
    other = service.worker()
    service.until(
        lambda: [beat.partitions for beat in service.beats() if process_id(beat) == other.pid] == [list(range(4))],
        what="the other worker owns everything",
    )
    service.publish(events[4_000:])
    service.until_processed()
    os.kill(slow.pid, signal.SIGCONT)
    service.until_owned(2)
    ends = service.until_processed()
    assert slow.running
    assert other.running
    assert event_fields(service.records()) == event_fields(reference(events))
    service.assert_outcomes_add_up(ends)
    service.assert_changes_agree()
    service.assert_model_is_sum_of_customers()


def test_two_workers_share_the_partitions_and_one_takes_over_within_the_session_timeout(service):
    events = purchases()
    first, second = service.worker(), service.worker()
    service.until_owned(2)
    service.until(lambda: sorted(len(beat.partitions) for beat in service.beats()) == [2, 2], what="two each")
    service.publish(events[:3_000])
    second.kill()
    service.publish(events[3_000:])
    service.until_within(3 + 5, lambda: service.owned_by(1), "the other owns all")  # session timeout, time to join
    service.until_processed()
    assert first.running
    assert event_fields(service.records()) == event_fields(reference(events))


def test_partitions_that_a_straggler_fenced_off_are_taken_back(service):
    """A worker that has left the group claims once more before it notices: no rebalance follows that would help."""
    events = purchases()
    worker = service.worker(SHOAL_SESSION_TIMEOUT_S="1.5")
    service.until_owned(1)
    service.publish(events[:3_000])
    service.until_processed()
    for partition in range(4):
        service.redis.incr(keys.epoch(partition, keys.SEGMENTS_GROUP))
    service.publish(events[3_000:])
    service.until_processed()
    assert worker.running
    assert event_fields(service.records()) == event_fields(reference(events))
    service.assert_changes_agree()
    service.assert_model_is_sum_of_customers()
