"""Choose dead letters, and publish them again."""

from collections.abc import Collection
from typing import NamedTuple

from consumers.broker.kafka_sink import KafkaSink
from consumers.dead_letters.stored_letters import DeadLetterLog, Letter
from events.base_error import ShoalError

__all__ = ["LetterSelection", "LetterUnknown", "ReplayCounts", "replay"]


class LetterUnknown(ShoalError):
    """There is no dead letter with this id."""


class LetterSelection(NamedTuple):
    """Which letters: those with these ids (none: any), of this topic (None: any); with `again` also replayed ones."""

    ids: Collection[str] = ()
    topic: str | None = None
    again: bool = False


class ReplayCounts(NamedTuple):
    """How many letters were published, had been before, hold no bytes, or are left for the next time."""

    replayed: int
    replayed_before: int
    without_value: int
    left: int


def replay(log: DeadLetterLog, sink: KafkaSink, selection: LetterSelection, most: int | None = None) -> ReplayCounts:
    """Publish letters again, the oldest first, at most `most` of them.

    Only letters that are going to be published are held in memory. Raises LetterUnknown, KafkaUnreachable, SinkFailed.
    """
    wanted: dict[str, Letter] = {}
    found, before, left = set[str](), 0, 0
    for each in log.each(selection.topic):
        if each.id in found or (selection.ids and each.id not in selection.ids):
            continue
        found.add(each.id)
        if each.replayed_ms is not None and not selection.again:
            before += 1
        elif most is not None and len(wanted) == most:
            left += 1
        else:
            wanted[each.id] = each
    missing = set(selection.ids) - found
    if missing:
        raise LetterUnknown(f"there is no dead letter {min(missing)!r}; nothing was published")
    done = log.replay(list(wanted.values()), sink)
    return ReplayCounts(done.published, before, done.without_value, left)
