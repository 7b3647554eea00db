"""Claims partitions only where Redis and Kafka hold together, and goes on looking whether they do."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import redis

from consumers.broker.log_facts import IdentityRequest, LogFacts, LogIdentity
from consumers.continuity.doubts import TOPICS_OF_GROUP, Discontinuity, inconsistency, loss, replaced_logs, replacement
from consumers.runtime.protocols import PartitionClaims
from events.base_error import ShoalError
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable
from state.partitions.partition_fence import OwnedPartition
from state.partitions.stored_state import StoredState, note_logs, read_stored_states

__all__ = ["LogsChanged", "VerifiedClaims"]

_LOOK_S: Final = 2.0


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
        self._claims, self._redis, self._kafka, self._group, self._clock = claims, client, kafka, group, clock
        self._topics = [kafka.topic(topic) for topic in TOPICS_OF_GROUP[group]]
        self._facts = LogFacts(kafka)
        self._identities: dict[str, LogIdentity] = {}
        self._asked_at = -_LOOK_S
        self._request: IdentityRequest | None = None

    def claim(self, partition: int) -> OwnedPartition:
        """Become the partition's one writer.

        Raises Discontinuity where Redis or Kafka do not have what belongs to the partition, KafkaUnreachable.
        """
        owned = self._claims.claim(partition)
        (state,) = read_stored_states(self._redis, [partition], self._group)
        self._look()
        doubt = inconsistency(self._kafka, state) or self._replacement(state) or loss(self._kafka, self._facts, state)
        if doubt is not None:
            raise Discontinuity(doubt)
        new = {topic: str(found) for topic, found in self._identities.items() if state.logs.get(topic) != str(found)}
        note_logs(self._redis, partition, self._group, new)
        return owned

    def verify(self, owned: Sequence[OwnedPartition]) -> None:
        """Compare partitions with what their owner knows, and every 2 s topics with those that were claimed.

        That waits for nobody: what Kafka answers is looked at when it is there. Raises Fenced, StateMismatch,
        LogsChanged.
        """
        self._claims.verify(owned)
        if self._request is None:
            if self._clock() - self._asked_at >= _LOOK_S:
                self._asked_at, self._request = self._clock(), self._facts.ask_identities(self._topics)
        elif self._request.done:
            self._compare(self._request)

    def _compare(self, request: IdentityRequest) -> None:
        self._request = None
        try:
            found = request.result()
        except KafkaUnreachable:
            return  # reading from Kafka tells
        before, self._identities = self._identities, {**self._identities, **found}
        changed = [topic for topic, now in found.items() if topic in before and before[topic].differs_from(now)]
        if changed:
            raise LogsChanged(f"{', '.join(changed)} on {self._kafka.kafka} changed to another topic of that name")

    def _look(self) -> None:
        """Ask which topics these are; partitions are claimed together, and ask once."""
        if not self._identities or self._clock() - self._asked_at >= _LOOK_S:
            self._asked_at, self._identities = self._clock(), self._facts.identities(self._topics)

    def _replacement(self, state: StoredState) -> str | None:
        for topic in replaced_logs(self._kafka, state, self._identities):
            name = self._kafka.topic(topic)
            stored = LogIdentity.parse(state.logs[name])
            return replacement(self._kafka, topic, stored, self._identities[name])
        return None
