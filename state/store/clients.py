"""Open clients of Redis, for threads and for an event loop, of a server or of a primary that Sentinels know."""

from typing import Any, Final

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from state.redis_address import RedisAddress

__all__ = ["REPLICAS", "close_async_client", "open_async_client", "open_async_replica", "open_client"]

_Sentinel: Any = redis.sentinel.Sentinel  # the library gives them no types
_AsyncSentinel: Any = redis.asyncio.sentinel.Sentinel

REPLICAS: Final = "sentinel"
"""For the address of a replica: any that the Sentinels know."""
_SENTINEL_S: Final = 2.0
"""Seconds for a Sentinel to answer, before the next is asked."""


def open_client(url: str, timeout_s: float) -> redis.Redis:
    """Return a client that has not connected yet. A command is not tried again by it. Raises ValueError."""
    address, timeouts = RedisAddress.parse(url), _timeouts(timeout_s)
    once: dict[str, Any] = {"retry": Retry(ExponentialBackoff(), 0), "health_check_interval": 0}
    if address.kind == "sentinel":
        sentinels: Any = _Sentinel(address.nodes, **_sentinel(address), **timeouts, **once)
        client: redis.Redis = sentinels.master_for(address.master)
        return client
    return redis.Redis.from_url(url, **timeouts, **once)


def open_async_client(url: str, timeout_s: float, connections: int) -> Any:
    """Return a client for an event loop, of so many connections, for which a command waits. Raises ValueError."""
    address = RedisAddress.parse(url)
    if address.kind == "sentinel":
        return _async_sentinels(address, timeout_s).master_for(address.master, max_connections=connections)
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url, max_connections=connections, timeout=timeout_s, **_timeouts(timeout_s)
    )
    return redis.asyncio.Redis.from_pool(pool)


def open_async_replica(url: str, replica: str, timeout_s: float, connections: int) -> Any:
    """Return a client of a replica: at its address, or of any that the Sentinels in `url` know. Raises ValueError."""
    if replica != REPLICAS:
        return open_async_client(replica, timeout_s, connections)
    address = RedisAddress.parse(url)
    return _async_sentinels(address, timeout_s).slave_for(address.master, max_connections=connections)


async def close_async_client(client: Any) -> None:
    """Close a client for an event loop, and the connections to the Sentinels that it asked."""
    await client.aclose()
    asked = getattr(client.connection_pool, "sentinel_manager", None)
    for sentinel in asked.sentinels if asked is not None else ():
        await sentinel.aclose()


def _async_sentinels(address: RedisAddress, timeout_s: float) -> Any:
    return _AsyncSentinel(address.nodes, **_sentinel(address), **_timeouts(timeout_s))


def _sentinel(address: RedisAddress) -> dict[str, Any]:
    """Return how Sentinels, and what they know, are connected to."""
    tls = {"ssl": True} if address.tls else {}
    waits = _timeouts(_SENTINEL_S)
    return {"sentinel_kwargs": {**address.sentinel_options, **tls, **waits}, **address.options, **tls}


def _timeouts(timeout_s: float) -> dict[str, Any]:
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
