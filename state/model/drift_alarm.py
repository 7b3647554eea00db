"""The drift alarm that workers raise and the batch service answers."""

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
    """Keeps the newest alarm, in the hash `drift`."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def sound(self, alarm: DriftAlarm) -> None:
        """Make an alarm the newest."""
        self._redis.hset(keys.DRIFT, mapping=alarm._asdict())

    def newest(self) -> DriftAlarm | None:
        """Return the alarm that nobody has answered yet, or None."""
        found = self._redis.hgetall(keys.DRIFT)
        if not found:
            return None
        return DriftAlarm(
            found.get(b"reason", b"").decode(), int(found.get(b"at_ms", 0)), int(found.get(b"baseline", 0))
        )

    def clear(self, alarm: DriftAlarm) -> None:
        """Forget an alarm, unless a newer one has come."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(keys.DRIFT)
            if self.newest() != alarm:
                return
            pipe.multi()
            pipe.delete(keys.DRIFT)
            try:
                pipe.execute()
            except redis.WatchError:
                return
