"""Child processes that end with their parent, and whose failures show what they logged."""

import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.local.embedded import parent_death
from cli.local.embedded.private_files import open_private
from cli.local.embedded.spawner_thread import in_lasting_thread
from events.base_error import ShoalError

POLL_S = 0.02
TAIL_LINES = 20
TAIL_BYTES = 16_384
STOP_TIMEOUT_S = 15.0


class ServiceFailed(ShoalError):
    """A service ended, or did not become ready in time; the message shows the end of its log."""

    def __init__(self, service: str, reason: str, *, exit_code: int | None, log: Path, tail: Sequence[str]) -> None:
        self.service = service
        self.exit_code = exit_code
        self.log = log
        self.tail = list(tail)
        lines = "".join(f"\n  | {line}" for line in self.tail) or " nothing"
        super().__init__(f"{service} {reason}; its log {log} ends with:{lines}")


class ProgramMissing(ShoalError):
    """A program that a service needs is not on this machine."""


class ChildProcess:
    """One command as a child process, its output appended to a log file.

    The child is killed when this process dies, however it dies (Linux). It has a session of its own, so Ctrl-C in the
    terminal reaches this process only, which can then finish its work before it stops the child.
    """

    def __init__(
        self, service: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        """Describes the child; `spawn` starts it.

        Args:
            service: its name for people, as in "Redis".
            command: program and arguments.
            log: file that gets its stdout and stderr, appended; its folder is made if need be.
            env: environment; this process's own if None.
        """
        self.service = service
        self.command = list(command)
        self.log = log
        self._env = None if env is None else dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the child started last.

        Raises:
            RuntimeError: it was never started.
        """
        return self._started().pid

    @property
    def exit_code(self) -> int | None:
        """None while the child runs; negative is the signal that ended it."""
        return self._started().poll()

    @property
    def running(self) -> bool:
        """Whether the child was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def spawn(self) -> None:
        """Starts the command; starting a running child again is an error.

        Raises:
            RuntimeError: it is running.
        """
        if self.running:
            raise RuntimeError(f"{self.service} is running already, process {self.pid}")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._process = in_lasting_thread(self._popen)

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Waits until the child is ready.

        Args:
            ready: asked again and again; says False while the service does not answer yet.
            timeout_s: seconds to wait at most.

        Raises:
            ServiceFailed: the child ended, or the time was up; then it still runs.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            if self.exit_code is not None:
                raise self._failed(f"ended with exit code {self.exit_code} before it was ready")
            if ready():
                return
            if time.monotonic() > deadline:
                raise self._failed(f"was not ready after {timeout_s:g} s")
            time.sleep(POLL_S)

    def finish(self, timeout_s: float) -> None:
        """Waits for a command that ends by itself, and kills it when the time is up.

        Args:
            timeout_s: seconds to wait at most.

        Raises:
            ServiceFailed: its exit code is not 0, or the time was up.
        """
        try:
            code = self._started().wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self._failed(f"had not ended after {timeout_s:g} s") from None
        if code != 0:
            raise self._failed(f"ended with exit code {code}")

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Ends the child by SIGTERM, and by SIGKILL when that takes too long; nothing happens if it has ended.

        Args:
            timeout_s: seconds between the two.
        """
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends the child by SIGKILL, as a crash would; nothing happens if it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log_tail(self, lines: int = TAIL_LINES) -> list[str]:
        """Last lines of the log, oldest first; none if there is no log yet.

        Args:
            lines: how many at most.
        """
        if not self.log.exists():
            return []
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-lines:]

    def _popen(self) -> subprocess.Popen[bytes]:
        tethered = [sys.executable, "-I", "-S", parent_death.__file__, str(os.getpid()), *self.command]
        with open_private(self.log) as log:
            return subprocess.Popen(
                tethered,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self.service} was never started")
        return self._process

    def _failed(self, reason: str) -> ServiceFailed:
        return ServiceFailed(self.service, reason, exit_code=self.exit_code, log=self.log, tail=self.log_tail())


class Server(ChildProcess, ABC):
    """A child process that listens on a loopback port; a context manager that stops it."""

    start_timeout_s: float = 30.0
    """Seconds a start may take; generous, because a busy machine starts slowly."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether this very process answers, and not another one on the same port."""

    def start(self) -> None:
        """Starts the server and returns when it answers; a server that never answers is stopped.

        Raises:
            ServiceFailed: it ended, or did not answer in time.
        """
        self.spawn()
        try:
            self.wait_until(self.ready, self.start_timeout_s)
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """Stops the server if it runs, and starts it again on the same port and directory.

        Raises:
            ServiceFailed: it ended, or did not answer in time.
        """
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
