"""What `now` is in each mode."""

import time

import pytest

from events.time_units import DAY_MS
from stream.customers.wall_or_event_time import AgreedClock, SegmentClock
from tests.building import NOW_MS


def clock(mode, replay_days=30.0):
    return SegmentClock(mode, replay_days, wall_ms=lambda: NOW_MS)


@pytest.mark.parametrize("watermark", [0, 1, NOW_MS - DAY_MS, NOW_MS, NOW_MS + DAY_MS])
def test_wall_is_the_wall_clock_whatever_the_events_say(watermark):
    assert clock("wall").now_ms(watermark) == NOW_MS


@pytest.mark.parametrize("watermark", [1, NOW_MS - DAY_MS, NOW_MS, NOW_MS + DAY_MS])
def test_event_is_the_newest_event(watermark):
    assert clock("event").now_ms(watermark) == watermark


@pytest.mark.parametrize(
    ("watermark", "now"),
    [
        (NOW_MS - 31 * DAY_MS, NOW_MS - 31 * DAY_MS),
        (NOW_MS - 30 * DAY_MS - 1, NOW_MS - 30 * DAY_MS - 1),
        (NOW_MS - 30 * DAY_MS, NOW_MS),
        (NOW_MS - 1, NOW_MS),
        (NOW_MS + DAY_MS, NOW_MS),
    ],
)
def test_auto_is_event_time_only_while_the_newest_event_is_old(watermark, now):
    assert clock("auto").now_ms(watermark) == now


@pytest.mark.parametrize("mode", ["auto", "event", "wall"])
def test_before_the_first_event_it_is_the_wall_clock(mode):
    assert clock(mode).now_ms(0) == NOW_MS


def test_the_days_that_make_a_replay_are_a_setting():
    assert clock("auto", replay_days=365).now_ms(NOW_MS - 31 * DAY_MS) == NOW_MS


def test_the_wall_clock_is_in_milliseconds_since_1970():
    assert abs(SegmentClock("wall").now_ms(0) - time.time() * 1_000) < 60_000


class TestAgreedClock:
    def agreed(self, watermarks, mode="event"):
        self.seconds = 0.0
        return AgreedClock(mode, 30.0, lambda: watermarks[0], wall_ms=lambda: NOW_MS, monotonic=lambda: self.seconds)

    def test_a_partition_that_is_behind_has_the_present_of_all(self):
        assert self.agreed([NOW_MS]).now_ms(NOW_MS - 400 * DAY_MS) == NOW_MS

    def test_a_partition_that_is_a_little_ahead_goes_on(self):
        assert self.agreed([NOW_MS - 5 * DAY_MS]).now_ms(NOW_MS) == NOW_MS

    @pytest.mark.parametrize("mode", ["event", "auto"])
    def test_a_partition_far_ahead_has_the_present_of_all(self, mode):
        old = NOW_MS - 400 * DAY_MS
        assert self.agreed([old], mode).now_ms(NOW_MS) == old

    def test_a_present_that_went_ahead_comes_back(self):
        watermarks = [NOW_MS]
        clock = self.agreed(watermarks, "auto")
        assert clock.now_ms(NOW_MS) == NOW_MS
        watermarks[0] = NOW_MS - 400 * DAY_MS
        self.seconds = 1.0
        assert clock.now_ms(NOW_MS - 400 * DAY_MS) == NOW_MS - 400 * DAY_MS

    def test_before_all_have_a_watermark_a_partition_goes_by_its_own(self):
        assert self.agreed([0]).now_ms(NOW_MS - DAY_MS) == NOW_MS - DAY_MS
