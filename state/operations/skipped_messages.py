"""Messages on Shoal's own topics that cannot be read: each is skipped, named once, and counted by its place."""

import logging
import time
from contextlib import suppress
from typing import Any, Final, NamedTuple

import redis
from prometheus_client import Counter
from pydantic import BaseModel

from events.time_units import DAY_MS
from state.store import keys

__all__ = ["MOST_KEPT", "Skipped", "SkippedMessage", "SkippedMessages"]

log = logging.getLogger(__name__)

_SKIPPED: Final = Counter("shoal_messages_skipped", "Messages that this process could not read", ["topic"])
MOST_KEPT: Final = 1_000
"""Messages that are remembered; whoever publishes more by mistake need not fill Redis."""
_KEPT_MS: Final = 91 * DAY_MS
"""Longer than a topic keeps a message; on a compacted topic it is read, and reported, at each start."""


class SkippedMessage(BaseModel):
    """A message that was skipped: where it is, why, and when it was first met (ms since 1970).

    The reason holds nothing of the message, which may be about a customer.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    at_ms: int


class Skipped(NamedTuple):
    """The skipped messages, the latest first, and whether there may be more than are remembered."""

    messages: list[SkippedMessage]
    more: bool


class SkippedMessages:
    """The skipped messages of a deployment in a Redis hash, by place: many readers meet the same message."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client
        self._reported: set[str] = set()

    def add(self, topic: str, partition: int, offset: int, reason: str) -> None:
        """Report a skipped message (topic by its full name); never fails, for who reports it has other work to do."""
        place = f"{topic}/{partition}/{offset}"
        if place in self._reported or len(self._reported) >= MOST_KEPT:
            return
        self._reported.add(place)
        _SKIPPED.labels(topic).inc()
        log.warning("%s partition %d offset %d cannot be read and is skipped: %s", topic, partition, offset, reason)
        at_ms = time.time_ns() // 1_000_000
        value = SkippedMessage(topic=topic, partition=partition, offset=offset, reason=reason, at_ms=at_ms)
        try:
            if self._redis.hlen(keys.SKIPPED_MESSAGES) < MOST_KEPT:
                self._redis.hsetnx(keys.SKIPPED_MESSAGES, place, value.model_dump_json())
        except redis.RedisError as error:
            self._reported.discard(place)  # the next time that it is read
            log.warning("the skipped message could not be noted in Redis: %s", error)

    def all(self) -> Skipped:
        """Return the skipped messages; those that no topic can hold any more are forgotten. Raises redis.RedisError."""
        oldest_ms = time.time_ns() // 1_000_000 - _KEPT_MS
        found = {
            place: SkippedMessage.model_validate_json(value)
            for place, value in self._redis.hgetall(keys.SKIPPED_MESSAGES).items()
        }
        if gone := [place for place, each in found.items() if each.at_ms < oldest_ms]:
            with suppress(redis.ResponseError):  # where Redis takes no writes
                self._redis.hdel(keys.SKIPPED_MESSAGES, *gone)
        kept = [each for each in found.values() if each.at_ms >= oldest_ms]
        kept.sort(key=lambda each: (-each.at_ms, each.topic, each.partition, each.offset))
        return Skipped(kept, more=len(found) >= MOST_KEPT)
