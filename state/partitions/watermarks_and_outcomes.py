"""How far each partition's events have come in event time, and what became of them, by outcome."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import redis

from events.time_units import DAY_MS
from state.store import keys

__all__ = [
    "FAR_AHEAD_MS",
    "PartitionProgress",
    "agreed_watermark",
    "read_agreed_watermark",
    "read_outcome_counts",
    "read_progress",
]

FAR_AHEAD_MS: Final = 30 * DAY_MS
"""A watermark that far ahead of all others needs another partition to agree with it."""
_FEW_EVENTS: Final = 1_000
"""Up to here every event counts: so few may well lie months apart."""
_FEW_PARTITIONS: Final = 4


class PartitionProgress(NamedTuple):
    """The largest event time (ms since 1970 UTC, 0 where there was none) of a partition, and how many events it had."""

    watermark_ms: int
    events: int


def agreed_watermark(partitions: Sequence[PartitionProgress]) -> int:
    """Return the event time that the partitions have come to together, 0 where there was no event.

    That is the largest of their watermarks. But one that lies far ahead of all the others, as after a single event
    with a wrong date in an old log, moves nobody's present: a second partition has to come near it first. Among few
    events, or fewer than four partitions that have any, nobody can tell, and the largest counts.

    >>> old, stray = 10**12, 2 * 10**12
    >>> agreed_watermark([PartitionProgress(old, 5_000)] * 7 + [PartitionProgress(stray, 5_000)]) == old
    True
    """
    times = sorted((each.watermark_ms for each in partitions if each.watermark_ms), reverse=True)
    if len(times) < _FEW_PARTITIONS or sum(each.events for each in partitions) <= _FEW_EVENTS:
        return times[0] if times else 0
    return times[0] if times[0] - times[1] <= FAR_AHEAD_MS else times[1]


def read_agreed_watermark(client: redis.Redis, partitions: int, group: str) -> int:
    """Return the event time (ms since 1970 UTC) that all partitions have come to together, 0 where there was none."""
    return agreed_watermark(read_progress(client, partitions, group))


def read_progress(client: redis.Redis, partitions: int, group: str) -> list[PartitionProgress]:
    """Return how far each partition has come."""
    found = _read(client, partitions, group)
    return [
        PartitionProgress(
            int(counts.get(b"watermark", 0)), sum(int(value) for name, value in counts.items() if b":" in name)
        )
        for counts in found
    ]


def read_outcome_counts(client: redis.Redis, partitions: int, group: str) -> dict[str, int]:
    """Return the number of events by `<topic>:<outcome>`, over all partitions."""
    total: dict[str, int] = {}
    for outcome_counts in _read(client, partitions, group):
        for name, value in outcome_counts.items():
            if b":" in name:
                total[name.decode()] = total.get(name.decode(), 0) + int(value)
    return total


def _read(client: redis.Redis, partitions: int, group: str) -> list[dict[bytes, bytes]]:
    store: Any = client
    with store.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            pipe.hgetall(keys.outcome_counts(partition, group))
        found: list[dict[bytes, bytes]] = pipe.execute()
        return found
