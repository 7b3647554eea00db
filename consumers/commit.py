"""The commit: the order of effects that makes a micro-batch count once, whatever happens in between."""

from collections.abc import Mapping, Sequence

from consumers.partition_batch import Outcome
from consumers.sink import KafkaSink
from events.changes import Change, decode_change, encode_changes
from state.partition_store import Owned, PartitionStore, Save
from state.segment_views import SegmentViews

__all__ = ["Committer"]


class Committer:
    """Makes outcomes durable and visible, for the partitions of one worker."""

    def __init__(self, store: PartitionStore, views: SegmentViews, sink: KafkaSink) -> None:
        self._store, self._views, self._sink = store, views, sink

    def commit(
        self, owned: Owned, outcome: Outcome, offsets: Mapping[str, int], fates: Mapping[str, int], watermark_ms: int
    ) -> None:
        """Commit one partition's micro-batch.

        1. What goes elsewhere (dead letters, events of other partitions) is acknowledged by Kafka.
        2. Records, sums, fates, offsets and the outbox of changes are saved in one Redis transaction.
        3. The views `segment:<customer_id>` are written.
        4. The changes are published and acknowledged.
        5. The outbox is trimmed.

        A crash before 2 repeats the whole batch from the old offsets; after it, the next owner finds the changes in
        the outbox and repeats 3 to 5. Raises Fenced, StateMoved, SinkFailed, redis.RedisError.
        """
        self._sink.flush()
        encoded = encode_changes(outcome.changes)
        save = Save(
            customers=outcome.customers,
            profiles=outcome.profiles,
            baseline=outcome.baseline,
            sums=outcome.sums,
            swept=_swept(owned, outcome),
            offsets={**owned.offsets, **offsets},
            fates=_added(owned.fates, fates),
            watermark_ms=max(owned.watermark_ms, watermark_ms),
            changes=encoded,
        )
        self._store.save(owned, save)
        if encoded:
            self._announce(owned, outcome.changes, encoded)

    def drain(self, owned: Owned) -> int:
        """Send again what the partition's last owner saved but may not have sent, and return how many changes."""
        sent = 0
        while encoded := self._store.outbox(owned.partition):
            self._announce(owned, [decode_change(value) for value in encoded], encoded)
            sent += len(encoded)
        return sent

    def _announce(self, owned: Owned, changes: Sequence[Change], encoded: list[bytes]) -> None:
        self._views.write(changes)
        for change, value in zip(changes, encoded, strict=True):
            self._sink.send("segment-changes", change.customer_id.encode(), value)
        self._sink.flush()
        self._store.trim(owned, len(encoded))


def _added(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {name: before.get(name, 0) + more.get(name, 0) for name in {**before, **more}}


def _swept(owned: Owned, outcome: Outcome) -> int:
    """A partition's first customers are all under the baseline that they came in under."""
    if outcome.swept is not None:
        return outcome.swept
    return outcome.baseline if owned.sums is None else owned.swept
