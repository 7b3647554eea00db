"""When simulated events are released: as fast as possible, so many a second, or by an accelerated clock."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from events.arrays import Floats
from simulation.event_merging import TRUTH, Batch

__all__ = ["Pace", "paced"]

_MAX_PART: Final = 5_000
"""Rows released at once, at most, so that a stop is noticed soon."""
_MAX_SLEEP_S: Final = 0.5


@dataclass(frozen=True)
class Pace:
    """`rate` events a second, or `speed` seconds of the shop a second since `start_ms`; neither is at once."""

    start_ms: int
    rate: float | None = None
    speed: float | None = None

    def due(self, batch: Batch, released: int) -> Floats | None:
        """Return the second at which each row is due, where `released` events came before; None for at once."""
        if self.rate is not None:
            return np.asarray((released + np.cumsum(batch.topics != TRUTH)) / self.rate)
        if self.speed is not None:
            return np.asarray((batch.times - self.start_ms) / 1000.0 / self.speed)
        return None


def paced(
    batches: Iterator[Batch], pace: Pace, stop: threading.Event, now: Callable[[], float] = time.monotonic
) -> Iterator[Batch]:
    """Yield parts of the batches when they are due, until stopped."""
    started, released = now(), 0
    for batch in batches:
        due, at = pace.due(batch, released), 0
        while at < len(batch):
            if stop.is_set():
                return
            elapsed = now() - started
            ready = len(batch) if due is None else int(np.searchsorted(due, elapsed, side="right"))
            if ready > at:
                yield batch[at : min(ready, at + _MAX_PART)]
                at = min(ready, at + _MAX_PART)
            elif due is not None:
                stop.wait(min(float(due[at]) - elapsed, _MAX_SLEEP_S))
        released += batch.events
