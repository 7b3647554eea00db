"""What keeps published segments from changing back and forth: a margin of distance, dwell and cool-down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from events.arrays import Floats, Ints
from events.time_units import DAY_MS
from state.customers.records import Rows
from stream.model.segmenter import Segment
from stream.settings import StreamSettings

__all__ = ["Hysteresis", "PerSegment"]


_16: Final = np.uint64(16)


@dataclass(frozen=True)
class PerSegment:
    """A number for every segment, with others for some, by segment id or name.

    >>> PerSegment(0.1, {"s2": 0.3}).of([Segment(1, "s1", "Loyal"), Segment(2, "s2", "New")]).tolist()
    [0.1, 0.3]
    """

    everywhere: float
    by_segment: Mapping[str, float] = field(default_factory=dict)

    def of(self, segments: Sequence[Segment]) -> Floats:
        """Return the number of each segment (k,); an id goes before a name."""
        by = self.by_segment
        values = [by.get(each.segment_id, by.get(each.name, self.everywhere)) for each in segments]
        return np.array(values, np.float64)

    def __bool__(self) -> bool:
        return self.everywhere > 0 or any(value > 0 for value in self.by_segment.values())


@dataclass(frozen=True)
class Hysteresis:
    """When a customer's published segment changes.

    `margin` is the share by which another centroid must be nearer before a customer leaves a segment; `dwell` the days
    that it stays in one at least; `cooldown` the days after leaving one in which it does not come back.
    """

    margin: PerSegment = PerSegment(0.0)
    dwell: PerSegment = PerSegment(0.0)
    cooldown: PerSegment = PerSegment(0.0)

    @classmethod
    def from_settings(cls, settings: StreamSettings) -> "Hysteresis":
        """Return the margin, dwell and cool-down of the settings."""
        return cls(
            PerSegment(settings.hysteresis, settings.hysteresis_by_segment),
            PerSegment(settings.dwell_days, settings.dwell_days_by_segment),
            PerSegment(settings.cooldown_days, settings.cooldown_days_by_segment),
        )

    @classmethod
    def uniform(cls, margin: float) -> "Hysteresis":
        """Return a margin alone, the same for every segment."""
        return cls(PerSegment(margin))

    @property
    def has_time_limits(self) -> bool:
        """Whether any segment has dwell or cool-down."""
        return bool(self.dwell or self.cooldown)

    def margins(self, segments: Sequence[Segment]) -> float | Floats:
        """Return the margin of all segments, or of each (k,) where they differ."""
        return self.margin.of(segments) if self.margin.by_segment else self.margin.everywhere

    def apply_time_limits(
        self, segments: Sequence[Segment], rows: Rows, present: Ints, target: Ints, now_ms: int | Ints
    ) -> Ints:
        """Return the cluster (n,) to publish at `now_ms` under dwell and cool-down; -1 is none.

        `present` (n,) are the clusters of the segments that the rows show, `target` (n,) those that they would move
        to. A customer that is under another baseline, or whose segment exists no longer, does not wait.
        """
        if not self.has_time_limits:
            return target
        wants = (present >= 0) & (target >= 0) & (target != present)
        held = np.zeros(len(rows), np.bool_)
        if self.dwell:
            held |= now_ms - rows["since"] < self.dwell.of(segments)[present] * DAY_MS
        if self.cooldown:
            numbers = np.array([each.number for each in segments])
            away_ms = now_ms - _left_at(rows, numbers[target])
            held |= away_ms < self.cooldown.of(segments)[target] * DAY_MS
        return np.where(wants & held, present, target)


def _left_at(rows: Rows, numbers: Ints) -> Ints:
    """Return when each row (n,) last left the segment of that number (ms), 0 where its recent moves do not say."""
    left = np.zeros(len(rows), np.int64)
    since = rows["since"]
    for place in range(rows["earlier"].shape[1]):
        word = rows["earlier"][:, place]
        here = (word & np.uint64(0xFFFF)).astype(np.int64) == numbers
        left = np.where(here & (left == 0), since, left)
        since = (word >> _16).astype(np.int64)
    return left
