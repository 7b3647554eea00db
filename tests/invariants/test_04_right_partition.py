"""Invariant 4: an unknown customer in the wrong partition is sent to the right one, never stored in the wrong one."""

from events.topics.partitioning import partitions_of
from tests.service import event_fields
from tests.shop import order, reference


def test_events_of_strangers_in_the_wrong_partition_are_rerouted(service):
    events = [order(f"customer-{i}", "1998-01-01T00:00:00Z", i) for i in range(200)]
    ids = [message.key for message in events]
    homes = partitions_of(ids, service.kafka.partitions).tolist()
    service.publish(message._replace(partition=0) for message in events)
    service.worker()
    service.until(lambda: service.outcome_counts().get("orders:applied") == 200, what="all applied")
    ends = service.until_processed()
    outcome_counts = service.assert_outcomes_add_up(ends)
    assert outcome_counts["orders:rerouted"] == sum(home != 0 for home in homes)
    assert event_fields(service.records()) == event_fields(reference(events))
    for name, home in zip(ids, homes, strict=True):
        assert service.redis.hexists(f"customers:{{{home}}}", name)
