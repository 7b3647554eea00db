"""What `now` is: the wall clock when live, the stream's own time when history is replayed."""

import time
from collections.abc import Callable
from typing import Literal

from events.time_units import DAY_MS

__all__ = ["SegmentClock"]


class SegmentClock:
    """A partition's present, from the wall clock and the partition's watermark (largest event time seen).

    `wall` and `event` are what they say; `auto` takes event time while even the newest event of all partitions that
    the clock was asked for lies more than `replay_days` behind the wall clock, as it does when an old log is replayed.

    >>> SegmentClock("auto", replay_days=30, wall_ms=lambda: 10**12).now_ms(5 * 10**11)
    500000000000
    """

    def __init__(
        self,
        mode: Literal["auto", "wall", "event"] = "auto",
        replay_days: float = 30.0,
        *,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._mode = mode
        self._replay_ms = replay_days * DAY_MS
        self._wall_ms = wall_ms
        self._newest_ms = 0

    def now_ms(self, watermark_ms: int, wall_ms: int | None = None) -> int:
        """Return now for a partition, in ms since 1970 UTC; `wall_ms` is the wall clock where it was read already."""
        wall_ms = self._wall_ms() if wall_ms is None else wall_ms
        if self._mode == "wall" or not watermark_ms:
            return wall_ms
        self._newest_ms = max(self._newest_ms, watermark_ms)
        if self._mode == "event" or wall_ms - self._newest_ms > self._replay_ms:
            return watermark_ms
        return wall_ms
