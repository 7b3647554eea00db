"""The commit of the experiment consumer: nothing is published, so one transaction makes a micro-batch count once."""

from collections.abc import Mapping

from consumers.sink import PARTITION_UA, KafkaSink
from consumers.tallies.handler import TallyOutcome
from state.partition_store import Owned
from state.tally_partitions import TallyPartitions, TallySave

__all__ = ["NothingPublished", "TallyCommitter"]


class TallyCommitter:
    """Makes outcomes durable, for the partitions of one lane."""

    def __init__(self, store: TallyPartitions, sink: KafkaSink) -> None:
        self._store, self._sink = store, sink
        self._elsewhere = False

    def send_elsewhere(self, topic: str, key: bytes | None, value: bytes, partition: int = PARTITION_UA) -> None:
        """Queue what goes to another topic or partition; the next commit waits for it first. Raises SinkFailed."""
        self._elsewhere = True
        self._sink.send(topic, key, value, partition)

    def begin(
        self,
        owned: Owned,
        outcome: TallyOutcome,
        offsets: Mapping[str, int],
        fates: Mapping[str, int],
        watermark_ms: int,
    ) -> None:
        """Commit one partition's micro-batch.

        1. What goes elsewhere (dead letters, events of other partitions) is acknowledged by Kafka.
        2. Logs, exposed customers, tallies, fates and offsets are saved in one Redis transaction.

        A crash before 2 repeats the whole batch from the old offsets: dead letters and re-published events may then be
        there twice, same bytes. Raises Fenced, StateMoved, SinkFailed, redis.RedisError.
        """
        if self._elsewhere:
            self.confirm()
        counts = {**fates, "purchases:let_go": outcome.let_go} if outcome.let_go else fates
        total = {name: owned.fates.get(name, 0) + counts.get(name, 0) for name in {**owned.fates, **counts}}
        save = TallySave(
            outcome.logs,
            outcome.experiments,
            {**owned.offsets, **offsets},
            total,
            max(owned.watermark_ms, watermark_ms),
        )
        self._store.save(owned, save)

    def confirm(self) -> None:
        """Wait until Kafka has all that was sent. Raises SinkFailed."""
        self._elsewhere = False
        self._sink.flush()

    def tidy(self, owned: Owned) -> None:
        """Nothing is kept for after Kafka's acknowledgement."""

    def drain(self, owned: Owned) -> int:
        """Nothing is left to be sent by the next owner."""
        return 0


class NothingPublished:
    """Tallies are not published, so Redis never knows less than the world."""

    def ahead_of(self, owned: object) -> set[int]:
        """Return no partitions."""
        return set()

    def restore(self, owned: Owned) -> int:
        """There is nothing to take over."""
        return 0
