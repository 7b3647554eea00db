"""Retries: what may pass is waited out, a little longer each time, and not for ever."""

import pytest
import redis

from consumers.runtime.retry_policy import RetryPolicy, is_retriable
from events.base_error import ShoalError


class Passing(ShoalError):
    retriable = True


class Day:
    """A clock that waiting moves on."""

    def __init__(self):
        self.now, self.waits = 1_000.0, []

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def day():
    return Day()


@pytest.fixture
def policy(day):
    return RetryPolicy(10.0, lambda: day.now)


def tries(policy, day):
    """Fail and wait until no further try is to be made; return how many were."""
    for count in range(1_000):
        wait_s = policy.backoff_s(redis.ConnectionError("away"))
        if wait_s is None:
            return count
        day.wait(wait_s)
    raise AssertionError("tried for ever")


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
    assert is_retriable(error) is passes


def test_what_will_not_pass_is_not_tried_again(policy):
    assert policy.backoff_s(ShoalError("wrong settings")) is None


def test_it_is_waited_longer_each_time_up_to_two_seconds_until_the_time_allowed_is_over(policy, day):
    tries(policy, day)
    assert day.waits[0] == pytest.approx(0.05)
    assert day.waits == sorted(day.waits)
    assert day.waits[-1] == 2.0
    assert 10.0 < day.now - 1_000.0 <= 12.0


def test_work_that_was_done_ends_the_series(policy, day):
    first = tries(policy, day)
    policy.succeeded(worked=True)
    assert tries(policy, day) == first


def test_a_quiet_step_does_not_end_it_but_half_a_minute_of_them_does(policy, day):
    first = tries(policy, day)
    policy.succeeded(worked=False)
    assert tries(policy, day) == 0
    day.now += 31.0
    policy.succeeded(worked=False)
    assert tries(policy, day) == first
