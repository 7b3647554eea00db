"""Flows are the changes, counted: by day, from, to and cause."""

from datetime import date

from events.segment_changes import ChangeBatch
from state.customers.records import CustomerBatch
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from state.partitions.segment_flows import SegmentFlow, SegmentFlowStore, count_segment_flows
from state.store import keys
from tests.building import change_of


def saved(flows):
    return PartitionUpdate(CustomerBatch.blank([]), {}, 0, None, 0, {}, {}, 0, [], flows=flows)


def test_moves_are_counted_by_day_and_kind():
    prototypes = [change_of("", 0, "s1"), change_of("", 0, "s1", "s2"), change_of("", 0, "s3", "s2")]
    batch = ChangeBatch(list("abcd"), [1, 2, 3, 4], [1, 0, 1, 1], prototypes)
    assert count_segment_flows(batch) == {("2026-01-01", ":s1:activity"): 1, ("2026-01-01", "s2:s1:activity"): 3}
    assert count_segment_flows(ChangeBatch.of(list(batch))) == count_segment_flows(batch)
    assert count_segment_flows(ChangeBatch([], [], [], [])) == {}


def test_the_moves_of_all_partitions_and_days_add_up(redis):
    store = PartitionStore(redis, "segments", flow_days=3)
    for partition, day, moves in [
        (0, "2026-01-01", 2),
        (1, "2026-01-01", 3),
        (1, "2026-01-02", 5),
        (1, "2026-01-03", 7),
    ]:
        store.save(store.claim(partition), saved({(day, "s1:s2:time"): moves, (day, ":s1:activity"): 1}))
    flows = SegmentFlowStore(redis, 2)
    assert flows.read(date(2026, 1, 1), date(2026, 1, 2)) == [
        SegmentFlow("s1", "s2", "time", 10),
        SegmentFlow(None, "s1", "activity", 3),
    ]
    assert flows.read(date(2025, 1, 1), date(2025, 12, 31)) == []
    assert 2 * 86_400 < redis.ttl(keys.flows(1, "2026-01-03")) <= 3 * 86_400


def test_a_writer_who_has_lost_the_partition_counts_nothing(redis):
    store = PartitionStore(redis, "segments")
    slow = store.claim(0)
    store.claim(0)
    store.save_all([(slow, saved({("2026-01-01", "s1:s2:time"): 4}))])
    assert slow.fenced
    assert SegmentFlowStore(redis, 1).read(date(2026, 1, 1), date(2026, 1, 1)) == []
