"""Lanes: one job at a time of a lane, all of them waited for, failures told with their jobs."""

import threading

import pytest

from consumers.runtime.lanes import Lanes


@pytest.fixture
def lanes_of():
    made = []

    def make(count, work):
        made.append(Lanes(count, work))
        return made[-1]

    yield make
    for lanes in made:
        lanes.close()


def test_jobs_of_a_lane_are_done_in_their_order_in_one_thread(lanes_of):
    done = []
    lanes = lanes_of(3, lambda lane, job: done.append((lane, job, threading.get_ident())))
    assert len(lanes) == 3
    for job in range(20):
        lanes.submit(1, job)
    lanes.join()
    assert [job for _, job, _ in done] == list(range(20))
    assert {lane for lane, _, _ in done} == {1}
    assert len({thread for _, _, thread in done}) == 1


def test_lanes_do_not_wait_for_each_other(lanes_of):
    gate = threading.Event()
    lanes = lanes_of(2, lambda lane, job: gate.wait(30) if job == "waits" else gate.set())
    lanes.submit(0, "waits")
    lanes.submit(1, "frees it")
    assert [failure for _, failure in lanes.join()] == [None, None]


def test_a_failure_is_told_with_its_job_and_harms_no_other_lane(lanes_of):
    def work(lane, job):
        if job == "bad":
            raise ValueError(job)

    lanes = lanes_of(2, work)
    for lane, job in enumerate(["good", "bad"]):
        lanes.submit(lane, job)
    assert [(job, type(failure)) for job, failure in lanes.join()] == [("good", type(None)), ("bad", ValueError)]
    assert lanes.join() == []


def test_lanes_rest_once_their_jobs_are_done(lanes_of):
    gate = threading.Event()
    lanes = lanes_of(2, lambda lane, job: gate.wait(30) if job == "waits" else None)
    assert lanes.wait(0.0)
    lanes.submit(0, "waits")
    lanes.submit(1, "does not")
    assert not lanes.wait(0.0)
    assert not lanes.wait(0.01)
    gate.set()
    assert lanes.wait(30.0)
    assert len(lanes.join()) == 2


def test_the_last_jobs_are_not_waited_for_where_they_may_be_left(lanes_of):
    gates = {"first": threading.Event(), "last": threading.Event()}
    lanes = lanes_of(2, lambda lane, job: gates[job].wait(30))
    lanes.submit(0, "first")
    assert lanes.wait(0.0, leave=1)
    lanes.submit(1, "last")
    assert not lanes.wait(0.01, leave=1)
    gates["first"].set()
    assert lanes.wait(30.0, leave=1)
    assert not lanes.wait(0.0)
    gates["last"].set()
    assert lanes.wait(30.0)


def test_after_a_failure_what_was_queued_in_the_lane_is_cancelled_until_all_are_joined(lanes_of):
    gate, done = threading.Event(), []

    def work(lane, job):
        gate.wait(30)
        if job == "bad":
            raise ValueError(job)
        done.append(job)

    lanes = lanes_of(2, work)
    for lane, job in [(0, "bad"), (1, "other"), (0, "behind it")]:
        lanes.submit(lane, job)
    gate.set()
    assert [(each.job, type(each.failure)) for each in lanes.join()] == [("bad", ValueError), ("other", type(None))]
    lanes.submit(0, "again")
    assert [(each.job, each.failure) for each in lanes.join()] == [("again", None)]
    assert done == ["other", "again"]


def test_the_last_jobs_may_be_left_running(lanes_of):
    gate = threading.Event()
    lanes = lanes_of(2, lambda lane, job: gate.wait(30) if job == "slow" else None)
    lanes.submit(0, "quick")
    lanes.submit(1, "slow")
    assert [each.job for each in lanes.join(leave=1)] == ["quick"]
    assert not lanes.wait(0.0)
    gate.set()
    assert [each.job for each in lanes.join()] == ["slow"]
    assert lanes.join(leave=5) == []
