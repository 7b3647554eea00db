"""Whether Redis does what Shoal needs of it: takes writes, drops no keys, saves to disk."""

from typing import Any

import redis
from pydantic import BaseModel

from state.store.connection import KEEPS_EVERYTHING, MAY_EVICT, redis_info, try_writing
from state.store.redis_error_messages import explained

__all__ = ["RedisCondition", "redis_condition"]

_SAVING = {
    "rdb_last_bgsave_status": "the last snapshot (RDB)",
    "aof_last_write_status": "the last write of the append-only file",
    "aof_last_bgrewrite_status": "the last rewrite of the append-only file",
}


class RedisCondition(BaseModel):
    """The condition of Redis; `problems` says what is wrong, in words. What it does not tell is None."""

    writes: bool
    maxmemory_policy: str | None
    evicted_keys: int | None
    persists: bool
    problems: list[str]


def redis_condition(client: redis.Redis, *, may_evict: bool = False) -> RedisCondition:
    """Try a write, and read what Redis says of memory and disk; with `may_evict`, dropping keys is no problem.

    Raises redis.RedisError where it does not answer at all.
    """
    problems, refusal = list[str](), _refusal(client)
    if refusal:
        problems.append(refusal)
    memory, stats, disk = (redis_info(client, section) for section in ("memory", "stats", "persistence"))
    policy, evicted = memory.get("maxmemory_policy"), stats.get("evicted_keys")
    if policy not in (None, KEEPS_EVERYTHING) and not may_evict:
        problems.append(f"Redis has maxmemory-policy {policy}: {MAY_EVICT}")
    if evicted and not may_evict:
        problems.append(
            f"Redis has dropped {evicted:,} keys since it started, because its memory was full; what they held is "
            "missing. Give it more memory, and put the state back from a backup"
        )
    failed = [what for name, what in _SAVING.items() if disk.get(name, "ok") != "ok"]
    problems += [f"Redis could not save its data to disk: {what} failed; its log says why" for what in failed]
    return RedisCondition(
        writes=refusal is None,
        maxmemory_policy=policy,
        evicted_keys=evicted,
        persists=not failed,
        problems=problems,
    )


def _refusal(client: Any) -> str | None:
    """Return why Redis takes no writes, None where it does."""
    try:
        try_writing(client)
    except redis.ResponseError as error:
        return str(explained(None, error))
    return None
