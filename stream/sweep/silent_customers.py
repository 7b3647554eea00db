"""Retention: customers who have been silent for as long as the shop keeps data are erased, as on request."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import redis

from events.arrays import Flags, Ints
from events.time_units import DAY_MS
from events.topics.partitioning import partition_of
from state.customers.records import NEVER_LAST, CustomerBatch, Rows
from state.store import keys

__all__ = ["SilentCustomers", "last_seen_ms"]

log = logging.getLogger(__name__)

_MOST_WAITING: Final = 50
"""Erasures that may wait in a partition when the sweep asks for more: each takes Kafka's acknowledgement."""


def last_seen_ms(rows: Rows) -> Ints:
    """Return when each customer (n,) last ordered, visited or was told of in a profile; NEVER_LAST where never."""
    return np.asarray(np.maximum.reduce([rows[name] for name in ("last_order", "last_session", "profile_at")]))


class SilentCustomers:
    """Asks for the erasure of customers who were last seen `after_days` ago by the wall clock; 0: of nobody.

    From there on it is an erasure as any other: `stream.erasure` carries it out and publishes it.
    """

    def __init__(
        self,
        client: redis.Redis,
        partitions: int,
        after_days: float,
        *,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._redis: Any = client
        self._partitions, self._after_ms, self._wall_ms = partitions, int(after_days * DAY_MS), wall_ms

    def request_erasures(self, partition: int, customers: CustomerBatch) -> int:
        """Ask for those of a partition's customers who are silent to be erased, and return for how many.

        Where many are, the rest is left to the next sweep. Raises redis.RedisError.
        """
        silent = np.flatnonzero(self._silent(customers.rows)).tolist() if self._after_ms else []
        if not silent:
            return 0
        room = _MOST_WAITING - int(self._redis.scard(keys.erasing(partition)))
        people = self._people(partition, [customers.ids[i] for i in silent[: max(0, room)]])
        return self._request(people) if people else 0

    def _silent(self, rows: Rows) -> Flags:
        """Return who is silent; who has nothing but a segment is being restored, and has still to be heard of."""
        seen = last_seen_ms(rows)
        return np.asarray((seen != NEVER_LAST) & (seen < self._wall_ms() - self._after_ms))

    def _people(self, partition: int, ids: Sequence[str]) -> list[list[str]]:
        """Return each customer with the ids that were merged into it: a person is erased whole."""
        with self._redis.pipeline(transaction=False) as pipe:
            for customer_id in ids:
                pipe.smembers(keys.aliases(partition, customer_id))
            merged = pipe.execute()
        return [[name, *sorted(other.decode() for other in others)] for name, others in zip(ids, merged, strict=True)]

    def _request(self, people: Sequence[Sequence[str]]) -> int:
        now_ms = self._wall_ms()
        with self._redis.pipeline(transaction=True) as pipe:
            for person in people:
                for each in person:
                    pipe.hsetnx(keys.ERASURES, each, now_ms)
                    pipe.sadd(keys.erasing(partition_of(each, self._partitions)), each)
            asked = pipe.execute()[::2]
        places = np.cumsum([0, *map(len, people)])[:-1]
        new = sum(asked[place] for place in places.tolist())
        if new:
            self._redis.incrby(keys.FORGOTTEN, new)
            log.info("%d customers have been silent for so long that they are erased", new)
        return int(new)
