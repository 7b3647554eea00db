"""Which partitions this worker owns, and how it gets them back after any doubt about what Redis holds."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence

import redis

from consumers.broker.kafka_source import KafkaSource
from consumers.runtime.protocols import Claims, Commits, Published
from consumers.runtime.retry_policy import Trouble
from events.errors import ShoalError
from state.partitions.partition_store import Fenced, OwnedPartition, StateMismatch

__all__ = ["Ownership"]

log = logging.getLogger(__name__)

_VERIFY_S = 1.0


class Ownership:
    """The partitions between assignment and revocation.

    `source` is set by the runtime once it exists, since the source in turn calls `assigned` and `revoked`. `claimed`
    is told of every partition that was claimed; `wait` sleeps between tries and returns True to give up.
    """

    source: KafkaSource

    def __init__(
        self,
        store: Claims,
        committer: Commits,
        published: Published,
        claimed: Callable[[OwnedPartition], None],
        wait: Callable[[float], bool],
        *,
        patience_s: float,
        fence_s: float,
    ) -> None:
        self._store, self._committer, self._published = store, committer, published
        self._claimed, self._wait = claimed, wait
        self._patience_s, self._fence_s = patience_s, fence_s
        self._owned: dict[int, OwnedPartition] = {}
        self._fenced: dict[int, float] = {}
        self._verified = 0.0

    def __contains__(self, partition: int) -> bool:
        return partition in self._owned

    def __getitem__(self, partition: int) -> OwnedPartition:
        return self._owned[partition]

    @property
    def owned(self) -> dict[int, OwnedPartition]:
        """The owned partitions by number."""
        return self._owned

    def assigned(self, partitions: list[int]) -> dict[int, dict[str, int]]:
        """Claim what the group has given us and return the offsets to continue at; called inside `poll`."""
        self._owned.clear()
        self._fenced.clear()
        self._retrying(lambda: self._claim_all(partitions, moved=False))
        log.info("assigned partitions %s", partitions)
        return {partition: self._owned[partition].offsets for partition in partitions if partition in self._owned}

    def revoked(self, partitions: list[int]) -> None:
        """Let go of partitions that the group gives to others; called inside `poll`."""
        for partition in partitions:
            self._owned.pop(partition, None)
            self._fenced.pop(partition, None)
        log.info("gave up partitions %s", partitions)

    def lose(self, error: Fenced) -> None:
        """Stop writing to a partition that another worker has claimed.

        Normally the group has given it to that worker and a rebalance follows. If it is still ours a while later, the
        other one was a straggler that had already left the group, and the partition is claimed back.
        """
        log.warning("%s", error)
        self._owned.pop(error.partition, None)
        self._fenced[error.partition] = time.monotonic() + self._fence_s

    def reclaim(self, partitions: Iterable[int], error: BaseException) -> None:
        """Claim partitions again after a doubt and continue each at the offsets that are stored beside its state.

        Whether they are still ours is asked first: a rebalance that is due is carried out here. All partitions are
        paused meanwhile and then continue at their stored offsets, so that nothing fetched in between is skipped.
        """
        log.warning("%s; claiming partitions again", error)
        self.source.serve()
        mine = self.source.assignment()
        wanted = sorted(mine.intersection(partitions))
        for partition in wanted:
            self._owned.pop(partition, None)
        try:
            self._retrying(lambda: self._claim_all(wanted, moved=isinstance(error, StateMismatch)))
            for partition in mine.intersection(self._owned):
                self.source.seek(partition, self._owned[partition].offsets)
        finally:
            self.source.resume(mine)

    @property
    def look_due(self) -> bool:
        """Whether `look` would do anything now."""
        return time.monotonic() - self._verified >= _VERIFY_S

    @property
    def reclaim_due(self) -> bool:
        """Whether it is time to claim back what a straggler fenced off; the lanes must be at rest for that."""
        return any(time.monotonic() >= at for at in self._fenced.values())

    def look(self, moving: Collection[int] = ()) -> None:
        """Once a second, compare Redis with what is known of it, and claim back what a straggler fenced off.

        Partitions that are `moving`, which are just being saved, are compared by that: so nobody waits for them here,
        and nothing is claimed, for which the lanes must be at rest.
        Raises Fenced, StateMismatch, redis.RedisError.
        """
        if not self.look_due:
            return
        self._verified = now = time.monotonic()
        self._store.verify([owned for partition, owned in self._owned.items() if partition not in moving])
        due = [] if moving else [partition for partition, at in self._fenced.items() if now >= at]
        for partition in due:
            del self._fenced[partition]
        if due:
            self.reclaim(due, ShoalError(f"partitions {due} were fenced off, but the group still gives them to us"))

    def _claim_all(self, partitions: Sequence[int], *, moved: bool) -> None:
        """Claim partitions; where Redis has moved, or knows less than was published, repair that first."""
        claimed = [self._store.claim(partition) for partition in partitions]
        behind = self._published.ahead_of(claimed) | (set(partitions) if moved else set())
        for owned in claimed:
            try:
                if owned.partition in behind:
                    self._published.restore(owned)
                sent = self._committer.drain(owned)
                self._claimed(owned)
            except Fenced as error:
                self.lose(error)
                continue
            if sent:
                log.info("partition %d: sent %d changes that were saved but perhaps not sent", owned.partition, sent)
            self._owned[owned.partition] = owned

    def _retrying(self, work: Callable[[], None]) -> None:
        """Try until Redis and Kafka answer, at most for the time that the settings allow."""
        trouble = Trouble(self._patience_s, self._wait)
        while True:
            try:
                return work()
            except (redis.RedisError, ShoalError) as error:
                if trouble.bear(error):
                    raise
                log.warning("not possible a moment ago (%s); trying again", error)
