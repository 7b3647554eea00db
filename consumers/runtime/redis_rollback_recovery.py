"""Recover segments from `segment-changes` where Redis has come back older than what was published.

A change is saved before it is published, so a published change that Redis does not know shows that Redis has lost its
last writes. Counting on from the older number would give change ids that consumers have seen, with other content; they
would drop real changes as repeats. So the segments and change numbers are taken over from the topic first, and then
the inputs are replayed.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from consumers.broker.internal_messages import OnSkipped, log_skipped
from consumers.history.segment_changes_reader import newest_changes, read_changes
from events.segment_changes import Change, change_time_ms, segment_number
from events.settings import KafkaSettings
from state.customers.current_segment_keys import SegmentViews
from state.customers.merged_customers import MergedCustomers
from state.customers.records import CustomerBatch
from state.partitions.partition_store import OwnedPartition, PartitionStore, PartitionUpdate

__all__ = ["SegmentRollbackRecovery"]

log = logging.getLogger(__name__)

_CHUNK = 5_000


class SegmentRollbackRecovery:
    """Compares partitions with what was published of them, and brings them up to date."""

    def __init__(
        self,
        kafka: KafkaSettings,
        store: PartitionStore,
        views: SegmentViews,
        merged: MergedCustomers,
        on_skipped: OnSkipped = log_skipped,
    ) -> None:
        self._kafka, self._store, self._views, self._merged = kafka, store, views, merged
        self._on_skipped = on_skipped

    def rolled_back(self, owned: Sequence[OwnedPartition]) -> set[int]:
        """Return the partitions whose last published change Redis does not know. Raises KafkaUnreachable.

        The changes of erased customers, whom Redis does not know either, tell nothing.
        """
        ahead = set()
        mine = {each.partition: each for each in owned}

        def is_told(change: Change) -> bool:
            return not _erased(owned, change)

        for partition, change in newest_changes(self._kafka, list(mine), is_told, self._on_skipped):
            if change.customer_id in self._gone(mine[partition], [change.customer_id]):
                continue
            if change.merged_into is not None:
                ahead.add(partition)
                continue
            row = self._store.load(partition, [change.customer_id]).rows[0]
            if change.change_number > row["change_number"]:
                ahead.add(partition)
        return ahead

    def restore(self, owned: OwnedPartition) -> int:
        """Take over the published segments of a partition and return how many customers were behind.

        A customer whom Redis does not know at all gets a record without events; replaying brings those. Who was merged
        into another leaves before any event is read, and no change tells of it again.
        """
        latest = list(read_changes(self._kafka, [owned.partition], self._on_skipped).latest.values())
        gone = self._gone(owned, [change.customer_id for change in latest])
        published = [change for change in latest if not _erased([owned], change) and change.customer_id not in gone]
        merges = {change.customer_id: change.merged_into for change in published if change.merged_into is not None}
        self._save(owned, CustomerBatch.blank([]), merges)
        self._views.write([change for change in published if change.merged_into is not None])
        moved = [change for change in published if change.merged_into is None]
        restored = sum(self._restore(owned, moved[i : i + _CHUNK]) for i in range(0, len(moved), _CHUNK))
        if restored:
            log.warning(
                "partition %d: Redis has lost writes; %d segments restored from the published changes",
                owned.partition,
                restored,
            )
        return restored

    def _restore(self, owned: OwnedPartition, changes: Sequence[Change]) -> int:
        customers = self._store.load(owned.partition, [change.customer_id for change in changes])
        numbers = np.array([change.change_number for change in changes])
        older = np.flatnonzero(numbers > customers.rows["change_number"])
        for i in older.tolist():
            row = customers.rows[i]
            row["segment"] = segment_number(changes[i].segment_id or "s0")
            row["change_number"] = changes[i].change_number
            row["since"] = change_time_ms(changes[i])
        if len(older):
            self._save(owned, customers.take(older), {})
        self._views.write(changes)
        return len(older)

    def _save(self, owned: OwnedPartition, customers: CustomerBatch, merges: Mapping[str, str]) -> None:
        if not len(customers) and not merges:
            return
        self._store.save(
            owned,
            PartitionUpdate(
                customers=customers,
                profiles={},
                baseline=owned.baseline,
                sums=owned.sums,
                swept_baseline=owned.swept_baseline,
                offsets=owned.offsets,
                outcome_counts=owned.outcome_counts,
                watermark_ms=owned.watermark_ms,
                changes=[],
                lost_merges=merges,
            ),
        )

    def _gone(self, owned: OwnedPartition, ids: Sequence[str]) -> set[str]:
        """Return who of these left the partition for another's record, or will before anything else."""
        found = self._merged.survivors(owned.partition, ids) if owned.merged_customers else {}
        return found.keys() | owned.lost_merges.keys()


def _erased(owned: Sequence[OwnedPartition], change: Change) -> bool:
    return any(each.erased is not None and change.customer_id in each.erased for each in owned)
