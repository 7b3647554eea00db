"""The drift alarm that workers raise and the batch service handles."""

from typing import Any, NamedTuple

import redis

from state.store import keys

__all__ = ["DriftAlarm", "DriftAlarms"]


class DriftAlarm(NamedTuple):
    """Why a worker thinks that the segments no longer fit, when (ms since 1970 UTC), and under which baseline."""

    reason: str
    at_ms: int
    baseline: int


class DriftAlarms:
    """Keeps the last alarm, in the hash `drift`."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def raise_alarm(self, alarm: DriftAlarm) -> None:
        """Store an alarm in place of the last one."""
        self._redis.hset(keys.DRIFT, mapping=alarm._asdict())

    def current(self) -> DriftAlarm | None:
        """Return the alarm that has not been handled yet, or None."""
        found = self._redis.hgetall(keys.DRIFT)
        if not found:
            return None
        return DriftAlarm(
            found.get(b"reason", b"").decode(), int(found.get(b"at_ms", 0)), int(found.get(b"baseline", 0))
        )

    def clear(self, alarm: DriftAlarm) -> None:
        """Remove an alarm, unless a newer one has replaced it."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(keys.DRIFT)
            if self.current() != alarm:
                return
            pipe.multi()
            pipe.delete(keys.DRIFT)
            try:
                pipe.execute()
            except redis.WatchError:
                return
