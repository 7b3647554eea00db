"""Events per second, from a growing count that is read from time to time."""

import time
from collections import deque
from collections.abc import Callable

__all__ = ["EventRate"]


_MIN_S = 3.0
"""The count is cached for up to two seconds: a rate over a shorter time would be wrong."""


class EventRate:
    """The rate of a growing count over the last `over_s` seconds.

    >>> times = iter([0.0, 1.0, 3.0, 6.0])
    >>> rate = EventRate(clock=lambda: next(times))
    >>> rate.per_s(100), rate.per_s(100), rate.per_s(400), rate.per_s(400)
    (None, None, 100.0, 50.0)
    """

    def __init__(self, over_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._over_s, self._clock = over_s, clock
        self._seen: deque[tuple[float, int]] = deque(maxlen=1_000)

    def per_s(self, count: int) -> float | None:
        """Add what is counted now; return the events a second since the oldest count, None in the first seconds."""
        now = self._clock()
        while len(self._seen) > 1 and now - self._seen[0][0] > self._over_s:
            self._seen.popleft()
        self._seen.append((now, count))
        at, before = self._seen[0]
        return max(0, count - before) / (now - at) if now - at >= _MIN_S else None
