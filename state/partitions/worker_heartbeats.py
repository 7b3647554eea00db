"""Heartbeats of the running workers, for `shoal health`."""

from contextlib import suppress
from typing import Any

import redis
from pydantic import BaseModel

from events.time_units import HOUR_MS
from state.store import keys

__all__ = ["WorkerHeartbeat", "WorkerRegistry"]

_ALIVE_MS = 15_000
_FORGET_MS = HOUR_MS


class WorkerHeartbeat(BaseModel):
    """What a worker last said of itself; `at_ms` is its wall clock.

    `behind_s` is for how long it has been behind the newest model, `behind` whether that is longer than its settings
    allow. Of the last sweeps of its partitions: `measured` customers, whose squared distances to their centroids sum to
    `squared_distance`, and those to the borders of version `borders_version` to `squared_to_borders` (-1: of several
    versions); `sums_difference` is the largest found between the model's sums and a recomputation; `names` has by
    segment id its members, and for how many of them each of its names holds; `reassigned` are the customers who changed
    their cluster or segment. The first of these sweeps began at `swept_since_ms` (0: not all partitions were swept).
    The leader names the segments that starve, and its last alarm.
    """

    worker: str
    at_ms: int
    partitions: list[int]
    events: int
    swept: int = 0
    baseline: int = 0
    model_version: int = 0
    leader: bool = False
    behind_s: float = 0.0
    behind: bool = False
    measured: int = 0
    squared_distance: float = 0.0
    squared_to_borders: float = 0.0
    borders_version: int = -1
    sums_difference: float | None = None
    names: dict[str, list[int]] = {}
    reassigned: int = 0
    swept_since_ms: int = 0
    starving: list[str] = []
    drift: str = ""


class WorkerRegistry:
    """Keeps one beat for each worker of a kind in a Redis hash."""

    def __init__(self, client: redis.Redis, key: str = keys.WORKERS) -> None:
        self._redis: Any = client
        self._key = key

    def beat(self, beat: WorkerHeartbeat) -> None:
        """Say that a worker is alive."""
        self._redis.hset(self._key, beat.worker, beat.model_dump_json())

    def leave(self, worker: str) -> None:
        """Take a worker out that stops in good order."""
        self._redis.hdel(self._key, worker)

    def alive(self, now_ms: int) -> list[WorkerHeartbeat]:
        """Return the last beat of each worker that is alive: that has been heard of for the last 15 s."""
        return [beat for beat in self.beats(now_ms) if now_ms - beat.at_ms < _ALIVE_MS]

    def beats(self, now_ms: int) -> list[WorkerHeartbeat]:
        """Return the last beat of each worker, the newest first; beats older than an hour are dropped."""
        found = [WorkerHeartbeat.model_validate_json(value) for value in self._redis.hgetall(self._key).values()]
        with suppress(redis.ResponseError):  # where Redis takes no writes
            for beat in found:
                if now_ms - beat.at_ms > _FORGET_MS:
                    self.leave(beat.worker)
        alive = [beat for beat in found if now_ms - beat.at_ms <= _FORGET_MS]
        return sorted(alive, key=lambda beat: -beat.at_ms)
