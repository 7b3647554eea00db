"""The decisions of each experiment's verdict, kept when they are reached, also those that no longer stand."""

import json
from typing import Any, Final, NamedTuple

import redis

from state.store import keys

__all__ = ["ReachedDecision", "ReachedDecisionStore"]

_MOST: Final = 100


class ReachedDecision(NamedTuple):
    """A decision (for `variant`, where it names one) that was reached at `at_ms` with so many exposed customers."""

    decision: str
    variant: str | None
    at_ms: int
    exposed: int


class ReachedDecisionStore:
    """Keeps the decisions in the order in which they were reached; of a list that is full, the first and the newest."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def add(self, experiment_id: str, reached: ReachedDecision) -> None:
        """Add a decision, unless it is the one that stands; for the process that records."""
        found = self.read(experiment_id)
        if found and found[-1][:2] == reached[:2]:
            return
        key = keys.reached_decisions(experiment_id)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.rpush(key, json.dumps(reached))
            if len(found) >= _MOST:
                pipe.lrem(key, 1, json.dumps(found[_MOST // 2]))
            pipe.execute()

    def read(self, experiment_id: str) -> list[ReachedDecision]:
        """Return the decisions, the first one first."""
        return [
            ReachedDecision(*json.loads(value))
            for value in self._redis.lrange(keys.reached_decisions(experiment_id), 0, -1)
        ]
