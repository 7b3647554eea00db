"""The `web-sessions` topic: finished visits in columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumers.inputs.bounds import EventBounds
from consumers.inputs.columns import Columns, Decoding
from events.arrays import Ints
from events.codec.column_decoder import ABSENT, ColumnDecoder
from events.codec.id_hashes import topic_seed
from events.schema.inputs import WebSession

__all__ = ["SessionColumns", "SessionInput"]


@dataclass(frozen=True)
class SessionColumns(Columns):
    """`times` are the ends of the sessions; `durations` are whole seconds, `session_hashes` those of their ids."""

    session_hashes: npt.NDArray[np.uint64]
    pages: Ints
    durations: Ints
    cart_adds: Ints


class SessionInput:
    """Decodes web sessions."""

    topic = "web-sessions"

    def __init__(self, max_bytes: int, bounds: EventBounds = EventBounds()) -> None:  # noqa: B008
        self._bounds = bounds
        names = ("customer_id", "occurred_at", "started_at", "pages", "duration_s", "cart_adds")
        hashed = {"event_id": topic_seed(self.topic), "session_id": 0}
        self._decoder = ColumnDecoder(WebSession, names, max_bytes, hashed=hashed)

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice; a duration that is absent is taken from the two times."""
        read = self._decoder.decode(values)
        ends, starts, given = read["occurred_at"], read["started_at"], read["duration_s"]
        durations = np.where(np.isnan(given), (ends - starts) / 1000.0, given)
        columns = SessionColumns(
            read["customer_id"],
            read["event_id"],
            ends,
            read["session_id"],
            read["pages"],
            np.rint(np.clip(durations, 0, 604_800)).astype(np.int64),
            np.where(read["cart_adds"] == ABSENT, 0, read["cart_adds"]),
        )
        rejections = self._bounds.check(columns, latest_ms)
        self._bounds.check_names(rejections, columns.session_hashes, "session_id")
        rejections.times(starts, self._bounds.earliest_ms, latest_ms, "started_at")
        rejections.where(starts > ends, lambda _: "started_at lies after occurred_at, the session's end")
        return rejections.split(columns, read.positions, read.rejections)
