"""Puts back views `segment:<customer_id>` that Redis has lost, from the records that they follow from."""

import logging

import numpy as np

from events.arrays import Ints
from events.codec.instants import rfc3339
from state.customers.current_segment_keys import SegmentView, SegmentViews, view_of_customer
from state.customers.recent_segments import earlier_segments
from state.customers.records import CustomerBatch
from state.partitions.partition_store import OwnedPartition, PartitionStore
from stream.model.segmenter import Segmenter

__all__ = ["MissingViews"]

log = logging.getLogger(__name__)


class MissingViews:
    """Looks whether the views of customers are there."""

    def __init__(self, store: PartitionStore, views: SegmentViews) -> None:
        self._store, self._views = store, views

    def put_back(self, owned: OwnedPartition, customers: CustomerBatch, segmenter: Segmenter) -> int:
        """Write the views that are missing, and return how many.

        Guarded as a save is: who does not own the partition any more might bring an erased customer back. `customers`
        are as they are in Redis. Raises Fenced, StateMismatch, redis.RedisError.
        """
        held = np.flatnonzero(customers.rows["segment"] > 0)
        gone = set(self._views.missing([customers.ids[i] for i in held.tolist()]))
        if not gone:
            return 0
        lost = np.array([i for i in held.tolist() if customers.ids[i] in gone])
        found = _views(customers, lost, segmenter)
        commands = [("SET", *view_of_customer(name, view), "NX") for name, view in found.items()]
        self._store.write(owned, commands)
        log.warning("partition %d: %d views of segments were missing in Redis; put back", owned.partition, len(found))
        return len(found)


def _views(customers: CustomerBatch, lost: Ints, segmenter: Segmenter) -> dict[str, SegmentView]:
    names = {each.number: each.name for each in [*segmenter.retired, *segmenter.segments]}
    rows = customers.rows[lost]
    earlier = earlier_segments(rows)
    return {
        customers.ids[i]: SegmentView(
            segment_id=f"s{row['segment']}",
            segment=names.get(int(row["segment"]), f"s{row['segment']}"),
            since=rfc3339(int(row["since"])),
            previous=before[0][0] if before else None,
            baseline=int(row["baseline"]),
            change_id=f"{customers.ids[i]}:{row['change_number']}",
        )
        for i, row, before in zip(lost.tolist(), rows, earlier, strict=True)
    }
