"""Customers who were merged into others: the pointers that later events follow, and the ids that were merged."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis

from events.topics.partitioning import partition_of, partitions_of
from state.erasures.erased_customers import ErasureQueue, OpenErasures, erased_among
from state.store import keys
from state.store.pipelined_connection import Command

__all__ = ["Departure", "MergedCustomers", "departure_commands", "ids_of_person"]

_CHUNK: Final = 5_000


@dataclass(frozen=True)
class Departure:
    """A customer who leaves its partition for the record of another: `handover` is the message that says so.

    `had_record` is whether Redis held a customer record of it, which goes.
    """

    previous_id: str
    customer_id: str
    handover: bytes
    had_record: bool = False


class MergedCustomers:
    """Reads the merges of one consumer group; the partitions' owners write them with everything else."""

    def __init__(self, client: redis.Redis, group: str, partitions: int) -> None:
        self._client, self._group, self._partitions = client, group, partitions
        self._redis: Any = client

    def survivors(self, partition: int, ids: Sequence[str]) -> dict[str, str]:
        """Return those of these ids that were merged, each with the id that it was merged into."""
        return self._mapped(keys.merged(partition, self._group), ids)

    def decided(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the same for ids of all partitions, as partition 0 has decided."""
        return self._mapped(keys.IDENTITIES, ids)

    def aliases(self, partition: int, ids: Iterable[str]) -> dict[str, set[str]]:
        """Return, of customers of a partition, the ids that went up in each."""
        wanted = list(dict.fromkeys(ids))
        with self._redis.pipeline(transaction=False) as pipe:
            for customer_id in wanted:
                pipe.smembers(keys.aliases(partition, customer_id))
            found = pipe.execute()
        return {name: {each.decode() for each in members} for name, members in zip(wanted, found, strict=True)}

    def erased_among(self, ids: Iterable[str]) -> set[str]:
        """Return those of these customers, of whatever partition, who were erased: nothing of theirs is merged.

        The partition that decides on merges has the tombstones of all, since those of the customers' own partitions may
        come back later where Redis has lost them.
        """
        names = list(dict.fromkeys(ids))
        by_partition: dict[int, list[str]] = {keys.IDENTITIES_PARTITION: names}
        for customer_id, home in zip(names, partitions_of(names, self._partitions).tolist(), strict=True):
            if home != keys.IDENTITIES_PARTITION:
                by_partition.setdefault(home, []).append(customer_id)
        return {name for place, some in by_partition.items() for name in erased_among(self._client, place, some)}

    def erase_too(self, ids: Sequence[str], now_ms: int) -> None:
        """Ask for the erasure of those ids that are not, which went up in a customer who is erased already."""
        erased = self.erased_among(ids)
        for each in ids:
            if each not in erased:
                OpenErasures(self._client).add(each, now_ms)
                ErasureQueue(self._client).request(partition_of(each, self._partitions), each)

    def _mapped(self, key: str, ids: Sequence[str]) -> dict[str, str]:
        found = self._redis.hmget(key, ids) if ids else []
        return {name: value.decode() for name, value in zip(ids, found, strict=True) if value is not None}


def ids_of_person(client: redis.Redis, customer_id: str) -> list[str]:
    """Return all ids of the person that a customer is, by the merges that were decided; first the one that stays.

    It reads all merges there are, once for each merge of the longest chain: an erasure may wait for that.
    """
    store: Any = client
    person = customer_id
    while (survivor := store.hget(keys.IDENTITIES, person)) is not None:
        person = survivor.decode()
    found, newest = {person: None}, {person.encode()}
    while newest:
        merged = {name for name, into in store.hscan_iter(keys.IDENTITIES, count=_CHUNK) if into in newest}
        newest = {name for name in merged if name.decode() not in found}
        found |= dict.fromkeys(sorted(name.decode() for name in newest))
    return list(found)


def departure_commands(partition: int, group: str, departures: Sequence[Departure]) -> Iterator[Command]:
    """Leave a pointer for each customer who left, and what is handed over, in the transaction that ends the record."""
    for each in departures:
        yield ("HSET", keys.merged(partition, group), each.previous_id, each.customer_id)
        yield ("HSET", keys.handovers(partition, group), each.previous_id, each.handover)
