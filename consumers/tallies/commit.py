"""The commit of the experiment consumer: one transaction makes a micro-batch count once.

Nothing is published but the handovers of customers who were merged into others.
"""

from collections.abc import Mapping, Sequence

from consumers.broker.kafka_sink import PARTITION_UA, KafkaSink
from consumers.broker.message_headers import Headers
from consumers.merges.handing_over import hand_over
from consumers.runtime.protocols import Commit
from consumers.tallies.handler import TallyResult
from state.experiments.tally_partitions import TallyPartitions, TallyUpdate
from state.partitions.partition_fence import OwnedPartition
from state.store import keys

__all__ = ["NoRollbackRecovery", "TallyCommitter"]


class TallyCommitter:
    """Makes tallies durable, for the partitions of one lane."""

    def __init__(self, store: TallyPartitions, sink: KafkaSink) -> None:
        self._store, self._sink = store, sink
        self._elsewhere = False

    def send_elsewhere(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int = PARTITION_UA,
        headers: Headers | None = None,
    ) -> None:
        """Queue what goes to another topic or partition; the next commit waits for it first. Raises SinkFailed."""
        self._elsewhere = True
        self._sink.send(topic, key, value, partition, headers)

    def begin(self, commits: Sequence[Commit[TallyResult]]) -> None:
        """Commit the partitions of a micro-batch.

        1. Wait until Kafka has what goes elsewhere (dead letters, events of other partitions).
        2. Save logs, exposed customers, tallies, outcome counts and offsets, those of each partition in one Redis
           transaction; customers who were merged into others leave.
        3. Hand those over to the partitions of their survivors, before any later event of theirs is sent on.

        A crash before 2 repeats the whole batch from the old offsets: dead letters and re-published events may then be
        there twice, same bytes. After it, the next owner finds the handovers and sends them. Partitions that another
        worker has taken over are marked as `fenced`. Raises StateMismatch, SinkFailed, redis.RedisError.
        """
        # 1. Wait until Kafka has what goes elsewhere.
        if self._elsewhere:
            self.confirm()
        # 2. Save logs, exposed customers, tallies, outcome counts and offsets in one Redis transaction per partition.
        saves = [(each.owned, _save(each)) for each in commits]
        self._store.save_all(saves)
        # 3. Hand over the customers who left.
        for owned, save in saves:
            if save.departures and not owned.fenced:
                self._hand_over(owned, {each.previous_id: each.handover for each in save.departures})

    def _hand_over(self, owned: OwnedPartition, handovers: Mapping[str, bytes]) -> None:
        hand_over(handovers.values(), keys.EXPERIMENTS_GROUP, self._sink)
        self._store.write(owned, [("HDEL", keys.handovers(owned.partition, keys.EXPERIMENTS_GROUP), *handovers)])

    def confirm(self) -> None:
        """Wait until Kafka has all that was sent. Raises SinkFailed."""
        self._elsewhere = False
        self._sink.flush()

    def trim_outbox(self, owned: OwnedPartition) -> None:
        """There is none: what waits for Kafka is deleted as soon as Kafka has it."""

    def resend_outbox(self, owned: OwnedPartition) -> int:
        """Hand over whom the partition's last owner may not have handed over, and return how many changes were sent: 0.

        Before any of their later events is sent on.
        """
        if handovers := self._store.handovers(owned.partition):
            self._hand_over(owned, handovers)
        return 0


def _save(commit: Commit[TallyResult]) -> TallyUpdate:
    owned, result = commit.owned, commit.result
    outcome_counts = (
        {**commit.outcome_counts, "purchases:let_go": result.evicted} if result.evicted else commit.outcome_counts
    )
    return TallyUpdate(
        result.logs,
        result.experiments,
        {**owned.offsets, **commit.offsets},
        {
            name: owned.outcome_counts.get(name, 0) + outcome_counts.get(name, 0)
            for name in {**owned.outcome_counts, **outcome_counts}
        },
        max(owned.watermark_ms, commit.watermark_ms),
        result.enrolments,
        result.departures,
        result.defined,
    )


class NoRollbackRecovery:
    """Tallies are not published, so Redis is never behind what was."""

    def rolled_back(self, owned: object) -> set[int]:
        """Return no partitions."""
        return set()

    def restore(self, owned: OwnedPartition) -> int:
        """There is nothing to take over."""
        return 0
