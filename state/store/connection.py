"""Connect to Redis, with errors that say what to do."""

import logging
import secrets
from typing import Any, Final

import redis
from redis import exceptions

from state.redis_address import SCHEMES, is_readable_url
from state.settings import StateSettings
from state.store import keys
from state.store.clients import open_client
from state.store.redis_error_messages import IS_CLUSTER, UNREADABLE, RedisRefuses, RedisUnreachable, explained

__all__ = [
    "KEEPS_EVERYTHING",
    "MAY_EVICT",
    "RedisRefuses",
    "RedisUnreachable",
    "connect",
    "connect_for_service",
    "eviction_policy",
    "redis_info",
    "try_writing",
]

log = logging.getLogger(__name__)

_PROBE_MS: Final = 10_000
_ENDED: Final = ("closed by server", "reset by peer")
KEEPS_EVERYTHING: Final = "noeviction"
MAY_EVICT: Final = (
    "it may drop keys, and with them customers and what they bought, without a word. Set it to noeviction "
    "(`CONFIG SET maxmemory-policy noeviction`), or SHOAL_REDIS_EVICTION=allow to take the loss"
)


def connect(url: str, *, timeout_s: float = 10.0) -> redis.Redis:
    """Return a client that has been answered once. Raises RedisUnreachable, RedisRefuses.

    A command is not tried again by the client: after a lost answer nobody knows whether it was applied, so the
    caller goes back to the stored offsets instead.
    """
    if not is_readable_url(url):  # the client's own error would quote a part of the password
        raise RedisUnreachable(url, UNREADABLE)
    if SCHEMES[url.partition(":")[0]] == "cluster":
        raise RedisRefuses(url, IS_CLUSTER)
    try:
        client = open_client(url, timeout_s)
        client.exists(keys.FORMAT)  # a PING is refused where data cannot be written to disk, though reads are not
        mode = redis_info(client, "server").get("redis_mode")
    except redis.ConnectionError as error:
        if url.startswith("redis://") and any(word in str(error) for word in _ENDED):
            hint = "one that expects TLS ends a connection without it: then SHOAL_REDIS begins with rediss://"
            raise RedisUnreachable(url, f"{error}; {hint}") from error
        raise explained(url, error) from error
    except redis.RedisError as error:
        raise explained(url, error) from error
    except (ValueError, OSError) as error:
        raise RedisUnreachable(url, error) from error
    if mode == "cluster":
        raise RedisRefuses(url, IS_CLUSTER)
    return client


def connect_for_service(settings: StateSettings) -> redis.Redis:
    """Return a client for a process that keeps state: of a Redis that takes writes, and that never drops keys.

    Raises RedisUnreachable; RedisRefuses where it takes no writes, or may evict keys and SHOAL_REDIS_EVICTION does not
    allow that.
    """
    client = connect(settings.redis)
    try:
        try_writing(client)
        policy = eviction_policy(client)
    except redis.RedisError as error:
        raise explained(settings.redis, error) from error
    if policy not in (None, KEEPS_EVERYTHING):
        if settings.redis_eviction == "refuse":
            raise RedisRefuses(settings.redis, f"has maxmemory-policy {policy}: {MAY_EVICT}")
        log.warning("the maxmemory-policy of Redis is %s, by which it may drop customers; that is allowed here", policy)
    return client


def try_writing(client: redis.Redis) -> None:
    """Write a key of its own, read it back and delete it. Raises redis.RedisError where that is not possible."""
    store: Any = client
    name = keys.PROBE + secrets.token_hex(8)
    with store.pipeline(transaction=False) as pipe:
        pipe.set(name, name, px=_PROBE_MS).get(name).delete(name)
        _, found, _ = pipe.execute()
    if found != name.encode():
        raise redis.ResponseError("a key that was just written is not there")


def eviction_policy(client: redis.Redis) -> str | None:
    """Return Redis' maxmemory-policy, None where it does not tell. Raises redis.RedisError."""
    policy = redis_info(client, "memory").get("maxmemory_policy")
    return None if policy is None else str(policy)


def redis_info(client: Any, section: str) -> dict[str, Any]:
    """Return a section of INFO, which any Redis lets its users read; nothing where one does not."""
    try:
        return dict(client.info(section))
    except exceptions.NoPermissionError:
        return {}
