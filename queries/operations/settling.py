"""Whether segments have settled: everybody was swept under a model that has stopped moving.

While history is loaded in seconds, the model follows the customers and they follow it, long after the last event was
processed: what they are called until then is not what they will be called.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import redis

from state.model.baselines import BaselineStore
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry

__all__ = ["Settling"]

_MOVING_SHARE: Final = 0.001
"""Of the customers that a sweep has placed: where more have changed their cluster or segment, the model still moves."""


class _Quiet(NamedTuple):
    """The workers' times at a moment when nothing moved, and under which baseline and borders that was."""

    reference: Mapping[str, int]
    baseline: int
    borders: int


class Settling:
    """Begins when everything has been processed; `reached` is asked again and again.

    Nothing moves in a sweep of all customers that began after that; and in another one after it, since what the first
    has measured may make the leader move the borders of the segments. Times are those of the workers' own clocks.
    """

    def __init__(self, client: redis.Redis, partitions: int) -> None:
        self._registry, self._baselines, self._partitions = WorkerRegistry(client), BaselineStore(client), partitions
        self._began: dict[str, int] = {}
        self._quiet: _Quiet | None = None
        self.missing = "no worker has told of its sweeps yet"

    def reached(self) -> bool:
        """Return whether segments have settled; else `missing` says why not. Raises redis.RedisError."""
        beats = [beat for beat in self._registry.alive(time.time_ns() // 1_000_000) if beat.partitions]
        for beat in beats:
            self._began.setdefault(beat.worker, beat.at_ms)
        current = self._baselines.current()
        live, borders = current.baseline if current else 0, {beat.borders_version for beat in beats}
        reference = self._quiet.reference if self._quiet else {}
        if (found := self._missing(beats, live, borders, {**self._began, **reference})) is not None:
            self.missing = found
            return False
        quiet = _Quiet({beat.worker: beat.at_ms for beat in beats}, live, *borders)
        if self._quiet is not None and self._quiet[1:] == quiet[1:]:
            return True
        self._quiet, self.missing = quiet, "the sweep that confirms it is not over yet"
        return False

    def _missing(
        self, beats: Sequence[WorkerHeartbeat], live: int, borders: set[int], since: Mapping[str, int]
    ) -> str | None:
        owned = {partition for beat in beats for partition in beat.partitions}
        if len(owned) < self._partitions:
            return f"{self._partitions - len(owned)} of {self._partitions} partitions have no worker"
        if any(beat.swept_since_ms < since[beat.worker] for beat in beats):
            return "not everybody has been swept since"
        if any(beat.baseline != live for beat in beats) or len(borders) > 1 or min(borders) < 0:
            return f"not everybody is under baseline {live} and the newest borders of its segments"
        moved, placed = sum(beat.reassigned for beat in beats), sum(beat.measured for beat in beats)
        if moved > placed * _MOVING_SHARE:
            self._quiet = None
            return f"the last sweep moved {moved:,} of {placed:,} customers"
        return None
