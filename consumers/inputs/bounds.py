"""The bounds that every event has to keep, whatever its topic and whichever way it comes in."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from consumers.inputs.columns import Columns, Rejections, time_refusal
from consumers.inputs.placeholder_hashes import PlaceholderHashes
from consumers.inputs.placeholder_ids import PlaceholderIds
from consumers.settings import ConsumerSettings
from events.schema.inputs import Event
from events.time_units import DAY_MS, HOUR_MS

__all__ = ["EventBounds"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True)
class EventBounds:
    """`earliest_ms` is the first time that an event may have, here 1990; `placeholders` stand for no customer.

    `unnamed` stand for no order and no session. `future_ms` is how far ahead of the clock an event may lie.
    """

    earliest_ms: int = 631_152_000_000
    placeholders: PlaceholderIds = field(default_factory=PlaceholderIds)
    future_ms: int = DAY_MS
    unnamed: PlaceholderHashes = field(default_factory=PlaceholderHashes)

    @classmethod
    def from_settings(cls, settings: ConsumerSettings) -> Self:
        """Return the bounds that the settings ask for."""
        midnight = datetime.combine(settings.earliest, time(), UTC)
        future_ms = int(settings.future_hours * HOUR_MS)
        ids = settings.placeholder_ids
        return cls(int(midnight.timestamp()) * 1000, PlaceholderIds(ids), future_ms, PlaceholderHashes(ids))

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

    def check_names(self, rejections: Rejections, hashes: npt.NDArray[np.uint64], name: str) -> None:
        """Reject the events whose order or session, by the hashes (n,) of the field `name`, has no id of its own."""
        rejections.at(self.unnamed.places(hashes), lambda i: self.unnamed.reason(int(hashes[i]), name))

    def refusal(self, event: Event, wall_ms: int) -> str | None:
        """Say why an event is refused by a worker whose clock shows `wall_ms`, in its words; None where it is not."""
        if event.customer_id in self.placeholders:
            return PlaceholderIds.reason(event.customer_id)
        previous_id = getattr(event, "previous_id", None)
        if previous_id is not None and previous_id in self.placeholders:
            return PlaceholderIds.reason(previous_id, "previous_id")
        for name in ("order_id", "session_id"):
            value = getattr(event, name, None)
            if value is not None and (refused := self.unnamed.refusal(value, name)):
                return refused
        latest_ms = wall_ms + self.future_ms
        for name in ("occurred_at", "started_at", "signed_up_at"):
            instant = getattr(event, name, None)
            if instant is not None:
                at_ms = (instant - _EPOCH) // _MILLISECOND
                if refused := time_refusal(name, at_ms, self.earliest_ms, latest_ms):
                    return refused
        return None
