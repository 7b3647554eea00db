"""Recover segments from `segment-changes` where Redis has come back older than what was published.

A change is saved before it is published, so a published change that Redis does not know shows that Redis has lost its
last writes. Counting on from the older number would give change ids that consumers have seen, with other content; they
would drop real changes as repeats. So the segments and change numbers are taken over from the topic first, and then
the inputs are replayed.
"""

import logging
from collections.abc import Sequence

import numpy as np

from consumers.broker.internal_messages import OnSkipped, log_skipped
from consumers.history.segment_changes_reader import newest_changes, read_changes
from events.segment_changes import Change, change_time_ms, segment_number
from events.settings import KafkaSettings
from state.customers.current_segment_keys import SegmentViews
from state.partitions.partition_store import OwnedPartition, PartitionStore, PartitionUpdate

__all__ = ["SegmentRollbackRecovery"]

log = logging.getLogger(__name__)

_CHUNK = 5_000


class SegmentRollbackRecovery:
    """Compares partitions with what was published of them, and brings them up to date."""

    def __init__(
        self, kafka: KafkaSettings, store: PartitionStore, views: SegmentViews, on_skipped: OnSkipped = log_skipped
    ) -> None:
        self._kafka, self._store, self._views, self._on_skipped = kafka, store, views, on_skipped

    def rolled_back(self, owned: Sequence[OwnedPartition]) -> set[int]:
        """Return the partitions whose last published change Redis does not know. Raises KafkaUnreachable.

        The changes of erased customers, whom Redis does not know either, tell nothing.
        """
        ahead = set()
        partitions = [each.partition for each in owned]

        def is_told(change: Change) -> bool:
            return not _erased(owned, change)

        for partition, change in newest_changes(self._kafka, partitions, is_told, self._on_skipped):
            row = self._store.load(partition, [change.customer_id]).rows[0]
            if change.change_number > row["change_number"]:
                ahead.add(partition)
        return ahead

    def restore(self, owned: OwnedPartition) -> int:
        """Take over the published segments of a partition and return how many customers were behind.

        A customer whom Redis does not know at all gets a record without events; replaying brings those.
        """
        latest = read_changes(self._kafka, [owned.partition], self._on_skipped).latest.values()
        published = [change for change in latest if not _erased([owned], change)]
        restored = sum(self._restore(owned, published[i : i + _CHUNK]) for i in range(0, len(published), _CHUNK))
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
            row["segment"] = segment_number(changes[i].segment_id)
            row["change_number"] = changes[i].change_number
            row["since"] = change_time_ms(changes[i])
        if len(older):
            self._store.save(
                owned,
                PartitionUpdate(
                    customers=customers.take(older),
                    profiles={},
                    baseline=owned.baseline,
                    sums=owned.sums,
                    swept_baseline=owned.swept_baseline,
                    offsets=owned.offsets,
                    outcome_counts=owned.outcome_counts,
                    watermark_ms=owned.watermark_ms,
                    changes=[],
                ),
            )
        self._views.write(changes)
        return len(older)


def _erased(owned: Sequence[OwnedPartition], change: Change) -> bool:
    return any(each.erased is not None and change.customer_id in each.erased for each in owned)
