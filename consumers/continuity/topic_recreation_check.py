"""Notices, without waiting for Kafka, that a topic is another one than before."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from consumers.continuity.log_facts import IdentityRequest, LogFacts, LogIdentity
from events.topics.administration import KafkaUnreachable

__all__ = ["LogWatch"]

_LOOK_S: Final = 2.0


class LogWatch:
    """Asks every 2 s which topics, named in full, these are."""

    def __init__(self, facts: LogFacts, topics: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._facts, self._topics, self._clock = facts, topics, clock
        self.identities: dict[str, LogIdentity] = {}
        self._asked_at = -_LOOK_S
        self._request: IdentityRequest | None = None

    def look(self) -> None:
        """Ask and wait, unless the last answer is younger than 2 s. Raises KafkaUnreachable."""
        if not self.identities or self._clock() - self._asked_at >= _LOOK_S:
            self._asked_at, self.identities = self._clock(), self._facts.identities(self._topics)

    def changed(self) -> list[str]:
        """Return which topics are other ones than at the last look. What Kafka answers is read when it is there."""
        if self._request is None:
            if self._clock() - self._asked_at >= _LOOK_S:
                self._asked_at, self._request = self._clock(), self._facts.ask_identities(self._topics)
            return []
        return self._compare(self._request) if self._request.done else []

    def _compare(self, request: IdentityRequest) -> list[str]:
        self._request = None
        try:
            found = request.result()
        except KafkaUnreachable:
            return []  # reading from Kafka tells
        before, self.identities = self.identities, {**self.identities, **found}
        return [topic for topic, now in found.items() if topic in before and before[topic].differs_from(now)]
