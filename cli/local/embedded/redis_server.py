"""A Redis server of our own, as a child process."""

from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cli.local.embedded import program_paths
from cli.local.embedded.child_process import Server
from cli.local.embedded.free_ports import LOOPBACK, on_free_port
from cli.local.embedded.private_files import write_private

DATABASES = 16


class RedisServer(Server):
    """A running Redis on 127.0.0.1."""

    start_timeout_s = 20.0

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        appendonly: bool = False,
        databases: int = DATABASES,
        password: str = "",
    ) -> None:
        """Describes the server; `start` starts it.

        Args:
            directory: where it keeps its log and its append-only file.
            port: TCP port on 127.0.0.1.
            appendonly: write each command to disk before answering it, so that a killed server comes back with all
                that it answered; otherwise everything is in memory only.
            databases: how many numbered databases it has.
            password: what clients have to say; none if empty. It is in a file that only the owner may read, since
                everybody sees the arguments of a process.
        """
        self.port, self._password = port, password
        self._settings_file = directory / "redis.conf"
        super().__init__(
            "Redis",
            [
                program_paths.redis_server(),
                *([str(self._settings_file)] if password else []),
                *("--port", str(port)),
                *("--bind", LOOPBACK),
                *("--databases", str(databases)),
                *("--dir", str(directory)),
                *("--save", ""),
                *("--appendonly", "yes" if appendonly else "no"),
                *("--appendfsync", "always"),
                *("--daemonize", "no"),
            ],
            log=directory / "redis.log",
        )

    def start(self) -> None:
        """Starts it, and returns when it answers."""
        if self._password:
            write_private(self._settings_file, f"requirepass {self._password}\n".encode())
        super().start()

    @property
    def url(self) -> str:
        """Address of its database 0, with the password."""
        password = f":{self._password}@" if self._password else ""
        return f"redis://{password}{LOOPBACK}:{self.port}/0"

    def ready(self) -> bool:
        """Whether this very process answers a PING, its data loaded."""
        with redis.from_url(self.url, socket_timeout=1.0, retry=Retry(NoBackoff(), 0)) as client:
            try:
                return bool(client.ping()) and client.info("server")["process_id"] == self.pid
            except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError):
                return False


def start_redis(
    directory: Path,
    *,
    port: int | None = None,
    appendonly: bool = False,
    databases: int = DATABASES,
    password: str = "",
) -> RedisServer:
    """Starts a Redis server and returns when it answers.

    Args:
        directory: folder for its log and data; made if need be.
        port: TCP port on 127.0.0.1; a free one if None.
        appendonly: whether what it answered survives its being killed.
        databases: how many numbered databases it has.
        password: what clients have to say; none if empty.

    Raises:
        ProgramMissing: there is no redis-server.
        ServiceFailed: it did not start.
    """
    directory.mkdir(parents=True, exist_ok=True)

    def start(port: int) -> RedisServer:
        server = RedisServer(directory, port=port, appendonly=appendonly, databases=databases, password=password)
        server.start()
        return server

    return start(port) if port else on_free_port(start)
