"""Current segments by customer: requests of the same moment share a round trip to Redis."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from state.customers.current_segment_keys import LONGEST_CHAIN, survivor_of
from state.store import keys

__all__ = ["SegmentReader"]


def with_survivor(value: bytes, customer_id: str) -> bytes:
    """Return a segment (JSON) that says whose it is: that of the customer that another was merged into.

    >>> with_survivor(b'{"segment_id":"s5"}', "anna")
    b'{"segment_id":"s5","merged_into":"anna"}'
    """
    return value.removesuffix(b"}") + b',"merged_into":' + msgspec.json.encode(customer_id) + b"}"


class SegmentReader:
    """Reads `segment:<customer_id>`.

    While one read is on its way to Redis, the next ones gather and go together, a millisecond after the one before at
    the earliest: a busy service makes fewer, larger round trips (one costs as much as thirty keys in it), and a quiet
    one waits for nobody.

    Who was merged into another has that one's segment, with `merged_into` added to it: a further read for each merge.
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
        value = await future
        return value if survivor_of(value) is None else (await self._followed([value]))[0]

    async def many(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Return the segments of customers, in their order, None where there is none. Raises redis.RedisError."""
        return await self._followed(await self._get(keys.segments(customer_ids)))

    async def _followed(self, values: list[bytes | None]) -> list[bytes | None]:
        """Return the segments, those of survivors in the place of those of merged customers."""
        found, survivors = list(values), dict[int, str]()
        for _ in range(LONGEST_CHAIN):
            merged = {i: name for i, value in enumerate(found) if (name := survivor_of(value)) is not None}
            if not merged:
                break
            survivors |= merged
            for i, value in zip(merged, await self._get(keys.segments(merged.values())), strict=True):
                found[i] = value
        return [
            with_survivor(value, survivors[i]) if i in survivors and value else value for i, value in enumerate(found)
        ]

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
