"""The first baseline of an import is fitted while customers still come in: when it ends, another is due, once."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import redis

from consumers.broker.consumer_lag import behind, reported_ends, stored_offsets
from events.schema.outputs import Baseline
from events.settings import KafkaSettings
from events.topics.specs import SEGMENT_TOPICS
from state.store import keys

__all__ = ["REFIT_BY", "ImportEnd", "segments_backlog"]

REFIT_BY: Final = "end of the import"
"""Who asks for the baseline that follows."""
_QUIET_S: Final = 5.0
_GROWTH: Final = 0.01
_MISSED: Final = 1.1
"""The customers now, as a multiple of those that the first baseline knew, from which on it is fitted again."""
_WITHIN: Final = timedelta(hours=24)
"""How long after it a first baseline counts as one of an import; later growth is the shop's own."""


class ImportEnd:
    """Sees when the backlog has been read and the customers have stopped growing. `backlog` is its share, 0 to 1."""

    def __init__(self, backlog: Callable[[], float], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._backlog, self._monotonic = backlog, monotonic
        self._seen: tuple[float, int] | None = None

    def refit_is_due(self, live: Baseline, known: list[Baseline], customers: int, now: datetime) -> bool:
        """Return whether the live baseline is the first, missed a part of its import, and that has ended.

        `known` are all baselines, `customers` those there are now. Raises KafkaUnreachable.
        """
        if live.follows or live.restores or now - live.created_at > _WITHIN or live.customers == 0:
            return False
        if any(each.proposed_by == REFIT_BY for each in known) or customers < _MISSED * live.customers:
            return False
        return self._has_stopped_growing(customers) and self._backlog() <= _GROWTH

    def _has_stopped_growing(self, customers: int) -> bool:
        at, before = self._seen or (self._monotonic(), 0)
        if customers > before * (1.0 + _GROWTH):
            self._seen = self._monotonic(), customers
            return False
        return self._monotonic() - at >= _QUIET_S


def segments_backlog(client: redis.Redis, kafka: KafkaSettings) -> Callable[[], float]:
    """Return a function that says which share of the events of segments is published but not processed."""

    def backlog() -> float:
        ends = reported_ends(kafka, SEGMENT_TOPICS, range(kafka.partitions))
        missing = behind(ends, stored_offsets(client, kafka.partitions, keys.SEGMENTS_GROUP))
        return missing / max(1, sum(ends.values()))

    return backlog
