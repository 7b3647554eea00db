"""Current segments by customer, as fast as Redis gives them: requests of one moment share a round trip."""

import asyncio
from collections.abc import Sequence
from typing import Any

from state import keys

__all__ = ["SegmentReads"]


class SegmentReads:
    """Reads `segment:<customer_id>`.

    While one read is on its way to Redis, the next ones gather, and go together in one pipeline: a busy service makes
    fewer, larger round trips, and a quiet one waits for nobody.
    """

    def __init__(self, client: Any, most: int = 256) -> None:
        self._redis, self._most = client, most
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
        return await self._get([keys.segment(each) for each in customer_ids])

    async def _read_waiting(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._answer(batch)
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
        async with self._redis.pipeline(transaction=False) as pipe:  # not MGET: in a cluster keys are in many slots
            for name in names:
                pipe.get(name)
            found: list[bytes | None] = await pipe.execute()
            return found
