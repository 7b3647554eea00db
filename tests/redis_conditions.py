"""Redis servers that answer, but do not do what Shoal needs: how a test brings one about, and what is said of it."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import redis as redis_py

from cli.local.embedded import RedisServer

__all__ = ["CONDITIONS", "bring_about"]


def _read_only(client: redis_py.Redis, server: RedisServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client.replicaof("127.0.0.1", unused.getsockname()[1])


def _out_of_memory(client: redis_py.Redis, server: RedisServer) -> None:
    client.config_set("maxmemory", 1)


def _disk_fails(client: redis_py.Redis, server: RedisServer) -> None:
    """Its snapshots cannot be put in their place, where a folder is."""
    client.set("some", "data")
    folder = Path(client.config_get("dir")["dir"]) / client.config_get("dbfilename")["dbfilename"]
    folder.mkdir()
    (folder / "file").touch()
    client.config_set("save", "1000000 1000000")
    client.bgsave()
    while client.info("persistence")["rdb_last_bgsave_status"] == "ok":
        time.sleep(0.05)


def _evicting(client: redis_py.Redis, server: RedisServer) -> None:
    client.config_set("maxmemory-policy", "allkeys-lru")


def _with_password(client: redis_py.Redis, server: RedisServer) -> None:
    client.config_set("requirepass", "secret")


CONDITIONS: dict[str, tuple[Callable[[redis_py.Redis, RedisServer], None], str]] = {
    "read-only": (_read_only, "is a read-only replica"),
    "out of memory": (_out_of_memory, "has reached its maxmemory"),
    "disk fails": (_disk_fails, "cannot write its data to disk"),
    "evicting": (_evicting, "has maxmemory-policy allkeys-lru"),
    "with a password": (_with_password, "refuses the user or password"),
}
"""By name: how it is brought about, and words of the sentence that a service says of it."""


def bring_about(name: str, server: RedisServer) -> str:
    """Bring a running Redis into a condition; return words of what is said of it."""
    make, words = CONDITIONS[name]
    with redis_py.Redis.from_url(server.url, decode_responses=True) as client:
        make(client, server)
    return words
