"""The events of a data set that a worker would take; the others are counted."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from consumers.inputs.bounds import EventBounds
from consumers.settings import ConsumerSettings
from events.schema.inputs import Event

__all__ = ["SizedEvents", "WithinBounds"]


class SizedEvents(Protocol):
    """Events, and how many there are."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Event]: ...


class WithinBounds:
    """Yields the events that keep the bounds of the settings; `refused` counts the others by reason, without values.

    Its length is that of all events.
    """

    def __init__(self, events: SizedEvents, bounds: EventBounds | None = None) -> None:
        self._events = events
        self._bounds = EventBounds.from_settings(ConsumerSettings()) if bounds is None else bounds
        self.refused: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        wall_ms = time.time_ns() // 1_000_000
        for event in self._events:
            if refused := self._bounds.refusal(event, wall_ms):
                self.refused[refused.partition(", found ")[0]] += 1
            else:
                yield event
