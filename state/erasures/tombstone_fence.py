"""Writes that name customers outside their partition, and go through only for those who have no tombstone."""

from collections.abc import Callable, Iterable
from typing import Any

import redis

from events.topics.partitioning import partition_of, partitions_of
from state.erasures.erased_customers import erased_in_partitions
from state.store import keys

__all__ = ["TombstoneFence"]


class TombstoneFence:
    """Asks for tombstones in the transaction that writes.

    An erasure leaves the tombstone first and then takes out what names the customer. So what was written before the
    tombstone is taken out, and nothing is written after it: nobody has to wait for who might still write.
    """

    def __init__(self, client: redis.Redis, partitions: int) -> None:
        self._client, self._partitions = client, partitions
        self._redis: Any = client

    def keys_of(self, ids: Iterable[str]) -> list[str]:
        """Return the keys that an erasure of these customers changes: what a transaction watches."""
        return sorted({keys.erased(partition_of(each, self._partitions)) for each in ids})

    def is_anybody_erased(self) -> bool:
        """Return whether there is any tombstone, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for partition in range(self._partitions):
                pipe.exists(keys.erased(partition))
            return any(pipe.execute())

    def erased_among(self, ids: Iterable[str]) -> set[str]:
        """Return which of these customers were erased, in two round trips."""
        names = list(dict.fromkeys(ids))
        by_partition: dict[int, list[str]] = {}
        for name, partition in zip(names, partitions_of(names, self._partitions).tolist(), strict=True):
            by_partition.setdefault(partition, []).append(name)
        return erased_in_partitions(self._client, by_partition)

    def write(self, ids: Iterable[str], commands: Callable[[Any, set[str]], None]) -> list[Any]:
        """Carry out, in one transaction, what `commands` adds to a pipeline, and return the answers.

        It is told which of the customers were erased, and is called again where one is erased meanwhile.
        """
        names = list(ids)
        with self._redis.pipeline(transaction=True) as pipe:
            while True:
                pipe.watch(*self.keys_of(names))
                erased = self.erased_among(names)
                pipe.multi()
                commands(pipe, erased)
                try:
                    answers: list[Any] = pipe.execute()
                except redis.WatchError:
                    continue
                return answers
