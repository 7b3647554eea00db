"""Rate limit of requests by key, over all API processes."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any, Final

__all__ = ["RateLimiter"]

_WINDOW_S: Final = 60
_USED_UP: Final = -1


class RateLimiter:
    """Lets each key make `limit` requests in a minute of the clock.

    A process takes a hundredth of the limit at a time from Redis, atomically, and hands it out from memory: so a read
    needs no other round trip, and no key ever gets more than its limit. A process that ends, or a key that asks one
    process and then another, may leave up to a hundredth unused.
    """

    def __init__(self, client: Any, limit: int, clock: Callable[[], float] = time.time) -> None:
        self._redis, self._limit, self._clock = client, limit, clock
        self._lease_size = max(1, limit // 100)
        self._remaining: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._window = 0

    async def retry_after_s(self, key_id: str) -> int:
        """Count one request; return 0 where it may go on, or the seconds until the next one may."""
        now = self._clock()
        window = int(now // _WINDOW_S)
        if window != self._window:
            self._remaining, self._locks, self._window = {}, {}, window
        remaining = self._remaining  # of this window, also where a later one begins while this request waits
        if not remaining.get(key_id):
            async with self._locks.setdefault(key_id, asyncio.Lock()):
                if not remaining.get(key_id):
                    remaining[key_id] = await self._lease_requests(key_id, window) or _USED_UP
        if remaining[key_id] == _USED_UP:
            return max(1, math.ceil((window + 1) * _WINDOW_S - now))
        remaining[key_id] -= 1
        return 0

    async def _lease_requests(self, key_id: str, window: int) -> int:
        """Return how many more requests this process may let through, at most a lease."""
        name = f"api:rate:{key_id}:{window}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.incrby(name, self._lease_size)
            pipe.expire(name, 2 * _WINDOW_S)
            taken = int((await pipe.execute())[0])
        return max(0, min(self._lease_size, self._limit - (taken - self._lease_size)))
