"""Reads from a replica of Redis, and from the primary where the replica cannot answer."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self, TypeVar

import redis
from redis import exceptions

from state.settings import StateSettings
from state.store.clients import close_async_client, open_async_replica

__all__ = ["ReplicaReads"]

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
_AWAY: Final = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.MasterDownError,
)


class ReplicaReads:
    """Answers `get` and `mget` of a client for an event loop. Raises redis.RedisError where nobody answers."""

    def __init__(self, replica: Any, primary: Any) -> None:
        self._replica, self._primary = replica, primary
        self._away = False

    @classmethod
    def opened(cls, settings: StateSettings, primary: Any, timeout_s: float, connections: int) -> Self:
        """Return reads from the replica of the settings."""
        return cls(open_async_replica(settings.redis, settings.redis_replica, timeout_s, connections), primary)

    async def get(self, name: str) -> bytes | None:
        """Return a string, or None."""
        return await self._read(lambda client: client.get(name))

    async def mget(self, names: list[str]) -> list[bytes | None]:
        """Return strings in the order of their names, None where there is none."""
        return await self._read(lambda client: client.mget(names))

    async def aclose(self) -> None:
        """Close the replica's connections; the primary's are not ours."""
        await close_async_client(self._replica)

    async def _read(self, ask: Callable[[Any], Awaitable[Answer]]) -> Answer:
        try:
            found = await ask(self._replica)
        except _AWAY as error:
            self._note(error)
            return await ask(self._primary)
        self._note(None)
        return found

    def _note(self, error: redis.RedisError | None) -> None:
        """Log when the replica goes, and when it is back: not with each read."""
        if (error is not None) != self._away:
            self._away = error is not None
            log.warning("the replica of Redis %s", f"does not answer ({error}): reading from the primary" if error
                        else "answers again")  # fmt: skip
