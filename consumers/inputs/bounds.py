"""The bounds that every event has to keep, whatever its topic and whichever way it comes in."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Self

import numpy as np

from consumers.inputs.columns import Columns, Rejections
from consumers.inputs.placeholder_ids import PlaceholderIds
from consumers.settings import ConsumerSettings

__all__ = ["EventBounds"]


@dataclass(frozen=True)
class EventBounds:
    """`earliest_ms` is the first time that an event may have (here 1990); `placeholders` stand for no customer."""

    earliest_ms: int = 631_152_000_000
    placeholders: PlaceholderIds = field(default_factory=PlaceholderIds)

    @classmethod
    def from_settings(cls, settings: ConsumerSettings) -> Self:
        """Return the bounds that the settings ask for."""
        midnight = datetime.combine(settings.earliest, time(), UTC)
        return cls(int(midnight.timestamp()) * 1000, PlaceholderIds(settings.placeholder_ids))

    def check(self, columns: Columns, latest_ms: int) -> Rejections:
        """Return the rejections of events (n,) for their customers and times, to which an input adds its own."""
        rejections = Rejections(len(columns))
        ids = (
            columns.customer_ids
            if isinstance(columns.customer_ids, list)
            else np.asarray(columns.customer_ids, object).tolist()
        )
        rejections.at(self.placeholders.places(ids), lambda i: PlaceholderIds.reason(ids[i]))
        rejections.times(columns.times, self.earliest_ms, latest_ms)
        return rejections
