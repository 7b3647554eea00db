"""Failures that may pass: what counts as one, how long to wait before the next try, and when to stop trying."""

import time
from collections.abc import Callable

import redis

from events.base_error import ShoalError

__all__ = ["RetryPolicy", "is_retriable"]

_CALM_S = 30.0
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 2.0


def is_retriable(error: BaseException) -> bool:
    """Return whether an error may be gone at the next try: Redis or Kafka away, state that moved."""
    return isinstance(error, redis.RedisError) or (isinstance(error, ShoalError) and error.retriable)


class RetryPolicy:
    """Backs off a little longer after each failure, until failures have gone on for longer than `retry_s`.

    Failures are one series until work was done between them, or half a minute went by without one.
    """

    def __init__(self, retry_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._retry_s, self._clock = retry_s, clock
        self._since: float | None = None
        self._last = 0.0

    def backoff_s(self, error: BaseException) -> float | None:
        """Return how many seconds to wait before the next try; None where there is to be none."""
        self._last = now = self._clock()
        if self._since is None:
            self._since = now
        failing_s = now - self._since
        if not is_retriable(error) or failing_s > self._retry_s:
            return None
        return min(_LONGEST_WAIT_S, _FIRST_WAIT_S + failing_s)

    def succeeded(self, *, worked: bool) -> None:
        """Take note of a step without failure, which ends the series where it had work to do."""
        if worked or self._clock() - self._last > _CALM_S:
            self._since = None
