"""The `web-sessions` topic: finished visits in columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumers.columns import Columns, Decoding, Refusals, column, event_hashes, names_column
from events.codec import BatchDecoder
from events.inputs import WebSession

__all__ = ["SessionColumns", "SessionInput"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SessionColumns(Columns):
    """`times` are the ends of the sessions; `durations` are whole seconds."""

    pages: Ints
    durations: Ints
    cart_adds: Ints


class SessionInput:
    """Decodes web sessions."""

    topic = "web-sessions"

    def __init__(self, max_bytes: int) -> None:
        self._decoder = BatchDecoder(WebSession, max_bytes, instants=("occurred_at", "started_at"))

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice; a duration that is absent is taken from the two times."""
        decoded = self._decoder.decode(values)
        events = decoded.events
        n = len(events)
        ends, starts = decoded.instants["occurred_at"], decoded.instants["started_at"]
        given = np.array([np.nan if value is None else value for value in column(events, "duration_s")], np.float64)
        durations = np.where(np.isnan(given), (ends - starts) / 1000.0, given)
        columns = SessionColumns(
            names_column(events, "customer_id"),
            event_hashes(column(events, "event_id"), self.topic),
            ends,
            np.fromiter(column(events, "pages"), np.int64, n),
            np.rint(np.clip(durations, 0, 604_800)).astype(np.int64),
            np.fromiter((value or 0 for value in column(events, "cart_adds")), np.int64, n),
        )
        refusals = Refusals(n)
        refusals.times(ends, latest_ms)
        refusals.times(starts, latest_ms, "started_at")
        refusals.where(starts > ends, lambda _: "started_at lies after occurred_at, the session's end")
        return refusals.split(columns, decoded.positions, decoded.rejections)
