"""Claims partitions only where Redis and Kafka hold together, and goes on looking whether they do."""

import time
from collections.abc import Callable, Sequence

import redis

from consumers.continuity.discontinuity_reasons import (
    TOPICS_OF_GROUP,
    Discontinuity,
    inconsistency,
    loss,
    replaced_logs,
    replacement,
)
from consumers.continuity.log_facts import LogFacts, LogIdentity
from consumers.continuity.topic_recreation_check import LogWatch
from consumers.runtime.protocols import PartitionClaims
from events.base_error import ShoalError
from events.settings import KafkaSettings
from state.partitions.partition_consistency_state import StoredState, note_logs, read_stored_states
from state.partitions.partition_fence import OwnedPartition

__all__ = ["LogsChanged", "VerifiedClaims"]


class LogsChanged(ShoalError):
    """A topic is another one than when its partitions were claimed; a new claim tells whether anything is lost."""

    retriable = True


class VerifiedClaims:
    """Claims for one consumer group, which hold only while topics are those that the stored offsets belong to."""

    def __init__(
        self,
        claims: PartitionClaims,
        client: redis.Redis,
        kafka: KafkaSettings,
        group: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._claims, self._redis, self._kafka, self._group = claims, client, kafka, group
        self._facts = LogFacts(kafka)
        self._logs = LogWatch(self._facts, [kafka.topic(topic) for topic in TOPICS_OF_GROUP[group]], clock)

    def claim(self, partition: int) -> OwnedPartition:
        """Become the partition's one writer.

        Raises Discontinuity where Redis or Kafka do not have what belongs to the partition, KafkaUnreachable.
        """
        owned = self._claims.claim(partition)
        (state,) = read_stored_states(self._redis, [partition], self._group)
        self._logs.look()  # partitions are claimed together, and ask once
        doubt = inconsistency(self._kafka, state) or self._replacement(state) or loss(self._kafka, self._facts, state)
        if doubt is not None:
            raise Discontinuity(doubt)
        found = self._logs.identities.items()
        new = {topic: str(each) for topic, each in found if state.logs.get(topic) != str(each)}
        note_logs(self._redis, partition, self._group, new)
        return owned

    def verify(self, owned: Sequence[OwnedPartition]) -> None:
        """Compare partitions with what their owner knows, and every 2 s topics with those that were claimed.

        That waits for nobody: what Kafka answers is looked at when it is there. Raises Fenced, StateMismatch,
        LogsChanged.
        """
        self._claims.verify(owned)
        if changed := self._logs.changed():
            raise LogsChanged(f"{', '.join(changed)} on {self._kafka.kafka} changed to another topic of that name")

    def _replacement(self, state: StoredState) -> str | None:
        for topic in replaced_logs(self._kafka, state, self._logs.identities):
            name = self._kafka.topic(topic)
            stored = LogIdentity.parse(state.logs[name])
            return replacement(self._kafka, topic, stored, self._logs.identities[name])
        return None
