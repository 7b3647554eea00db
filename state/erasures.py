"""Erased customers: a salted hash of each, so that replays do not bring them back, and the requests to erase."""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any

import redis

from state import keys

__all__ = ["Erased", "ErasureQueue", "read_erased"]


class Erased:
    """The erased customers of a partition, known by a salted hash only; kept in memory by the partition's owner.

    The salt keeps somebody who has a copy of the tombstones from finding ids by trying them on other shops' data.
    """

    def __init__(self, salt: bytes, digests: Iterable[bytes] = ()) -> None:
        self._salt, self._digests = salt, set(digests)

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, customer_id: str) -> bool:
        return bool(self._digests) and self.digest(customer_id) in self._digests

    def digest(self, customer_id: str) -> bytes:
        """Return what stands for a customer (16 bytes)."""
        return hashlib.blake2b(customer_id.encode(), digest_size=16, key=self._salt).digest()

    def add(self, customer_id: str) -> None:
        """Remember a customer as erased."""
        self._digests.add(self.digest(customer_id))


def read_erased(client: redis.Redis, partition: int) -> Erased:
    """Return the erased customers of a partition."""
    store: Any = client
    store.hsetnx(keys.FORMAT, "erasure_salt", secrets.token_hex(16))
    salt = bytes.fromhex(store.hget(keys.FORMAT, "erasure_salt").decode())
    return Erased(salt, store.smembers(keys.erased(partition)))


class ErasureQueue:
    """Customers whom the owner of their partition is asked to erase; an id leaves the queue with its data."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def request(self, partition: int, customer_id: str) -> None:
        """Ask for a customer to be erased."""
        self._redis.sadd(keys.erasing(partition), customer_id)

    def waiting(self, partitions: Iterable[int]) -> dict[int, list[str]]:
        """Return, by partition, who is to be erased, in one round trip."""
        wanted = list(partitions)
        with self._redis.pipeline(transaction=False) as pipe:
            for partition in wanted:
                pipe.smembers(keys.erasing(partition))
            found = pipe.execute()
        return {
            partition: sorted(name.decode() for name in names)
            for partition, names in zip(wanted, found, strict=True)
            if names
        }

    def is_waiting(self, partition: int, customer_id: str) -> bool:
        """Return whether a customer has still to be erased."""
        return bool(self._redis.sismember(keys.erasing(partition), customer_id))
