"""Claims partitions with the erasures of the topic: a Redis that came back older does not bring customers back."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final

import redis

from consumers.history.erasure_log import ErasureLog
from consumers.runtime.protocols import PartitionClaims
from events.base_error import ShoalError
from state.customers.secondary_data_erasure import erase_secondary_data
from state.entries.entry_writer import EntryWriter
from state.erasures.erased_customers import ErasedCustomers, ErasureQueue, add_tombstones, agree_on_salt
from state.partitions.partition_fence import OwnedPartition
from state.store import keys

__all__ = ["ErasureAwareClaims", "SaltChanged"]

log = logging.getLogger(__name__)

_CHUNK: Final = 5_000
_SALT_CHANGED: Final = "Redis was emptied while a partition was claimed: the salt of its tombstones is another one"


class SaltChanged(ShoalError):
    """Redis lost the salt of the tombstones while a partition was being claimed; a new claim gives it back."""

    retriable = True


class ErasureAwareClaims:
    """Claims partitions, each with the tombstones that are on the topic, even if Redis has lost them."""

    def __init__(
        self,
        claims: PartitionClaims,
        erasures: ErasureLog,
        client: redis.Redis,
        partitions: int,
        entries: EntryWriter,
    ) -> None:
        self._claims, self._erasures, self._redis, self._partitions = claims, erasures, client, partitions
        self._entries = entries

    def verify(self, owned: Sequence[OwnedPartition]) -> None:
        """Compare partitions with what their owner knows of them. Raises Fenced or StateMismatch."""
        self._claims.verify(owned)

    def claim(self, partition: int) -> OwnedPartition:
        """Become the partition's one writer, and bring its tombstones up to the topic.

        The partition that decides on merges gets those of all partitions: it must not decide on anybody erased. Raises
        KafkaUnreachable, SaltChanged, and what the claims themselves do.
        """
        self._erasures.read()
        if self._erasures.salt is not None:
            self._erasures.keep_to(agree_on_salt(self._redis, self._erasures.salt, self._partitions))
        published = self._erasures.erased_in(partition)
        owned = self._claims.claim(partition)
        known = owned.erased
        if known is None:
            return owned
        if self._erasures.salt not in (None, known.salt):
            raise SaltChanged(_SALT_CHANGED)
        lost = self._restore(partition, known, published)
        if partition == keys.IDENTITIES_PARTITION:
            self._restore_for_merges(known)
        if not lost:
            return owned
        returned = self._erase_again(partition, known)
        log.warning(
            "partition %d: Redis has lost writes; %d erasures restored from the topic, %d customers erased again",
            partition,
            len(lost),
            len(returned),
        )
        return owned

    def _restore(self, partition: int, known: ErasedCustomers, published: set[bytes]) -> set[bytes]:
        """Add the published tombstones that a partition does not have, and return them. Raises SaltChanged."""
        if lost := published - known.digests:
            if not add_tombstones(self._redis, partition, known.salt, lost):
                raise SaltChanged(_SALT_CHANGED)
            known.add_digests(lost)
        return lost

    def _restore_for_merges(self, known: ErasedCustomers) -> None:
        """Add the tombstones of all partitions, and request that merges of the erased be forgotten."""
        place = keys.IDENTITIES_PARTITION
        if self._restore(place, known, self._erasures.erased_anywhere()):
            for name in {name for name in _merged(self._redis) if name in known}:
                ErasureQueue(self._redis).request(place, name)

    def _erase_again(self, partition: int, erased: ErasedCustomers) -> list[str]:
        """Request the erasure of the customers who came back, and return them."""
        returned = sorted({name for name in _stored(self._redis, partition) if name in erased})
        for name in returned:
            for place in {partition, keys.IDENTITIES_PARTITION}:
                ErasureQueue(self._redis).request(place, name)
            erase_secondary_data(self._redis, name, self._partitions, self._entries)
        return returned


def _stored(client: Any, partition: int) -> Iterator[str]:
    for key in (keys.customers(partition), keys.profiles(partition), keys.purchases(partition)):
        for name, _ in client.hscan_iter(key, count=_CHUNK):
            yield name.decode()
    for of_group in (keys.merged, keys.handovers):
        for group in (keys.SEGMENTS_GROUP, keys.EXPERIMENTS_GROUP):
            for name, _ in client.hscan_iter(of_group(partition, group), count=_CHUNK):
                yield name.decode()
    yield from _merged(client)


def _merged(client: Any) -> Iterator[str]:
    """Yield the ids of all merges."""
    for pair in client.hscan_iter(keys.IDENTITIES, count=_CHUNK):
        yield from (name.decode() for name in pair)
