"""Whether a service gets on with its work, and whether it can do it now: what liveness and readiness probes ask."""

import time
from collections.abc import Callable
from typing import Final, Protocol

__all__ = ["ServiceHealth", "ServiceProbe"]

_STUCK_S: Final = 120.0
"""Longer than a turn of any consumer takes: the slowest reads what a partition of a million customers holds."""


class ServiceProbe(Protocol):
    """What can be asked of a part of a service."""

    def liveness_problem(self) -> str:
        """Return why the service should be restarted, empty where it should not."""
        ...

    def readiness_problem(self) -> str:
        """Return why the service cannot do its work now, empty where it can."""
        ...


class ServiceHealth(ServiceProbe):
    """What one loop of a service says of itself; it writes in its thread, and any thread may read.

    A service that tries again is alive and not ready: to restart it would not bring Redis or Kafka back.
    """

    def __init__(
        self, waiting_for: str, stuck_s: float = _STUCK_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin as not ready, `waiting_for` something; a turn takes less than `stuck_s` seconds."""
        self._waiting_for, self._stuck_s, self._clock = f"waiting for {waiting_for}", stuck_s, clock
        self._progressed = clock()

    def progressed(self) -> None:
        """Note that the loop has begun another turn, or another try."""
        self._progressed = self._clock()

    def ready(self) -> None:
        """Note that the last turn has done its work."""
        self._waiting_for = ""

    def not_ready(self, why: str) -> None:
        """Note that the work cannot be done now."""
        self._waiting_for = why or "an error without a message"

    def liveness_problem(self) -> str:
        """Return why the service should be restarted, empty where it should not."""
        stuck_s = self._clock() - self._progressed
        return f"no progress for {stuck_s:.0f} s" if stuck_s > self._stuck_s else ""

    def readiness_problem(self) -> str:
        """Return why the service cannot do its work now, empty where it can."""
        return self.liveness_problem() or self._waiting_for
