"""How what people enter is written: one change at a time, whoever makes it.

The stores that hold experiments, triggers, suppressions and API keys say what is to change; a writer carries it out. In
every service and command it is `consumers.entries.entry_log.EntryLog`, which publishes first.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol

import redis
from redis.exceptions import LockError, LockNotOwnedError

from events.base_error import ShoalError
from events.schema.outputs import Entry
from state.entries.applied_entries import entry_commands
from state.store import keys

__all__ = ["EntriesBusy", "EntryWriter", "RedisEntryWriter", "one_writer"]

_LOCK_S: Final = 60.0
_WAIT_S: Final = 20.0
_SLEEP_S: Final = 0.02


class EntriesBusy(ShoalError):
    """Another process is writing what people enter, and takes too long."""

    retriable = True


class EntryWriter(Protocol):
    """Writes changes of what people entered."""

    def write(self, changes: Callable[[], Sequence[Entry]], *, forget: bool = False) -> None:
        """Carry out the changes that `changes` returns; nobody else writes between its reading of Redis and the end.

        With `forget`, which is for suppressions that end, nothing of them is kept.
        """


class RedisEntryWriter:
    """Writes into Redis alone: for tests and measurements that have no Kafka."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def write(self, changes: Callable[[], Sequence[Entry]], *, forget: bool = False) -> None:
        """Carry out changes in one transaction."""
        with one_writer(self._redis):
            made = changes()
            if not made:
                return
            with self._redis.pipeline(transaction=True) as pipe:
                for command in entry_commands(made):
                    pipe.execute_command(*command)
                pipe.execute()


@contextmanager
def one_writer(client: Any) -> Iterator[None]:
    """Keep other writers of entries away. Raises EntriesBusy."""
    lock = client.lock(keys.ENTRIES_LOCK, timeout=_LOCK_S, sleep=_SLEEP_S, blocking_timeout=_WAIT_S)
    try:
        taken = lock.acquire()
    except LockError:
        taken = False
    if not taken:
        raise EntriesBusy(f"another process has been changing what people entered for {_WAIT_S:g} s; try again")
    try:
        yield
    finally:
        with suppress(
            LockNotOwnedError
        ):  # it took too long, or Redis was emptied: what is written is whole all the same
            lock.release()
