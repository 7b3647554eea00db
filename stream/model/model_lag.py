"""Is this worker behind the newest model, and for how long already?"""

import time
from collections.abc import Callable
from typing import NamedTuple

from events.schema.outputs import Baseline, ModelVersion
from stream.model.segmenter import Segmenter

__all__ = ["ModelLag", "ModelLagMonitor"]


class ModelLag(NamedTuple):
    """For how many seconds a worker has been behind (0 where it is not), and whether that is too long."""

    seconds: float
    too_long: bool


class ModelLagMonitor:
    """Compares the model that a worker follows with the newest, each time it is asked.

    A worker is too far behind when it has had the same baseline and version for longer than `limit_s` although there
    is a newer one: under a steady flow of versions no worker always has the newest.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s, self._clock = limit_s, clock
        self._has: tuple[int, int] = (-1, -1)
        self._since: float | None = None

    def measure(self, segmenter: Segmenter, baseline: Baseline | None, model: ModelVersion | None) -> ModelLag:
        """Return the lag, given the newest baseline and model."""
        has = (segmenter.baseline, segmenter.version)
        newest = baseline.baseline if baseline else 0
        newer = newest > has[0] or (model is not None and model.baseline == has[0] and model.version > has[1])
        if not newer:
            self._since = None
        elif self._since is None or has != self._has:
            self._since = self._clock()
        self._has = has
        seconds = 0.0 if self._since is None else self._clock() - self._since
        return ModelLag(seconds, seconds > self._limit_s)
