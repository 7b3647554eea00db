"""Which partitions this worker owns, and how it claims them again when Redis may not hold what it saved."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import redis

from consumers.broker.kafka_source import KafkaSource
from consumers.runtime.protocols import Committer, PartitionClaims, RollbackRecovery
from consumers.runtime.retry_policy import RetryPolicy
from consumers.runtime.runtime_metrics import FENCED_PARTITIONS
from events.base_error import ShoalError
from state.partitions.partition_store import Fenced, OwnedPartition, StateMismatch

__all__ = ["Ownership"]

log = logging.getLogger(__name__)

_VERIFY_S = 1.0


class Ownership:
    """The partitions between assignment and revocation.

    `on_claimed` is called with every partition that was claimed. A claim is tried again for `retry_s` seconds; `sleep`
    waits between two tries, and returns True to stop trying. A partition that was fenced off, but that the group still
    gives us, is claimed back after `fence_s`.
    """

    def __init__(
        self,
        source: KafkaSource,
        claims: PartitionClaims,
        committer: Committer[Any],
        recovery: RollbackRecovery,
        on_claimed: Callable[[OwnedPartition], None],
        *,
        retry_s: float,
        fence_s: float,
        sleep: Callable[[float], bool | None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._claims, self._committer, self._recovery = source, claims, committer, recovery
        self._on_claimed, self._sleep, self._clock = on_claimed, sleep, clock
        self._retry_s, self._fence_s = retry_s, fence_s
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
        """Release partitions that the group gives to others; called inside `poll`."""
        for partition in partitions:
            self._owned.pop(partition, None)
            self._fenced.pop(partition, None)
        log.info("revoked partitions %s", partitions)

    def lost(self, error: Fenced) -> None:
        """Stop writing to a partition that another worker has claimed.

        Normally the group has given it to that worker and a rebalance follows. If it is still ours a while later, the
        other one was a zombie that had already left the group, and the partition is claimed back.
        """
        log.warning("%s", error)
        FENCED_PARTITIONS.inc()
        self._owned.pop(error.partition, None)
        self._fenced[error.partition] = self._clock() + self._fence_s

    def reclaim(self, partitions: Iterable[int], error: BaseException) -> None:
        """Claim partitions again after a failure and continue each at the offsets that are stored beside its state.

        Whether they are still ours is asked first: a rebalance that is due is carried out here. All partitions are
        paused meanwhile and then continue at their stored offsets, so that nothing fetched in between is skipped.
        """
        log.warning("%s; claiming partitions again", error)
        self._source.serve()
        mine = self._source.assignment()
        wanted = sorted(mine.intersection(partitions))
        for partition in wanted:
            self._owned.pop(partition, None)
        try:
            self._retrying(lambda: self._claim_all(wanted, moved=isinstance(error, StateMismatch)))
            for partition in mine.intersection(self._owned):
                self._source.seek(partition, self._owned[partition].offsets)
        finally:
            self._source.resume(mine)

    @property
    def reclaim_due(self) -> bool:
        """Whether it is time to claim back what a zombie fenced off; the lanes must be idle for that."""
        return any(self._clock() >= at for at in self._fenced.values())

    def verify(self, in_flight: Collection[int] = ()) -> None:
        """Once a second, compare Redis with what is known of it, and claim back what a zombie fenced off.

        Partitions that are `in_flight`, which are just being saved, are compared by that: so nobody waits for them
        here, and nothing is claimed, for which the lanes must be idle.
        Raises Fenced, StateMismatch, redis.RedisError.
        """
        now = self._clock()
        if now - self._verified < _VERIFY_S:
            return
        self._verified = now
        self._claims.verify([owned for partition, owned in self._owned.items() if partition not in in_flight])
        due = [] if in_flight else [partition for partition, at in self._fenced.items() if now >= at]
        for partition in due:
            del self._fenced[partition]
        if due:
            self.reclaim(due, ShoalError(f"partitions {due} were fenced off, but the group still gives them to us"))

    def _claim_all(self, partitions: Sequence[int], *, moved: bool) -> None:
        """Claim partitions; where Redis has moved, or knows less than was published, repair that first."""
        claimed = [self._claims.claim(partition) for partition in partitions]
        behind = self._recovery.rolled_back(claimed) | (set(partitions) if moved else set())
        for owned in claimed:
            try:
                if owned.partition in behind:
                    self._recovery.restore(owned)
                sent = self._committer.resend_outbox(owned)
                self._on_claimed(owned)
            except Fenced as error:
                self.lost(error)
                continue
            if sent:
                log.info("partition %d: sent %d changes that its last owner left in the outbox", owned.partition, sent)
            self._owned[owned.partition] = owned

    def _retrying(self, work: Callable[[], None]) -> None:
        """Retry until Redis and Kafka answer, at most for the time that the settings allow."""
        retries = RetryPolicy(self._retry_s, self._clock)
        while True:
            try:
                return work()
            except (redis.RedisError, ShoalError) as error:
                wait_s = retries.backoff_s(error)
                if wait_s is None or self._sleep(wait_s):
                    raise
                log.warning("claiming partitions failed (%s); retrying", error)
