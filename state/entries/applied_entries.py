"""What Redis holds of what people entered, and up to which offset of the topic of entries that is.

The offset is written in the same transaction as the entries: a Redis that came back older, or empty, says so itself.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import redis

from events.schema.outputs import Entry
from state.entries.entry_keys import suppression_key
from state.store import keys
from state.store.pipelined_connection import Command

__all__ = ["AppliedEntries", "entry_commands"]

_NEXT: Final = "next"
_SALT: Final = "salt"
_CHUNK: Final = 5_000


class AppliedEntries:
    """Reads entries from Redis, and carries changes of them out."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def position(self) -> int | None:
        """Return the offset up to which the topic is in Redis, None where Redis knows of none."""
        return _number(self._redis.hget(keys.ENTRIES, _NEXT))

    def salt(self) -> bytes | None:
        """Return the salt of the keys of suppressions, None where Redis has none."""
        found = self._redis.hget(keys.ENTRIES, _SALT)
        return None if found is None else bytes.fromhex(found.decode())

    def apply(self, changes: Iterable[Entry], before: int | None, after: int) -> bool:
        """Carry changes out, and move the position on, in one transaction.

        Returns False, and changes nothing, where the position is not `before`.
        """
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(keys.ENTRIES)
            if _number(pipe.hget(keys.ENTRIES, _NEXT)) != before:
                return False
            pipe.multi()
            for command in entry_commands(changes):
                pipe.execute_command(*command)
            pipe.hset(keys.ENTRIES, _NEXT, after)
            try:
                pipe.execute()
            except redis.WatchError:
                return False
        return True

    def all(self) -> list[Entry]:
        """Return everything that people entered and Redis holds."""
        store = self._redis
        named: list[tuple[Any, bytes, bytes]] = [
            ("trigger", name, value) for name, value in store.hgetall(keys.TRIGGERS).items()
        ]
        named += [("api-key", name, value) for name, value in store.hgetall(keys.API_KEYS).items()]
        ids = sorted(store.smembers(keys.EXPERIMENTS))
        values = store.mget([keys.experiment(name.decode()) for name in ids]) if ids else []
        named += [("experiment", name, value) for name, value in zip(ids, values, strict=True) if value is not None]
        found = [Entry(kind=kind, name=name.decode(), value=value.decode()) for kind, name, value in named]
        found += [
            Entry(kind="suppression", name=scope, customer_id=customer_id) for scope, customer_id in self._suppressed()
        ]
        return found

    def suppressed_under(self, wanted: Collection[str], salt: bytes) -> Iterator[tuple[str, str]]:
        """Yield the scope and customer of suppressions in Redis that have one of these keys; looks at all of them."""
        for scope, customer_id in self._suppressed():
            if suppression_key(scope, customer_id, salt) in wanted:
                yield scope, customer_id

    def _suppressed(self) -> Iterator[tuple[str, str]]:
        for scope in sorted(member.decode() for member in self._redis.smembers(keys.SUPPRESSED_SCOPES)):
            for member in self._redis.sscan_iter(keys.suppressed(scope), count=_CHUNK):
                yield scope, member.decode()


def entry_commands(changes: Iterable[Entry]) -> Iterator[Command]:
    """Yield the commands that put entries into Redis, or take them out; the changes are of different keys."""
    suppressed: dict[tuple[str, bool], list[str]] = {}
    for entry in changes:
        if entry.kind == "suppression":
            suppressed.setdefault((entry.name, entry.removed), []).append(entry.customer_id or "")
        elif entry.removed:
            yield from _removal(entry)
        elif entry.kind == "trigger":
            yield ("HSET", keys.TRIGGERS, entry.name, entry.value or "")
        elif entry.kind == "api-key":
            yield ("HSET", keys.API_KEYS, entry.name, entry.value or "")
        elif entry.kind == "experiment":
            yield ("SADD", keys.EXPERIMENTS, entry.name)
            yield ("SET", keys.experiment(entry.name), entry.value or "")
        else:
            yield ("HSET", keys.ENTRIES, _SALT, entry.value or "")
    for (scope, removed), ids in suppressed.items():
        yield ("SADD", keys.SUPPRESSED_SCOPES, scope)
        for part in _chunks(ids):
            yield ("SREM" if removed else "SADD", keys.suppressed(scope), *part)


def _removal(entry: Entry) -> Iterator[Command]:
    if entry.kind == "trigger":
        yield ("HDEL", keys.TRIGGERS, entry.name)
        queue = keys.deliveries(entry.name), keys.deliveries_due(entry.name), keys.deliveries_seen(entry.name)
        yield ("DEL", *queue)
    elif entry.kind == "api-key":
        yield ("HDEL", keys.API_KEYS, entry.name)
    elif entry.kind == "experiment":
        yield ("SREM", keys.EXPERIMENTS, entry.name)
        yield ("DEL", keys.experiment(entry.name))


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def _number(value: bytes | None) -> int | None:
    return None if value is None else int(value)
