"""What was seen of each experiment from time to time: a bounded series, for the picture of its effect over time."""

import json
from typing import Any, Final, NamedTuple

import redis

from state.store import keys

__all__ = ["EffectInterval", "EffectPoint", "EffectSeriesStore", "thinned"]

_MOST: Final = 240


class EffectInterval(NamedTuple):
    """A treatment's effect on the primary metric with its interval; None where it could not be said."""

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
    """Keeps the series; a series that is full loses every other look of its older half."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def claim_turn(self, for_s: float) -> bool:
        """Return whether it is this process's turn to look; nobody else's for some seconds."""
        return bool(self._redis.set(keys.EFFECT_SERIES_TURN, "1", nx=True, px=max(1, round(for_s * 1000))))

    def add(self, experiment_id: str, look: EffectPoint) -> None:
        """Add a look. Only whose turn it is adds."""
        looks = [*self.read(experiment_id), look]
        key = keys.looks(experiment_id)
        with self._redis.pipeline(transaction=True) as pipe:
            if len(looks) > _MOST:
                pipe.delete(key)
                pipe.rpush(key, *(json.dumps(each) for each in thinned(looks)))
            else:
                pipe.rpush(key, json.dumps(look))
            pipe.execute()

    def read(self, experiment_id: str) -> list[EffectPoint]:
        """Return the series, the oldest first."""
        found = [json.loads(value) for value in self._redis.lrange(keys.looks(experiment_id), 0, -1)]
        return [
            EffectPoint(at_ms, exposed, decision, {name: EffectInterval(*told) for name, told in effects.items()})
            for at_ms, exposed, decision, effects in found
        ]


def thinned(looks: list[EffectPoint]) -> list[EffectPoint]:
    """Return the first look, every other one of the older half, and all of the newer half.

    >>> [look.at_ms for look in thinned([EffectPoint(at, 0, "", {}) for at in range(8)])]
    [0, 2, 4, 5, 6, 7]
    """
    half = len(looks) // 2
    return looks[:half:2] + looks[half:]
