"""How many customers moved from which segment to which, by day and cause: counted with the changes themselves."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import redis

from events.segment_changes import ChangeBatch
from events.time_units import DAY_S
from state.store import keys
from state.store.pipelined_connection import Command

__all__ = ["SegmentFlow", "SegmentFlowStore", "count_segment_flows", "segment_flow_commands"]


class SegmentFlow(NamedTuple):
    """Moves of one kind; segment ids, `previous` is None for a first segment, `segment_id` for merged customers."""

    previous: str | None
    segment_id: str | None
    cause: str
    moves: int


def count_segment_flows(changes: ChangeBatch) -> dict[tuple[str, str], int]:
    """Return the number of moves by day (of the change, UTC) and kind of move.

    Exact, because it is saved in the transaction that saves the changes.
    """
    counted: Counter[tuple[str, str]] = Counter()
    if len(changes):
        for kind, moves in enumerate(np.bincount(changes.kind_column, minlength=len(changes.prototypes)).tolist()):
            each = changes.prototypes[kind]
            if moves and (each.previous or each.segment_id):  # who was merged may have been in no segment
                kind_of_move = f"{each.previous or ''}:{each.segment_id or ''}:{each.cause}"
                counted[each.changed_at[:10], kind_of_move] += moves
    return dict(counted)


def segment_flow_commands(partition: int, flows: Mapping[tuple[str, str], int], keep_days: int) -> Iterator[Command]:
    """Yield the commands that add moves; a day is kept for `keep_days` after it was last written."""
    for (day, kind), moves in flows.items():
        yield ("HINCRBY", keys.flows(partition, day), kind, moves)
    for day in {day for day, _ in flows}:
        yield ("EXPIRE", keys.flows(partition, day), keep_days * DAY_S)


class SegmentFlowStore:
    """Reads the moves of all partitions."""

    def __init__(self, client: redis.Redis, partitions: int) -> None:
        self._redis: Any = client
        self._partitions = partitions

    def read(self, first: date, last: date) -> list[SegmentFlow]:
        """Return the moves of the days from `first` to `last`, both included, the most frequent first."""
        days = [(first + timedelta(days=i)).isoformat() for i in range((last - first).days + 1)]
        counted: Counter[str] = Counter()
        with self._redis.pipeline(transaction=False) as pipe:
            for day in days:
                for partition in range(self._partitions):
                    pipe.hgetall(keys.flows(partition, day))
            for found in pipe.execute():
                counted.update({kind.decode(): int(moves) for kind, moves in found.items()})
        flows = []
        for kind, moves in counted.most_common():
            previous, segment_id, cause = kind.split(":")
            flows.append(SegmentFlow(previous or None, segment_id or None, cause, moves))
        return flows
