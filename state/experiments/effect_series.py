"""The effect of each experiment over time: a bounded series of measurements, for the chart on its page."""

import json
from typing import Any, Final, NamedTuple

import redis

from state.store import keys

__all__ = ["EffectInterval", "EffectPoint", "EffectSeriesStore", "thin_older_half"]

_MOST: Final = 240


class EffectInterval(NamedTuple):
    """A treatment's effect on the primary metric with its interval; None where they could not be computed."""

    effect: float | None
    low: float | None
    high: float | None


class EffectPoint(NamedTuple):
    """An experiment at `at_ms` (of the shop's time) with so many exposed customers; `effects` by treatment."""

    at_ms: int
    exposed: int
    decision: str
    effects: dict[str, EffectInterval]


class EffectSeriesStore:
    """Keeps the series; a series that is full loses every other point of its older half."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def claim_turn(self, for_s: float) -> bool:
        """Return whether this process may add points; no other process may for `for_s` seconds."""
        return bool(self._redis.set(keys.EFFECT_SERIES_TURN, "1", nx=True, px=max(1, round(for_s * 1000))))

    def add(self, experiment_id: str, point: EffectPoint) -> None:
        """Add a point; for the process that has claimed the turn."""
        points = [*self.read(experiment_id), point]
        key = keys.effect_series(experiment_id)
        with self._redis.pipeline(transaction=True) as pipe:
            if len(points) > _MOST:
                pipe.delete(key)
                pipe.rpush(key, *(json.dumps(each) for each in thin_older_half(points)))
            else:
                pipe.rpush(key, json.dumps(point))
            pipe.execute()

    def read(self, experiment_id: str) -> list[EffectPoint]:
        """Return the series, the oldest first."""
        found = [json.loads(value) for value in self._redis.lrange(keys.effect_series(experiment_id), 0, -1)]
        return [
            EffectPoint(at_ms, exposed, decision, {name: EffectInterval(*each) for name, each in effects.items()})
            for at_ms, exposed, decision, effects in found
        ]


def thin_older_half(points: list[EffectPoint]) -> list[EffectPoint]:
    """Return the first point, every other one of the older half, and all of the newer half.

    >>> [point.at_ms for point in thin_older_half([EffectPoint(at, 0, "", {}) for at in range(8)])]
    [0, 2, 4, 5, 6, 7]
    """
    half = len(points) // 2
    return points[:half:2] + points[half:]
