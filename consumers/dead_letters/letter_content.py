"""A dead letter as it was read: what it holds, and whom it is about."""

import base64
from collections.abc import Mapping
from typing import NamedTuple

from consumers.broker.message_headers import Headers
from consumers.dead_letters.customer_id_search import holds_id
from events.schema.outputs import DeadLetter

__all__ = ["Letter", "LetterPage", "PublishCounts", "is_about", "with_id"]


class Letter(NamedTuple):
    """A dead letter, and when it was replayed (ms since 1970, None if it was not); `id` says where it was in Kafka."""

    id: str
    letter: DeadLetter
    replayed_ms: int | None

    @property
    def key(self) -> bytes | None:
        """The key of the original message."""
        return None if self.letter.key is None else base64.b64decode(self.letter.key)

    @property
    def value(self) -> bytes | None:
        """The original bytes; None where there were none, or too many to be kept."""
        return None if self.letter.value is None else base64.b64decode(self.letter.value)

    @property
    def headers(self) -> Headers:
        """The headers of the original message."""
        return [
            (each.name, None if each.value is None else base64.b64decode(each.value)) for each in self.letter.headers
        ]


class PublishCounts(NamedTuple):
    """How many letters were published again, and how many could not be, because they do not hold the bytes."""

    published: int
    without_value: int


class LetterPage(NamedTuple):
    """Some letters, the newest first, and the offset before which the next page begins; None on the last."""

    letters: list[Letter]
    before: int | None


def with_id(letter: DeadLetter, replayed: Mapping[str, int]) -> Letter:
    """Return a letter with its id, and when it was replayed by what was noted of that (ms by id)."""
    name = f"{letter.topic}/{letter.partition}/{letter.offset}"
    return Letter(name, letter, replayed.get(name))


def is_about(each: Letter, customer_id: str) -> bool:
    """Return whether a letter names a customer: in its key, a header or its bytes, however it is spelled there."""
    contents = [each.key, each.value, *(value for _, value in each.headers)]
    return any(holds_id(content, customer_id) for content in contents if content)
