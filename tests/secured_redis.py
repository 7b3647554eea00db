"""Redis servers with TLS, with users, and with Sentinels, as child processes of the tests."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from cli.local.embedded import Server, free_port, program_paths
from cli.local.embedded.free_ports import LOOPBACK
from tests.certificates import Certificates, KeyAndCertificate
from tests.waiting import until

USER, PASSWORD = "shoal", "m4rked/pass@word"
PERMISSIONS = "~* &* +@read +@write +@transaction +@connection +@scripting +info +config|get +time"
"""What docs/connections.md gives the user of Shoal: no more is needed."""
CHECKER = "redis-check-rdb"
"""In Debian's package redis-tools, whose program is a whole Redis server: it does by its name what it is called for."""


def tls_program(folder: Path) -> str:
    """Path of a redis-server with TLS; the one of the extra `embedded` has none. Skips the test without one."""
    found = shutil.which("redis-server") or shutil.which(CHECKER)
    if found is None:
        pytest.skip("no redis-server with TLS is installed (Debian: apt install redis-tools)")
    link = folder / "redis-server"
    if not link.exists():
        link.symlink_to(os.path.realpath(found))
    return str(link)


class RedisProcess(Server):
    """One server, which answers at `port`; `options` are those of its command line, without the dashes."""

    start_timeout_s = 20.0

    def __init__(self, directory: Path, program: str, port: int, *options: str, kind: str = "redis") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = port
        self._config = directory / f"{kind}.conf"
        lines = [f"dir {directory}", f"bind {LOOPBACK}", "daemonize no", "protected-mode no", *options]
        if kind == "redis":
            lines += ['save ""', "databases 64"]
        self._config.write_text("".join(f"{line}\n" for line in lines))
        arguments = ["--sentinel"] if kind == "sentinel" else []
        super().__init__(kind, [program, str(self._config), *arguments], log=directory / f"{kind}.log")

    def ready(self) -> bool:
        """Whether it answers: by what its log says, because the test's own connection may need a certificate."""
        return any("Ready to accept connections" in line or "Sentinel ID is" in line for line in self.log_tail(40))


@contextmanager
def tls_redis(
    folder: Path, certificates: Certificates, *, server: KeyAndCertificate | None = None, mutual: bool = False
) -> Iterator[str]:
    """Start a Redis that speaks TLS only, and knows one user with the least permissions; gives its URL."""
    port, mine = free_port(), server or certificates.server
    process = RedisProcess(
        folder,
        tls_program(folder.parent),
        port,
        "port 0",
        f"tls-port {port}",
        f"tls-cert-file {mine.certificate}",
        f"tls-key-file {mine.key}",
        f"tls-ca-cert-file {certificates.ca}",
        f"tls-auth-clients {'yes' if mutual else 'no'}",
        "appendonly yes",
        f"user {USER} on >{PASSWORD} {PERMISSIONS}",
        "user default off",
    )
    with process:
        process.start()
        yield f"rediss://{USER}@{LOOPBACK}:{port}/0"


class SentinelRedis:
    """A primary, a replica, and a Sentinel that knows them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        program = program_paths.redis_server()
        self.primary = RedisProcess(
            folder / "a", program, (a := free_port()), f"port {a}", "repl-diskless-sync-delay 0"
        )
        self.replica = RedisProcess(folder / "b", program, (b := free_port()), f"port {b}", f"replicaof {LOOPBACK} {a}")
        self.sentinel = RedisProcess(
            folder / "s", program, (s := free_port()), f"port {s}",
            f"sentinel monitor main {LOOPBACK} {a} 1", "sentinel down-after-milliseconds main 1000",
            "sentinel failover-timeout main 3000", kind="sentinel",
        )  # fmt: skip
        for process in (self.primary, self.replica, self.sentinel):
            stack.enter_context(process)
            process.start()
        until(lambda: self._knows_the_replica(), what="the Sentinel knows the replica")
        self.url = f"redis+sentinel://{LOOPBACK}:{s}/main"

    def _knows_the_replica(self) -> bool:
        with redis_py.Redis(LOOPBACK, self.sentinel.port, retry=Retry(NoBackoff(), 0)) as client:
            found = client.execute_command("SENTINEL", "REPLICAS", "main")
        return any(b"ok" in str(each).encode() and "slave" in str(each) for each in found) and bool(found)
