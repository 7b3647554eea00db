"""A piece of background work in a lane: whom it is about, how long it pauses, and what another worker has taken."""

import pytest

from consumers.runtime.work_between_batches import BackgroundJob
from state.partitions.partition_fence import Fenced, OwnedPartition


class Background:
    """Notes what it runs on; fails with `failure` after `seconds`, by its own clock."""

    def __init__(self, seconds=0.0, failure=None):
        self.ran_on, self.now, self._seconds, self._failure = [], 1_000.0, seconds, failure

    def clock(self):
        return self.now

    def run(self, owned):
        self.ran_on.append([each.partition for each in owned])
        self.now += self._seconds
        if self._failure:
            raise self._failure
        return True


def owners(*partitions):
    return [OwnedPartition(partition, 1, {}) for partition in partitions]


def test_it_pauses_so_long_that_its_share_of_the_time_is_kept():
    background = Background(seconds=0.5)
    job = BackgroundJob(background, owners(0), 0.2, background.clock)
    job.run()
    assert job.pause_s == pytest.approx(4 * 0.5)
    job = BackgroundJob(background, owners(0), 1.0, background.clock)
    job.run()
    assert job.pause_s == 0.0


def test_a_partition_that_another_worker_has_taken_is_left_out():
    background, owned = Background(), owners(0, 2)
    owned[0].fenced = Fenced(0, 1, 2)
    BackgroundJob(background, owned, share=1.0).run()
    assert background.ran_on == [[2]]


def test_a_partition_that_turns_out_to_be_taken_is_marked_and_the_lane_goes_on():
    fenced, owned = Fenced(2, 1, 2), owners(0, 2)
    BackgroundJob(Background(failure=fenced), owned, share=0.5).run()
    assert [each.fenced for each in owned] == [None, fenced]


def test_any_other_failure_is_the_lanes():
    with pytest.raises(ConnectionError):
        BackgroundJob(Background(failure=ConnectionError()), owners(0), share=0.5).run()
