"""Failures that may pass: what counts as one, and how long the same trouble is borne."""

import time
from collections.abc import Callable

import redis

from events.errors import ShoalError

__all__ = ["Trouble", "is_passing"]

_CALM_S = 30.0
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 2.0


def is_passing(error: BaseException) -> bool:
    """Return whether an error may be gone at the next try: Redis or Kafka away, state that moved."""
    return isinstance(error, redis.RedisError) or (isinstance(error, ShoalError) and error.retriable)


class Trouble:
    """Waits after each failure a little longer, until it has lasted for longer than the settings allow.

    Failures belong to the same trouble until work was done between them, or half a minute went by without one.
    `wait` sleeps and returns True to give up.
    """

    def __init__(
        self, patience_s: float, wait: Callable[[float], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience_s, self._wait, self._clock = patience_s, wait, clock
        self._since: float | None = None
        self._last = 0.0

    def bear(self, error: BaseException) -> bool:
        """Wait before the next try, and return whether to give up instead.

        Raises the error where it will not pass, or has not in all the time allowed.
        """
        self._last = now = self._clock()
        if self._since is None:
            self._since = now
        lasting_s = now - self._since
        if not is_passing(error) or lasting_s > self._patience_s:
            raise error
        return self._wait(min(_LONGEST_WAIT_S, _FIRST_WAIT_S + lasting_s))

    def went_well(self, *, worked: bool) -> None:
        """Take note of a step without failure, which ends the trouble where it had work to do."""
        if worked or self._clock() - self._last > _CALM_S:
            self._since = None
