"""A value that is costly to compute, kept for some seconds."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Cached"]

T = TypeVar("T")


class Cached(Generic[T]):
    """Computes a value at most once in `keep_s` seconds; who comes while it is computed waits for it.

    >>> numbers = iter(range(9))
    >>> value = Cached(lambda: next(numbers), keep_s=60.0)
    >>> value(), value()
    (0, 0)
    """

    def __init__(self, compute: Callable[[], T], keep_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._compute, self._keep_s, self._clock = compute, keep_s, clock
        self._lock = threading.Lock()
        self._until: float | None = None
        self._value: T

    def __call__(self) -> T:
        """Return the value; raises what computing it raises, which is not kept."""
        with self._lock:
            if self._until is None or self._clock() >= self._until:
                began = self._clock()
                self._value = self._compute()
                ended = self._clock()
                # What takes long is kept longer, so that computing it takes a tenth of the time at most.
                self._until = ended + max(self._keep_s, 10 * (ended - began))
            return self._value
