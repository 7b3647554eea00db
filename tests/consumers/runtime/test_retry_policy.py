"""Trouble: what may pass is waited out, a little longer each time, and not for ever."""

import pytest
import redis

from consumers.runtime.retry_policy import Trouble, is_passing
from events.errors import ShoalError


class Passing(ShoalError):
    retriable = True


class Day:
    """A clock that waiting moves on."""

    def __init__(self):
        self.now, self.waits, self.over = 1_000.0, [], False

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += seconds
        return self.over


@pytest.fixture
def day():
    return Day()


@pytest.fixture
def trouble(day):
    return Trouble(10.0, day.wait, lambda: day.now)


def borne(trouble):
    """Bear failures until one is raised; return how many were borne."""
    for count in range(1_000):
        try:
            trouble.bear(redis.ConnectionError("away"))
        except redis.ConnectionError:
            return count
    raise AssertionError("borne for ever")


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (redis.ConnectionError("away"), True),
        (Passing("moved"), True),
        (ShoalError("wrong settings"), False),
        (ValueError("a bug"), False),
    ],
)
def test_what_may_pass(error, passes):
    assert is_passing(error) is passes


def test_what_will_not_pass_is_raised_at_once(trouble, day):
    with pytest.raises(ShoalError, match="wrong settings"):
        trouble.bear(ShoalError("wrong settings"))
    assert day.waits == []


def test_whoever_waits_may_end_it(trouble, day):
    assert not trouble.bear(redis.ConnectionError("away"))
    day.over = True
    assert trouble.bear(redis.ConnectionError("away"))


def test_it_is_waited_longer_each_time_up_to_two_seconds_and_raised_after_the_time_allowed(trouble, day):
    borne(trouble)
    assert day.waits[0] == pytest.approx(0.05)
    assert day.waits == sorted(day.waits)
    assert day.waits[-1] == 2.0
    assert 10.0 < day.now - 1_000.0 <= 12.0


def test_work_that_was_done_ends_the_trouble(trouble, day):
    first = borne(trouble)
    trouble.went_well(worked=True)
    assert borne(trouble) == first


def test_a_quiet_step_does_not_end_it_but_half_a_minute_of_them_does(trouble, day):
    first = borne(trouble)
    trouble.went_well(worked=False)
    assert borne(trouble) == 0
    day.now += 31.0
    trouble.went_well(worked=False)
    assert borne(trouble) == first
