"""Current segments by customer: requests of the same moment share a round trip to Redis."""

import asyncio
from collections.abc import Sequence
from typing import Any

from state.store import keys

__all__ = ["SegmentReader"]


class SegmentReader:
    """Reads `segment:<customer_id>`.

    While one read is on its way to Redis, the next ones gather and go together, a millisecond after the one before at
    the earliest: a busy service makes fewer, larger round trips (one costs as much as thirty keys in it), and a quiet
    one waits for nobody.
    """

    def __init__(self, client: Any, max_keys: int = 256, min_interval_s: float = 0.001) -> None:
        self._redis, self._max_keys, self._min_interval_s = client, max_keys, min_interval_s
        self._waiting: list[tuple[str, asyncio.Future[bytes | None]]] = []
        self._running: asyncio.Task[None] | None = None

    async def one(self, customer_id: str) -> bytes | None:
        """Return a customer's segment as stored (JSON), or None. Raises redis.RedisError."""
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((keys.segment(customer_id), future))
        if self._running is None:
            self._running = asyncio.create_task(self._read_waiting())
        return await future

    async def many(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Return the segments of customers, in their order, None where there is none. Raises redis.RedisError."""
        return await self._get(keys.segments(customer_ids))

    async def _read_waiting(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            while self._waiting:
                next_at = loop.time() + self._min_interval_s
                batch, self._waiting = self._waiting[: self._max_keys], self._waiting[self._max_keys :]
                await self._answer(batch)
                if len(self._waiting) < self._max_keys and (wait_s := next_at - loop.time()) > 0:
                    await asyncio.sleep(wait_s)
        finally:
            self._running = None

    async def _answer(self, batch: list[tuple[str, asyncio.Future[bytes | None]]]) -> None:
        try:
            values = await self._get([name for name, _ in batch])
        except Exception as error:  # whoever asked has to hear it, whatever it is
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), value in zip(batch, values, strict=True):
            if not future.done():
                future.set_result(value)

    async def _get(self, names: list[str]) -> list[bytes | None]:
        if len(names) == 1:
            return [await self._redis.get(names[0])]
        found: list[bytes | None] = await self._redis.mget(names)
        return found
