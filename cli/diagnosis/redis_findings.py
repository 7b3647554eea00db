"""What is found of Redis: whether it lets us in, its version, its memory, its disk, and its clock."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import redis

from cli.diagnosis.finding import Finding, fine, to_change, worth_knowing
from state.model.baselines import ModelStore
from state.operations.redis_condition import redis_condition
from state.partitions.worker_heartbeats import WorkerRegistry
from state.settings import StateSettings
from state.store import keys
from state.store.connection import KEEPS_EVERYTHING, redis_info
from state.store.redis_error_messages import explained, without_password

__all__ = ["redis_findings"]

_AREA: Final = "redis"
_OLDEST: Final = (6, 2)
_BYTES_A_CUSTOMER: Final = 443
"""Measured (docs/performance.md); what a Redis with customers shows is taken instead."""
_ENOUGH_CUSTOMERS: Final = 10_000
"""From so many on, the memory in use divided by them is the memory of a customer."""
_FULL: Final = 0.8
_SKEW_S: Final = 1.0
_KINDS: Final = (keys.WORKERS, keys.EXPERIMENT_WORKERS, keys.TRIGGER_WORKERS)


def redis_findings(
    client: redis.Redis, settings: StateSettings, partitions: int, customers: int | None
) -> Iterator[Finding]:
    """Yield the findings. With `customers`, say whether there is memory for so many. Raises redis.RedisError."""
    server = redis_info(client, "server")
    yield fine(_AREA, "connection", f"{without_password(settings.redis)} lets us in")
    yield _version(server)
    yield from _commands(client)
    condition = redis_condition(client, may_evict=settings.redis_eviction == "allow")
    for problem in condition.problems:
        do = "redis-cli CONFIG SET maxmemory-policy noeviction" if "maxmemory-policy" in problem else "redis-cli INFO"
        yield to_change(_AREA, "condition", problem, do)
    if condition.maxmemory_policy == KEEPS_EVERYTHING:
        yield fine(_AREA, "eviction", "maxmemory-policy is noeviction: no customer is dropped")
    yield _persistence(client)
    yield _memory(client, partitions, customers)
    yield from _clocks(client)


def _version(server: dict[str, Any]) -> Finding:
    name = str(server.get("server_name", "redis"))
    text = str(server.get("valkey_version") or server.get("redis_version") or "")
    found = tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
    if not found:
        return worth_knowing(_AREA, "version", f"{name} does not tell its version; Shoal needs 6.2 or newer")
    if found < _OLDEST:
        return to_change(_AREA, "version", f"{name} {text} is older than 6.2", "install Redis 6.2 or newer, or Valkey")
    return fine(_AREA, "version", f"{name} {text}; no modules are needed")


def _commands(client: Any) -> Iterator[Finding]:
    """Try each kind of command that services send, so that a user who may not is found before they are."""
    probe = keys.PROBE + "doctor"
    tries: dict[str, Callable[[], object]] = {
        "+@read": lambda: client.hgetall(probe),
        "+@write": lambda: client.delete(probe),
        "+@transaction": lambda: client.transaction(lambda pipe: pipe.multi(), probe),
        "+@scripting": lambda: client.eval("return 1", 1, probe),
        "+scan": lambda: client.scan(count=1),
        "+info": lambda: client.info("server"),
    }
    missing = []
    for permission, attempt in tries.items():
        try:
            attempt()
        except redis.exceptions.NoPermissionError:
            missing.append(permission)
        except redis.ResponseError as error:
            yield to_change(_AREA, "commands", str(explained(None, error)), "redis-cli INFO")
    if missing:
        detail = f"the user in SHOAL_REDIS may not do all that services do: {', '.join(missing)}"
        yield to_change(_AREA, "permissions", detail, f"redis-cli ACL SETUSER USER {' '.join(missing)}")
    else:
        yield fine(_AREA, "permissions", "the user may do all that services do, WATCH and scripts included")


def _persistence(client: Any) -> Finding:
    disk = redis_info(client, "persistence")
    if disk.get("aof_enabled"):
        return fine(_AREA, "persistence", "the append-only file is on")
    try:
        snapshots = str(client.config_get("save").get("save", ""))
    except redis.exceptions.NoPermissionError:
        return worth_knowing(_AREA, "persistence", "no append-only file, and the user may not ask for snapshots",
                             "redis-cli ACL SETUSER USER +config|get")  # fmt: skip
    do = "redis-cli CONFIG SET appendonly yes   # and `appendonly yes` in redis.conf"
    if snapshots:
        detail = f"snapshots only (save {snapshots}): after a crash, what came since is read from Kafka again"
        return worth_knowing(_AREA, "persistence", detail, do)
    return to_change(_AREA, "persistence", "nothing is written to disk: after a restart Redis is empty", do)


def _memory(client: Any, partitions: int, customers: int | None) -> Finding:
    memory = redis_info(client, "memory")
    used, limit = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    total = limit or int(memory.get("total_system_memory", 0))
    now = sum(ModelStore(client).customers(partitions))
    each = used / now if now >= _ENOUGH_CUSTOMERS else _BYTES_A_CUSTOMER
    room = max(0, int((_FULL * total - used) / each))
    detail = f"{used / 1e6:,.0f} MB of {total / 1e6:,.0f} used by {now:,} customers; room for {room:,} more"
    if customers is None or customers <= now + room:
        return fine(_AREA, "memory", detail)
    needed = int((used + (customers - now) * each) / _FULL / 1e6)
    do = f"redis-cli CONFIG SET maxmemory {needed}mb" if limit else f"give the machine of Redis {needed:,} MB"
    return to_change(_AREA, "memory", f"{detail}; {customers:,} customers need about {needed:,} MB", do)


def _clocks(client: Any) -> Iterator[Finding]:
    before = time.time()
    seconds, microseconds = client.time()
    here = (before + time.time()) / 2
    skew = here - (seconds + microseconds / 1e6)
    do = "timedatectl set-ntp true   # on both machines"
    if abs(skew) > _SKEW_S:
        yield to_change(_AREA, "clocks", f"this machine's clock and that of Redis are {abs(skew):.1f} s apart", do)
    else:
        yield fine(_AREA, "clocks", "this machine and Redis agree to within a second")
    for kind in _KINDS:
        for beat in WorkerRegistry(client, kind).alive(int(here * 1000)):
            if beat.at_ms / 1000 - here > _SKEW_S:
                ahead = beat.at_ms / 1000 - here
                yield to_change(_AREA, "clocks", f"the clock of {beat.worker} is {ahead:.1f} s ahead of this one", do)
