"""The commit: the order of effects that makes a micro-batch count once, whatever happens in between."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from consumers.broker.kafka_sink import PARTITION_UA, KafkaSink, SinkFailed
from consumers.broker.message_headers import Headers
from consumers.merges.handing_over import hand_over
from consumers.runtime.partition_batch import SegmentResult
from consumers.runtime.protocols import Commit
from events.segment_changes import ChangeBatch, decode_change
from state.customers.current_segment_keys import SegmentViews, view_items
from state.partitions.partition_store import OwnedPartition, PartitionStore, PartitionUpdate
from state.partitions.segment_flows import count_segment_flows
from state.store import keys

__all__ = ["SegmentCommitter"]

_WAIT_IN_THREAD = 1_000
"""Changes from which a thread waits for Kafka during the next micro-batch; fewer are acknowledged within a few ms."""


class SegmentCommitter:
    """Makes the results of segmentation durable and visible, for the partitions of one lane."""

    def __init__(self, store: PartitionStore, views: SegmentViews, sink: KafkaSink) -> None:
        self._store, self._views, self._sink = store, views, sink
        self._unacknowledged: list[tuple[OwnedPartition, int]] = []
        self._elsewhere = False
        self._executor = ThreadPoolExecutor(1, "acknowledged")
        self._flush: Future[None] | None = None

    def send_elsewhere(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int = PARTITION_UA,
        headers: Headers | None = None,
    ) -> None:
        """Queue what goes to another topic or partition; the next commit waits for it first. Raises SinkFailed."""
        if self._flush:
            self.confirm()
        self._elsewhere = True
        self._sink.send(topic, key, value, partition, headers)

    def commit(
        self,
        owned: OwnedPartition,
        result: SegmentResult,
        offsets: Mapping[str, int],
        outcome_counts: Mapping[str, int],
        watermark_ms: int,
    ) -> None:
        """Commit one partition's part of a micro-batch and wait until all of it is done; see `begin` for the steps.

        Raises Fenced, StateMismatch, SinkFailed, redis.RedisError.
        """
        self.begin([Commit(owned, result, offsets, outcome_counts, watermark_ms)])
        self.confirm()
        if owned.fenced:
            raise owned.fenced

    def begin(self, commits: Sequence[Commit[SegmentResult]]) -> None:
        """Commit the partitions of a micro-batch; step 4 may be left to `confirm`, which the next commit begins with.

        1. Wait until Kafka has what was sent before, and what goes elsewhere (dead letters, events of other
           partitions).
        2. Save records, sums, outcome counts, offsets, the outbox of changes and the views `segment:<customer_id>`,
           those of each partition in one Redis transaction; customers who were merged into others leave their records.
        3. Publish the changes.
        4. Wait until Kafka has them: here where they are few, else in a thread, while the next micro-batch is read and
           folded.
        5. Hand the customers who left over to the partitions of their survivors. The changes are out by then, so that
           a Redis that comes back older knows of the merge, and no event of theirs is sent on before.
        6. Trim the outbox: with the partition's next save, or in `trim_outbox` where none comes.

        A crash before 2 repeats the whole batch from the old offsets; after it, the next owner finds the changes in
        the outbox and sends them again. A partition that another worker has taken over is marked as `fenced` and left
        alone. Raises StateMismatch, SinkFailed, redis.RedisError.
        """
        # 1. Wait until Kafka has what was sent before, and what goes elsewhere.
        if self._elsewhere or self._flush:
            self.confirm()
        # 2. Save records, sums, outcome counts, offsets, outbox and views in one Redis transaction per partition;
        #    it also trims the outbox of what Kafka had acknowledged before (6).
        changes = [ChangeBatch.of(each.result.changes) for each in commits]
        saves = [(each.owned, _save(each, batch)) for each, batch in zip(commits, changes, strict=True)]
        self._store.save_all(saves)
        # 3. Publish the changes.
        for (owned, save), batch in zip(saves, changes, strict=True):
            if not owned.fenced:
                self._publish(owned, batch, save.changes)
        # 4. Wait until Kafka has them: here, or in a thread, during the next micro-batch.
        if sum(count for _, count in self._unacknowledged) >= _WAIT_IN_THREAD:
            self._flush = self._executor.submit(self._sink.flush)
        else:
            self.confirm()
        # 5. Hand over the customers who left.
        for owned, save in saves:
            if save.departures and not owned.fenced:
                self.confirm()
                self._hand_over(owned, {each.previous_id: each.handover for each in save.departures})

    def _hand_over(self, owned: OwnedPartition, handovers: Mapping[str, bytes]) -> None:
        hand_over(handovers.values(), keys.SEGMENTS_GROUP, self._sink)
        self._store.write(owned, [("HDEL", keys.handovers(owned.partition, keys.SEGMENTS_GROUP), *handovers)])

    def confirm(self) -> None:
        """Wait until Kafka has all that was sent; only then may it leave the outbox. Raises SinkFailed."""
        self._elsewhere = False
        waiting, self._flush = self._flush, None
        try:
            if waiting is not None:
                waiting.result()
            self._sink.flush()
        except SinkFailed:
            self._leave_in_outbox()
            raise
        for owned, changes in self._unacknowledged:
            owned.acknowledged += 0 if owned.unsent else changes
        self._unacknowledged = []

    def trim_outbox(self, owned: OwnedPartition) -> None:
        """Trim what Kafka has acknowledged of a partition. Raises Fenced, StateMismatch, redis.RedisError."""
        # 6. Trim the outbox, where no further save has done it.
        if owned.acknowledged:
            self._store.trim(owned, owned.acknowledged)
            owned.acknowledged = 0

    def resend_outbox(self, owned: OwnedPartition) -> int:
        """Send again what the partition's last owner saved but may not have sent, and return how many changes.

        Also what it may not have handed over of merged customers: before any of their later events is sent on.
        """
        sent = 0
        while encoded := self._store.outbox(owned.partition):
            changes = ChangeBatch.of([decode_change(value) for value in encoded])
            self._views.write(changes)
            self._publish(owned, changes, encoded)
            self.confirm()
            self.trim_outbox(owned)
            sent += len(encoded)
        if handovers := self._store.handovers(owned.partition):
            self._hand_over(owned, handovers)
        return sent

    def _publish(self, owned: OwnedPartition, changes: ChangeBatch, encoded: list[bytes]) -> None:
        if encoded:
            self._unacknowledged.append((owned, len(encoded)))
            try:
                self._sink.send_all("segment-changes", changes.customer_ids, encoded)
            except SinkFailed:
                self._leave_in_outbox()
                raise

    def _leave_in_outbox(self) -> None:
        """After a failure nothing more is trimmed, as the oldest changes may be those unsent, until a new claim."""
        for owned, _ in self._unacknowledged:
            owned.unsent = True
        self._unacknowledged = []


def _save(commit: Commit[SegmentResult], changes: ChangeBatch) -> PartitionUpdate:
    owned, result = commit.owned, commit.result
    return PartitionUpdate(
        customers=result.customers,
        profiles=result.profiles,
        baseline=result.baseline,
        sums=result.sums,
        swept_baseline=_swept_baseline(owned, result),
        offsets={**owned.offsets, **commit.offsets},
        outcome_counts=_added(owned.outcome_counts, commit.outcome_counts),
        watermark_ms=max(owned.watermark_ms, commit.watermark_ms),
        changes=changes.encode(),
        views=view_items(changes),
        flows=count_segment_flows(changes),
        departures=result.departures,
        absorbed=result.absorbed,
        identities=commit.identities,
    )


def _added(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {name: before.get(name, 0) + more.get(name, 0) for name in {**before, **more}}


def _swept_baseline(owned: OwnedPartition, result: SegmentResult) -> int:
    """A partition's first customers are all under the baseline that they came in under."""
    if result.swept_baseline is not None:
        return result.swept_baseline
    return result.baseline if owned.sums is None else owned.swept_baseline
