"""The schedule of the lanes: a partition keeps its lane, and background work takes its share between the batches."""

from dataclasses import dataclass, field

import pytest

from consumers.runtime.lane_processing import OwnedBatch
from consumers.runtime.lane_schedule import LaneSchedule, fit_one_lane, owned_by
from consumers.runtime.lanes import FinishedJob
from consumers.runtime.partition_batch import PartitionBatch
from consumers.runtime.work_between_batches import BackgroundJob
from state.partitions.partition_fence import OwnedPartition


@dataclass
class Lanes:
    """Two lanes whose jobs are done when they are joined."""

    submitted: list = field(default_factory=list)
    jobs: list = field(default_factory=list)
    left: list = field(default_factory=list)

    def __len__(self):
        return 2

    def submit(self, lane, job):
        self.submitted.append((lane, [each.partition for each in owned_by(job)]))
        self.jobs.append(job)

    def wait(self, timeout_s, leave=0):
        self.left.append(leave)
        return True

    def join(self, leave=0):
        upto = max(len(self.jobs) - leave, 0)
        ended, self.jobs = self.jobs[:upto], self.jobs[upto:]
        return [FinishedJob(job, None) for job in ended]


class Background:
    """Asks for a share of the time, and takes no time."""

    def __init__(self, share):
        self.share = share

    def due(self, owned):
        return self.share


OWNED = [OwnedPartition(partition, 1, {}) for partition in range(4)]
BATCHES = [OwnedBatch(owned, PartitionBatch(owned.partition), []) for owned in OWNED]


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def lanes():
    return Lanes()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def schedule(lanes, clock):
    return LaneSchedule(lanes, clock)


def test_a_partition_keeps_its_lane(schedule, lanes):
    schedule.submit(BATCHES)
    schedule.submit(BATCHES[1:])
    assert lanes.submitted == [(0, [0, 2]), (1, [1, 3]), (1, [1, 3]), (0, [2])]


def test_all_of_a_small_micro_batch_is_one_job(schedule, lanes):
    assert fit_one_lane(BATCHES)
    schedule.one_lane = True
    schedule.submit(BATCHES)
    assert lanes.submitted == [(0, [0, 1, 2, 3])]


def test_the_newest_micro_batch_is_left_in_the_lanes(schedule):
    schedule.submit(BATCHES[:1])
    schedule.submit(BATCHES[1:2])
    assert schedule.in_flight() == {0, 1}
    assert [each.job for each in schedule.join_earlier()] == [BATCHES[:1]]
    assert schedule.in_flight() == {1}
    assert [each.job for each in schedule.join()] == [BATCHES[1:2]]
    assert schedule.in_flight() == set()


def test_only_a_large_batch_need_not_wait_for_the_newest(schedule, lanes):
    schedule.submit(BATCHES)
    assert schedule.has_room(5_000, 0.0)
    assert schedule.has_room(4_999, 0.0)
    assert lanes.left == [2, 0]


def test_background_work_goes_behind_the_batches_of_one_lane_then_of_the_other(schedule, lanes):
    for _ in range(2):
        schedule.submit_background(Background(1.0), OWNED)
        assert schedule.in_flight() == {each.partition for each in lanes.jobs[0].owned}
        schedule.join()
    assert lanes.submitted == [(0, [0, 2]), (1, [1, 3])]


def test_there_is_one_background_job_at_a_time_and_none_where_nothing_is_due(schedule, lanes):
    schedule.submit_background(Background(0.0), OWNED)
    assert lanes.jobs == []
    schedule.submit_background(Background(1.0), OWNED)
    schedule.submit_background(Background(1.0), OWNED)
    assert len(lanes.jobs) == 1


def test_after_a_background_job_none_is_begun_until_its_pause_is_over(schedule, lanes, clock):
    schedule.submit_background(Background(0.25), OWNED)
    (job,) = lanes.jobs
    assert isinstance(job, BackgroundJob)
    job.pause_s = 3.0
    schedule.join()
    clock.now += 2.9
    schedule.submit_background(Background(0.25), OWNED)
    assert lanes.jobs == []
    clock.now += 0.2
    schedule.submit_background(Background(0.25), OWNED)
    assert len(lanes.jobs) == 1
