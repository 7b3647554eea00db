"""Events that are drawn out of order, returned in order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from events.arrays import Ints
from events.schema.inputs import INPUTS
from events.topics.specs import IDENTITIES

__all__ = ["TOPICS", "TRUTH", "Batch", "EventMerger"]

TOPICS: Final = tuple(topic for topic in INPUTS if topic != IDENTITIES)
"""Each customer has one id in the simulated shop."""
TRUTH: Final = len(TOPICS)
"""The place that lines of the truth have instead of a topic's."""


@dataclass(frozen=True)
class Batch:
    """n events and lines of the truth in order of time.

    `topics` (n,) are places in TOPICS or TRUTH, `times` (n,) ms since 1970 UTC, `keys` customer ids, `values` JSON.
    """

    times: Ints
    topics: npt.NDArray[np.int8]
    keys: npt.NDArray[np.object_]
    values: npt.NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, rows: Any) -> "Batch":
        return Batch(self.times[rows], self.topics[rows], self.keys[rows], self.values[rows])

    @property
    def events(self) -> int:
        """How many are events."""
        return int(np.count_nonzero(self.topics != TRUTH))

    def head(self, events: int) -> "Batch":
        """Return the batch up to its event number `events`."""
        places = np.flatnonzero(self.topics != TRUTH)
        return self if len(places) <= events else self[: places[events]]

    def of(self, topic: int) -> "Batch":
        """Return what belongs to one topic, or to the truth."""
        return self[self.topics == topic]


class EventMerger:
    """Keeps what is not due yet. Of two at the same time, the one that was added first comes first."""

    def __init__(self) -> None:
        self._parts: list[Batch] = []

    def add(self, topic: int, times: Ints, keys: Sequence[str], values: Sequence[bytes]) -> None:
        """Take in the events of one topic."""
        if len(times):
            self._parts.append(Batch(times, np.full(len(times), topic, np.int8), _objects(keys), _objects(values)))

    def release(self, before_ms: int | None) -> Batch:
        """Give out, by time, all that lies before a time; all where it is None."""
        joined = _joined(self._parts)
        joined = joined[np.argsort(joined.times, kind="stable")]
        due = len(joined) if before_ms is None else int(np.searchsorted(joined.times, before_ms))
        self._parts = [joined[due:][np.arange(len(joined) - due)]]  # copied, so that what is returned can be freed
        return joined[:due]

    def __len__(self) -> int:
        return sum(map(len, self._parts))


def _objects(values: Sequence[object]) -> npt.NDArray[np.object_]:
    made = np.empty(len(values), np.object_)
    made[:] = values
    return made


def _joined(parts: Sequence[Batch]) -> Batch:
    if not parts:
        return Batch(np.empty(0, np.int64), np.empty(0, np.int8), _objects([]), _objects([]))
    return Batch(
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.topics for part in parts]),
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.values for part in parts]),
    )
