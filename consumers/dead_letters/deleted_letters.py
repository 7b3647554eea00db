"""Which dead letters were deleted: the topic is read from both ends, and what deletes a letter comes after it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import redis

from events.time_units import DAY_S
from state.store import keys

__all__ = ["DeletedLetters", "Deletion"]

_NEXT: Final = "next"
_KEPT_S: Final = 91 * DAY_S
"""Longer than the topic keeps a letter."""


class Deletion(NamedTuple):
    """The offset of what deletes a letter, and how many copies of the letter there were."""

    offset: int
    copies: int


class DeletedLetters:
    """Keeps in Redis what the topic says, up to an offset; a Redis that has lost it is told again by the topic."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def known(self) -> tuple[dict[str, Deletion], int]:
        """Return the deletions by the ids of letters, and the offset up to which the topic was looked through."""
        found = {name.decode(): value.decode() for name, value in self._redis.hgetall(keys.DELETED_LETTERS).items()}
        upto = int(found.pop(_NEXT, 0))
        return {name: Deletion(*map(int, value.split())) for name, value in found.items()}, upto

    def add(
        self, known: Mapping[str, Deletion], made: Mapping[str, int], upto: int, copies: Mapping[str, int]
    ) -> dict[str, Deletion]:
        """Note deletions that were `made` (offsets by id) before the offset `upto`, and return all.

        `copies` are how many copies there were, one where it is not known.
        """
        more = {name: Deletion(offset, copies.get(name, 1)) for name, offset in made.items()}
        fields = {name: f"{each.offset} {each.copies}" for name, each in more.items()}
        self._redis.hset(keys.DELETED_LETTERS, mapping={**fields, _NEXT: upto})
        self._redis.expire(keys.DELETED_LETTERS, _KEPT_S)
        return {**known, **more}
