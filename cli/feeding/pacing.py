"""When simulated events are given out: as fast as they can be, so many a second, or by an accelerated clock."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from events.arrays import Floats
from simulation.event_merging import TRUTH, Batch

__all__ = ["Pace", "paced"]

_PART: Final = 5_000
"""Rows given out at once at most: so soon is a signal heard."""
_NAP_S: Final = 0.5


@dataclass(frozen=True)
class Pace:
    """`rate` events a second, or `speed` seconds of the shop a second since `start_ms`; neither is at once."""

    start_ms: int
    rate: float | None = None
    speed: float | None = None

    def due(self, batch: Batch, given: int) -> Floats | None:
        """Return the second at which each row is due, where `given` events came before; None for at once."""
        if self.rate is not None:
            return np.asarray((given + np.cumsum(batch.topics != TRUTH)) / self.rate)
        if self.speed is not None:
            return np.asarray((batch.times - self.start_ms) / 1000.0 / self.speed)
        return None


def paced(
    batches: Iterator[Batch], pace: Pace, stop: threading.Event, now: Callable[[], float] = time.monotonic
) -> Iterator[Batch]:
    """Yield parts of the batches when they are due, until told to stop."""
    started, given = now(), 0
    for batch in batches:
        due, at = pace.due(batch, given), 0
        while at < len(batch):
            if stop.is_set():
                return
            elapsed = now() - started
            ready = len(batch) if due is None else int(np.searchsorted(due, elapsed, side="right"))
            if ready > at:
                yield batch[at : min(ready, at + _PART)]
                at = min(ready, at + _PART)
            elif due is not None:
                stop.wait(min(float(due[at]) - elapsed, _NAP_S))
        given += batch.events
