"""The event time that partitions have come to together: no lone event decides it."""

import pytest

from events.time_units import DAY_MS
from state.partitions.watermarks_and_outcomes import PartitionProgress, agreed_watermark

OLD, STRAY = 900_000_000_000, 1_700_000_000_000


def partitions(*watermarks, events=1_000):
    return [PartitionProgress(watermark, events) for watermark in watermarks]


@pytest.mark.parametrize(
    ("given", "agreed"),
    [
        (partitions(), 0),
        (partitions(0, 0), 0),
        (partitions(OLD, OLD + DAY_MS, OLD, OLD), OLD + DAY_MS),
        (partitions(OLD, OLD + DAY_MS, OLD, STRAY), OLD + DAY_MS),
        (partitions(OLD, OLD, STRAY - DAY_MS, STRAY), STRAY),
        (partitions(OLD, OLD, STRAY), STRAY),
        (partitions(OLD, 0, OLD, OLD, STRAY), OLD),
        (partitions(OLD, OLD, OLD, STRAY, events=100), STRAY),
    ],
)
def test_a_watermark_far_ahead_of_all_others_needs_another_that_agrees(given, agreed):
    assert agreed_watermark(given) == agreed
