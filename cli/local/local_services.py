"""The services that `shoal up` and `shoal demo` run: embedded brokers, and Shoal's own processes."""

import fcntl
import os
import secrets
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

import msgspec
import redis

from api.access.api_keys import KeyStore, NewKey
from api.access.scopes import Scope
from api.access.sign_in_sessions import new_sign_in
from cli.local.embedded import ChildProcess, Server, free_port, port_open, start_redis, start_tansu
from cli.local.embedded.private_files import private_folder, write_private
from cli.local.pid_file import running_pid
from cli.local.service_addresses import ANY_ADDRESS, LOCAL, LocalAddresses, forget_other_servers
from consumers.entries.entry_log import EntryLog
from events.base_error import ShoalError
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.specs import topic_specs
from state.partitions.worker_heartbeats import WorkerRegistry
from state.store import keys
from state.store.connection import connect

__all__ = ["AlreadyRunning", "LocalServices"]

_Started = TypeVar("_Started", bound=Server)
_API_S = 60.0
_SESSION_S = "6"  # the embedded broker takes half the session timeout for a first join


class AlreadyRunning(ShoalError):
    """Services were started from this folder and are still running."""


class LocalServices:
    """Starts everything on loopback, writes the addresses to `.shoal/local.json`, and ends it all on leaving.

    `environment` holds settings of the services, such as {"SHOAL_CLOCK": "event"}. Raises
    AlreadyRunning, ServiceFailed.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, folder: Path = LOCAL) -> None:
        self.folder = folder
        self._environment = dict(environment or {})
        self._started: list[ChildProcess] = []
        self._spawned_once: list[ChildProcess] = []
        self.worker: ChildProcess | None = None
        self._locked: IO[str] | None = None
        self.addresses = LocalAddresses(kafka="", redis="")
        self._key: NewKey | None = None

    def __enter__(self) -> Self:
        self._lock()
        forget_other_servers()
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lock(self) -> None:
        private_folder(self.folder)
        file = (self.folder / "pid").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise AlreadyRunning(
                f"process {running_pid(self.folder)} runs services from this folder; end them with `shoal down`"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._locked = file

    def _start(self) -> None:
        kafka = self._keep(start_tansu(self.folder / "kafka"))
        store = self._keep(start_redis(self.folder / "redis", password=secrets.token_urlsafe(32)))
        self.addresses = LocalAddresses(kafka=kafka.bootstrap, redis=store.url)
        settings = KafkaSettings(kafka=kafka.bootstrap)
        create_topics(kafka.bootstrap, topic_specs(settings))
        self._write_addresses()
        self.worker = self.spawn("worker", "worker")
        experiments = self.spawn("experiments", "experiments")
        self.spawn("batch", "batch", "--every", "24h")
        self.spawn("triggers", "triggers")
        client = connect(store.url)
        self._start_api(client, EntryLog(settings, client))
        _await_owner(self.worker, WorkerRegistry(client), settings.partitions)
        _await_owner(experiments, WorkerRegistry(client, keys.EXPERIMENT_WORKERS), settings.partitions)

    def _start_api(self, client: redis.Redis, entries: EntryLog) -> None:
        """Start the API with a key of its own, which this process alone knows, and say where it is."""
        port = free_port()
        api = self.spawn("api", "api", "--port", str(port))
        api.wait_until(lambda: port_open(port), _API_S)
        self._key = KeyStore(client, entries).create("local", [Scope.ADMIN], datetime.now(UTC))
        self.addresses = msgspec.structs.replace(self.addresses, api=f"http://127.0.0.1:{port}")
        self._write_addresses()

    def _write_addresses(self) -> None:
        write_private(self.folder / "local.json", msgspec.json.encode(self.addresses) + b"\n")

    def access_text(self) -> str:
        """Return how to get in: a link for the browser that signs in once within an hour, and a key for programs."""
        assert self._key is not None  # noqa: S101 - for the type checker
        link = f"{self.addresses.api}/sign-in?token={new_sign_in(connect(self.addresses.redis), self._key.key.id)}"
        return f"dashboard  {link}  (signs in once)\nAPI key    {self._key.token}"

    def _keep(self, server: _Started) -> _Started:
        self._started.append(server)
        return server

    def spawn(self, name: str, *arguments: str) -> ChildProcess:
        """Start a `shoal` command that stays, as a child process with these services' addresses."""
        child = self._child(name, *arguments)
        self._started.append(child)
        return child

    def spawn_once(self, name: str, *arguments: str) -> ChildProcess:
        """Start a `shoal` command that ends by itself."""
        child = self._child(name, *arguments)
        self._spawned_once.append(child)
        return child

    def _child(self, name: str, *arguments: str) -> ChildProcess:
        environment = {
            **dict([ANY_ADDRESS]),
            **os.environ,
            "SHOAL_SESSION_TIMEOUT_S": _SESSION_S,
            **self._environment,
            "SHOAL_KAFKA": self.addresses.kafka,
            "SHOAL_REDIS": self.addresses.redis,
        }
        command = [sys.executable, "-P", "-m", "cli.main", *arguments]
        child = ChildProcess(f"shoal {name}", command, log=self.folder / f"{name}.log", env=environment)
        child.spawn()
        return child

    def check(self) -> None:
        """Raise ServiceFailed where a service has ended by itself."""
        for child in self._started:
            if not child.running:
                child.wait_until(lambda: False, 0.0)

    def run_until(self, stop: threading.Event) -> None:
        """Return when the event is set; raise ServiceFailed where a service ends before."""
        while not stop.wait(0.5):
            self.check()

    def close(self) -> None:
        """End the services, the last started first, and forget the addresses."""
        for child in (*self._spawned_once, *reversed(self._started)):
            child.stop()
        self._spawned_once.clear()
        self._started.clear()
        for name in ("local.json", "pid"):
            (self.folder / name).unlink(missing_ok=True)
        if self._locked is not None:
            self._locked.close()
            self._locked = None


def _await_owner(service: ChildProcess, registry: WorkerRegistry, partitions: int) -> None:
    """Wait until a service owns all partitions, by its heartbeat. Raises ServiceFailed."""

    def owns_all() -> bool:
        beats = registry.beats(time.time_ns() // 1_000_000)
        return sum(len(beat.partitions) for beat in beats) == partitions

    service.wait_until(owns_all, 60.0)
