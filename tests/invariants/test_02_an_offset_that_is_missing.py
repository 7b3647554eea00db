"""Invariant 2: an offset that is missing where events were counted is doubt, not zero."""

import pytest

from events.topics.partitioning import partition_of
from state.partitions.counted_offsets import OffsetMissing, require_counted_offsets
from state.partitions.partition_fence import OwnedPartition
from state.store import keys
from tests.shop import order, purchases


def owned(offsets, **counts):
    return OwnedPartition(3, 1, offsets, outcome_counts={name.replace("_", ":", 1): n for name, n in counts.items()})


def test_what_was_counted_has_an_offset():
    require_counted_offsets(owned({}))
    require_counted_offsets(owned({"t-orders": 5}, orders_applied=4, orders_dead_lettered=1))
    require_counted_offsets(owned({}, orders_applied=1, orders_merged=-1))  # sent on by another partition
    with pytest.raises(OffsetMissing, match="partition 3: Redis has counted 5 events of orders"):
        require_counted_offsets(owned({"t-customers": 5}, orders_applied=4, orders_duplicate=1))


def test_a_worker_refuses_to_replay_from_the_beginning(service):
    worker = service.worker()
    many = [order("anna", f"1998-01-01T00:00:{second:02}Z") for second in range(60)]
    service.publish([*purchases()[:500], *many])
    service.until_processed()
    service.until_quiet()
    partition, topic = partition_of("anna", 4), service.kafka.topic("orders")
    name = keys.offsets(partition, keys.SEGMENTS_GROUP)
    before, offset = service.records(), service.redis.hget(name, topic)
    assert before["anna"]["placed"] == 60
    service.redis.hdel(name, topic)
    service.until(lambda: not worker.running, what="the worker stops")
    assert worker.exit_code == 1
    again = service.worker()
    service.until(lambda: not again.running, what="the next one does not replay either")
    for each in (worker, again):
        said = " ".join(each.log_tail(200))
        assert f"partition {partition}: Redis has counted" in said
        assert "events of orders" in said
    assert service.records()["anna"]["placed"] == 60
    service.redis.hset(name, topic, offset)
    service.worker()
    service.publish([order("anna", "1998-01-02T00:00:00Z")])
    service.until_processed()
    assert service.records()["anna"]["placed"] == 61
