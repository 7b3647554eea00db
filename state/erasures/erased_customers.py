"""Erased customers: a salted hash of each, so that replays do not bring them back, and the requests to erase."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import redis

from state.store import keys

__all__ = [
    "ErasedCustomers",
    "ErasureQueue",
    "OpenErasures",
    "add_tombstones",
    "agree_on_salt",
    "erased_among",
    "erased_in_partitions",
    "read_erased_customers",
    "was_erased",
]

_SALT = "erasure_salt"
_CHUNK: Final = 1_000
# KEYS format, tombstones; ARGV the field of the salt, the salt, digests.
_ADD: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
for i = 3, #ARGV do redis.call('SADD', KEYS[2], ARGV[i]) end
return 1
"""


class ErasedCustomers:
    """The erased customers of a partition, known by a salted hash only; kept in memory by the partition's owner.

    The salt keeps somebody who has a copy of the tombstones from finding ids by trying them on other shops' data.
    """

    def __init__(self, salt: bytes, digests: Iterable[bytes] = ()) -> None:
        self.salt, self.digests = salt, set(digests)

    def __len__(self) -> int:
        return len(self.digests)

    def __contains__(self, customer_id: str) -> bool:
        return bool(self.digests) and self.digest(customer_id) in self.digests

    def digest(self, customer_id: str) -> bytes:
        """Return the salted hash of a customer id (16 bytes)."""
        return hashlib.blake2b(customer_id.encode(), digest_size=16, key=self.salt).digest()

    def add(self, customer_id: str) -> None:
        """Add a customer."""
        self.digests.add(self.digest(customer_id))

    def add_digests(self, digests: Iterable[bytes]) -> None:
        """Add customers by their digests."""
        self.digests.update(digests)


def read_erased_customers(client: redis.Redis, partition: int) -> ErasedCustomers:
    """Return the erased customers of a partition."""
    store: Any = client
    return ErasedCustomers(_salt(store), store.smembers(keys.erased(partition)))


def erased_among(client: redis.Redis, partition: int, customer_ids: Sequence[str]) -> set[str]:
    """Return which of these customers of a partition were erased, in one round trip."""
    return erased_in_partitions(client, {partition: customer_ids})


def erased_in_partitions(client: redis.Redis, customer_ids: Mapping[int, Sequence[str]]) -> set[str]:
    """Return which customers, given by partition, were erased, in one round trip beside that for the salt."""
    store: Any = client
    wanted = {partition: list(names) for partition, names in customer_ids.items() if names}
    if not wanted:
        return set()
    customers = ErasedCustomers(_salt(store))
    with store.pipeline(transaction=False) as pipe:
        for partition, names in wanted.items():
            pipe.smismember(keys.erased(partition), [customers.digest(each) for each in names])
        found = pipe.execute()
    return {
        name
        for names, flags in zip(wanted.values(), found, strict=True)
        for name, erased in zip(names, flags, strict=True)
        if erased
    }


def was_erased(client: redis.Redis, partition: int, customer_id: str) -> bool:
    """Return whether a customer of a partition was erased, without reading all tombstones."""
    return bool(erased_among(client, partition, [customer_id]))


def _salt(store: Any) -> bytes:
    store.hsetnx(keys.FORMAT, _SALT, secrets.token_hex(16))
    return bytes.fromhex(store.hget(keys.FORMAT, _SALT).decode())


def agree_on_salt(client: redis.Redis, published: bytes, partitions: int) -> bytes:
    """Return the one salt: Redis's where it has tombstones, else the published one, which Redis then has too.

    A Redis that was emptied has lost its salt, or has made up another before it was told. One that has tombstones keeps
    theirs: with another they would stand for nobody.
    """
    store: Any = client
    tombstones = [keys.erased(partition) for partition in range(partitions)]
    with store.pipeline(transaction=True) as pipe:
        while True:
            pipe.watch(keys.FORMAT, *tombstones)
            known = pipe.hget(keys.FORMAT, _SALT)
            if known is not None and pipe.exists(*tombstones):
                return bytes.fromhex(known.decode())
            pipe.multi()
            pipe.hset(keys.FORMAT, _SALT, published.hex())
            try:
                pipe.execute()
            except redis.WatchError:
                continue
            return published


def add_tombstones(client: redis.Redis, partition: int, salt: bytes, digests: Iterable[bytes]) -> bool:
    """Add tombstones with a salt; False, and none is added, where Redis has another salt: it was emptied meanwhile.

    Under another salt they would stand for nobody, and the salt that they have would be taken for a wrong one.
    """
    wanted, add = list(digests), client.register_script(_ADD)
    names = [keys.FORMAT, keys.erased(partition)]
    chunks = [wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK)] or [[]]
    return all(add(keys=names, args=[_SALT, salt.hex(), *chunk]) for chunk in chunks)


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


class OpenErasures:
    """Erasures that were asked for and are not finished, with the time of asking; the id leaves with the last of it."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def add(self, customer_id: str, at_ms: int) -> None:
        """Record that an erasure was asked for; the first time of asking counts."""
        self._redis.hsetnx(keys.ERASURES, customer_id, at_ms)

    def all(self) -> dict[str, int]:
        """Return who is being erased, and since when (ms), the oldest first."""
        found = {name.decode(): int(at_ms) for name, at_ms in self._redis.hgetall(keys.ERASURES).items()}
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def since_ms(self, customer_id: str) -> int | None:
        """Return when a customer's erasure was asked for, or None where none is open."""
        value = self._redis.hget(keys.ERASURES, customer_id)
        return None if value is None else int(value)

    def close(self, customer_id: str) -> None:
        """Remove a finished erasure."""
        self._redis.hdel(keys.ERASURES, customer_id)
