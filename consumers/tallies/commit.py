"""The commit of the experiment consumer: nothing is published, so one transaction makes a micro-batch count once."""

from collections.abc import Sequence

from consumers.broker.kafka_sink import PARTITION_UA, KafkaSink
from consumers.broker.message_headers import Headers
from consumers.runtime.protocols import Commit
from consumers.tallies.handler import TallyResult
from state.experiments.tally_partitions import TallyPartitions, TallyUpdate
from state.partitions.partition_fence import OwnedPartition

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
        value: bytes,
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
           transaction.

        A crash before 2 repeats the whole batch from the old offsets: dead letters and re-published events may then be
        there twice, same bytes. Partitions that another worker has taken over are marked as `fenced`. Raises
        StateMismatch, SinkFailed, redis.RedisError.
        """
        # 1. Wait until Kafka has what goes elsewhere.
        if self._elsewhere:
            self.confirm()
        # 2. Save logs, exposed customers, tallies, outcome counts and offsets in one Redis transaction per partition.
        self._store.save_all([(each.owned, _save(each)) for each in commits])

    def confirm(self) -> None:
        """Wait until Kafka has all that was sent. Raises SinkFailed."""
        self._elsewhere = False
        self._sink.flush()

    def trim_outbox(self, owned: OwnedPartition) -> None:
        """Nothing is kept for after Kafka's acknowledgement."""

    def resend_outbox(self, owned: OwnedPartition) -> int:
        """Nothing is left to be sent by the next owner."""
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
    )


class NoRollbackRecovery:
    """Tallies are not published, so Redis is never behind what was."""

    def rolled_back(self, owned: object) -> set[int]:
        """Return no partitions."""
        return set()

    def restore(self, owned: OwnedPartition) -> int:
        """There is nothing to take over."""
        return 0
