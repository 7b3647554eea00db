"""What `now` is: the wall clock when live, the stream's own time when history is replayed."""

import time
from collections.abc import Callable
from typing import Final, Literal

from events.time_units import DAY_MS
from state.partitions.watermarks_and_outcomes import FAR_AHEAD_MS

__all__ = ["AgreedClock", "SegmentClock"]

Mode = Literal["auto", "wall", "event"]

_ASK_S: Final = 0.5


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class SegmentClock:
    """The present, from the wall clock and the watermark of all partitions (the event time that they have come to).

    `wall` and `event` are what they say; `auto` takes event time while the watermark lies more than `replay_days`
    behind the wall clock, as it does when an old log is replayed.

    >>> SegmentClock("auto", replay_days=30, wall_ms=lambda: 10**12).now_ms(5 * 10**11)
    500000000000
    """

    def __init__(
        self, mode: Mode = "auto", replay_days: float = 30.0, *, wall_ms: Callable[[], int] = _wall_ms
    ) -> None:
        self._mode, self._replay_ms, self._wall_ms = mode, replay_days * DAY_MS, wall_ms

    def now_ms(self, watermark_ms: int, wall_ms: int | None = None) -> int:
        """Return now, in ms since 1970 UTC; `wall_ms` is the wall clock where it was read already."""
        wall_ms = self._wall_ms() if wall_ms is None else wall_ms
        if self._mode == "wall" or not watermark_ms:
            return wall_ms
        if self._mode == "event" or wall_ms - watermark_ms > self._replay_ms:
            return watermark_ms
        return wall_ms


class AgreedClock(SegmentClock):
    """The clock of a worker: one present for all partitions, whichever worker owns them.

    `agreed_ms` reads the watermark of all partitions; it is asked twice a second at most. A partition may be ahead of
    it by what has come since, but not far ahead: that may be one event with a wrong date.
    """

    def __init__(
        self,
        mode: Mode,
        replay_days: float,
        agreed_ms: Callable[[], int],
        *,
        wall_ms: Callable[[], int] = _wall_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(mode, replay_days, wall_ms=wall_ms)
        self._agreed_ms, self._monotonic = agreed_ms, monotonic
        self._asked, self._known = -_ASK_S, 0

    def now_ms(self, watermark_ms: int, wall_ms: int | None = None) -> int:
        """Return now for a partition, by its watermark and that of all. Raises redis.RedisError."""
        now = self._monotonic()
        if now - self._asked >= _ASK_S:
            self._known, self._asked = self._agreed_ms(), now
        if self._known and watermark_ms > self._known + FAR_AHEAD_MS:
            watermark_ms = self._known
        return super().now_ms(max(watermark_ms, self._known), wall_ms)
