"""One batch process at a time: a lock in Redis that its holder renews, and that expires when the holder dies."""

import os
import socket
import threading
import uuid
from types import TracebackType
from typing import Any, Self

import redis
from redis.exceptions import LockError
from redis.lock import Lock

from events.base_error import ShoalError
from state.store import keys

__all__ = ["BatchBusy", "BatchLock", "LockLost"]


class BatchBusy(ShoalError):
    """Another process holds the lock."""

    retriable = True


class LockLost(ShoalError):
    """The lock expired while this process was at work, so another may have started."""

    retriable = True


class BatchLock:
    """Holds the lock while it is entered.

    Args:
        client: Redis.
        expires_s: seconds after which the lock of a holder that died is free again.
        wait_s: seconds to wait for another holder. Entering raises BatchBusy after them.
    """

    def __init__(self, client: redis.Redis, expires_s: float, wait_s: float = 0.0) -> None:
        self._redis: Any = client
        self._expires_s, self._wait_s = expires_s, wait_s
        self._lock: Any = Lock(client, keys.BATCH_LOCK, timeout=expires_s, thread_local=False)
        self._stop, self._lost = threading.Event(), False
        self._renewing: threading.Thread | None = None

    def __enter__(self) -> Self:
        token = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        if not self._lock.acquire(blocking=self._wait_s > 0, blocking_timeout=self._wait_s or None, token=token):
            holder = (self._redis.get(keys.BATCH_LOCK) or b"another process").decode()
            raise BatchBusy(
                f"{holder} is re-baselining, and only one process may at a time; try again when it has ended "
                f"(if it has died, its lock is free within {self._expires_s:g} s)"
            )
        self._stop.clear()
        self._lost = False
        self._renewing = threading.Thread(target=self._renew, name="batch-lock", daemon=True)
        self._renewing.start()
        return self

    def _renew(self) -> None:
        while not self._stop.wait(self._expires_s / 3):
            try:
                self._lock.reacquire()
            except LockError:
                self._lost = True
                return
            except redis.RedisError:
                continue  # the lock may outlast it; if not, the next try says so

    def check(self) -> None:
        """Raise LockLost where the lock is no longer ours; call it before anything is written."""
        if self._lost or not self._lock.owned():
            raise LockLost(
                "the lock of this re-baselining expired while it was at work, so another may have begun; "
                "nothing was changed, run it again"
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._renewing is not None:
            self._renewing.join()
        try:
            self._lock.release()
        except (LockError, redis.RedisError):
            return  # it expires by itself
