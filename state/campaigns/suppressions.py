"""Suppressed customers: for everything, for one campaign, or for what one segment triggers."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import redis

from events.schema.outputs import Entry
from state.entries.entry_writer import EntryWriter, RedisEntryWriter
from state.store import keys

__all__ = ["ALL", "SuppressionStore", "campaign_scope", "segment_scope"]

ALL: Final = "all"
"""The scope of customers who are suppressed everywhere: experiments, campaigns, webhooks."""

_CHUNK: Final = 5_000


def campaign_scope(name: str) -> str:
    """Return the scope of customers suppressed for one campaign."""
    return f"campaign:{name}"


def segment_scope(segment_id: str) -> str:
    """Return the scope of customers suppressed for what one segment triggers."""
    return f"segment:{segment_id}"


class SuppressionStore:
    """Keeps one set of customers for each scope, and the list of scopes; changes go through `writer`."""

    def __init__(self, client: redis.Redis, writer: EntryWriter | None = None) -> None:
        self._redis: Any = client
        self._writer = writer or RedisEntryWriter(client)

    def add(self, scope: str, customer_ids: Iterable[str]) -> int:
        """Suppress customers; return how many were not suppressed before."""
        return self._change(scope, customer_ids, removed=False)

    def remove(self, scope: str, customer_ids: Iterable[str]) -> int:
        """End the suppression of customers; return how many were suppressed."""
        return self._change(scope, customer_ids, removed=True)

    def _change(self, scope: str, customer_ids: Iterable[str], *, removed: bool) -> int:
        ids, count = list(dict.fromkeys(customer_ids)), 0

        def change() -> Sequence[Entry]:
            nonlocal count
            affected = [name for name, there in zip(ids, self._there(scope, ids), strict=True) if there == removed]
            count = len(affected)
            return [Entry(kind="suppression", name=scope, customer_id=name, removed=removed) for name in affected]

        if ids:
            self._writer.write(change)
        return count

    def remove_people(self, scope: str, people: Sequence[Sequence[str]]) -> int:
        """End the suppression of persons (their ids), under whichever id it was made; return how many were suppressed.

        An id that was suppressed before it went up in another customer leaves the whole person out.
        """
        flags = self.are_any_suppressed(people, [scope])
        self.remove(scope, {each for person in people for each in person})
        return sum(flags)

    def scopes(self) -> dict[str, int]:
        """Return every scope that has customers, sorted, with their number."""
        names = self._names()
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.scard(keys.suppressed(name))
            sizes = pipe.execute()
        return {name: int(size) for name, size in zip(names, sizes, strict=True) if size}

    def members(self, scope: str) -> Iterator[str]:
        """Yield the customers of a scope in no order, without blocking Redis; each once if none is added or removed."""
        for member in self._redis.sscan_iter(keys.suppressed(scope), count=_CHUNK):
            yield member.decode()

    def page(self, scope: str, limit: int, after: str | None = None) -> tuple[list[str], str | None]:
        """Return up to `limit` customers of a scope, and the cursor of the next page, to be given as `after`.

        A cursor is Redis's own and how many of what that gives were returned; Redis may give more than it is asked for.
        """
        cursor, skip = (0, 0) if after is None else map(int, after.split("."))
        following, found = self._redis.sscan(keys.suppressed(scope), cursor % (1 << 64), count=limit)
        rest = [member.decode() for member in found][skip:]
        if len(rest) > limit:
            return rest[:limit], f"{cursor}.{skip + limit}"
        return rest, f"{following}.0" if following else None

    def are_suppressed(self, customer_ids: Sequence[str], scopes: Sequence[str] = (ALL,)) -> list[bool]:
        """Return for each customer whether it is suppressed in any of the scopes, in one round trip."""
        if not customer_ids or not scopes:
            return [False] * len(customer_ids)
        with self._redis.pipeline(transaction=False) as pipe:
            for scope in scopes:
                pipe.smismember(keys.suppressed(scope), list(customer_ids))
            found = pipe.execute()
        return [any(flags) for flags in zip(*found, strict=True)]

    def are_any_suppressed(self, people: Sequence[Sequence[str]], scopes: Sequence[str] = (ALL,)) -> list[bool]:
        """Return for each person (its ids) whether any id is suppressed in any of the scopes, in one round trip."""
        ids = list({each for person in people for each in person})
        flags = dict(zip(ids, self.are_suppressed(ids, scopes), strict=True))
        return [any(flags[each] for each in person) for person in people]

    def scopes_of(self, *ids: str) -> list[str]:
        """Return the scopes in which a customer is suppressed, under any of these ids, sorted."""
        names = self._names()
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.smismember(keys.suppressed(name), ids)
            found = pipe.execute()
        return [name for name, there in zip(names, found, strict=True) if any(there)]

    def remove_everywhere(self, customer_id: str) -> int:
        """Remove a customer from every scope, as an erasure does, and all trace of it; return from how many."""
        scopes = self.scopes_of(customer_id)

        def change() -> Sequence[Entry]:
            # of all scopes: of one that it was in once, it is still told that it no longer is
            names = self._names()
            return [Entry(kind="suppression", name=name, customer_id=customer_id, removed=True) for name in names]

        self._writer.write(change, forget=True)
        return len(scopes)

    def _names(self) -> list[str]:
        return sorted(member.decode() for member in self._redis.smembers(keys.SUPPRESSED_SCOPES))

    def _there(self, scope: str, ids: Sequence[str]) -> list[bool]:
        with self._redis.pipeline(transaction=False) as pipe:
            for start in range(0, len(ids), _CHUNK):
                pipe.smismember(keys.suppressed(scope), ids[start : start + _CHUNK])
            return [bool(there) for found in pipe.execute() for there in found]
