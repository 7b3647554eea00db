"""Invariant 2: an offset that is missing where events were counted is doubt, not zero."""

from consumers.continuity.discontinuity_reasons import inconsistency
from events.settings import KafkaSettings
from events.topics.partitioning import partition_of
from state.partitions.partition_consistency_state import read_stored_states
from state.store import keys
from tests.shop import order, purchases


def doubt(redis, offsets, **counts):
    """What speaks against a partition with these offsets and counts."""
    redis.flushdb()
    if offsets:
        redis.hset(keys.offsets(3, keys.SEGMENTS_GROUP), mapping=offsets)
    if counts:
        found = {name.replace("_", ":", 1): n for name, n in counts.items()}
        redis.hset(keys.outcome_counts(3, keys.SEGMENTS_GROUP), mapping={**found, "revision": 1})
    (state,) = read_stored_states(redis, [3], keys.SEGMENTS_GROUP)
    return inconsistency(KafkaSettings(topic_prefix="t-"), state)


def test_what_was_counted_has_an_offset(redis):
    assert doubt(redis, {}) is None
    assert doubt(redis, {"t-orders": 5}, orders_applied=4, orders_dead_lettered=1) is None
    assert doubt(redis, {}, orders_applied=1, orders_merged=-1) is None  # sent on by another partition
    said = doubt(redis, {"t-customers": 5}, orders_applied=4, orders_duplicate=1)
    assert "partition 3 of segments: Redis has no offset of t-orders" in said
    assert "5 of its events were counted" in said


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
        assert f"partition {partition} of segments: Redis has no offset of {topic}" in said
        assert "of its events were counted" in said
    assert service.records()["anna"]["placed"] == 60
    service.redis.hset(name, topic, offset)
    service.worker()
    service.publish([order("anna", "1998-01-02T00:00:00Z")])
    service.until_processed()
    assert service.records()["anna"]["placed"] == 61
