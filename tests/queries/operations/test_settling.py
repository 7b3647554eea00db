"""Segments have settled after two sweeps of everybody in which nothing moved."""

import time

import pytest

from queries.operations.settling import Settling
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry


class Workers:
    """Two workers with two partitions each, whose clocks differ by half a minute."""

    def __init__(self, redis):
        self.registry, self.settling = WorkerRegistry(redis), Settling(redis, 4)
        self.now = time.time_ns() // 1_000_000 - 5_000

    def beat(self, worker, at_ms, swept_ms, **values):
        ahead, partitions = (-3_000, [0, 1]) if worker == "a" else (3_000, [2, 3])
        said = {"measured": 5_000, "borders_version": 7, "events": 0, "partitions": partitions} | values
        swept = self.now + swept_ms + ahead if swept_ms is not None else 0
        self.registry.beat(WorkerHeartbeat(worker=worker, at_ms=self.now + at_ms + ahead, swept_since_ms=swept, **said))

    def both(self, at_ms, swept_ms, **values):
        for worker in "ab":
            self.beat(worker, at_ms, swept_ms, **values)
        return self.settling.reached()


@pytest.fixture
def workers(redis):
    return Workers(redis)


def test_two_sweeps_after_everything_was_processed(workers):
    assert not workers.both(0, None)
    assert not workers.both(100, -10), "that sweep had begun before"
    assert not workers.both(200, 50), "the first"
    assert "confirms" in workers.settling.missing
    assert not workers.both(300, 50)
    assert not workers.both(400, 150), "it had begun before the first had been told of"
    assert workers.both(500, 250)


def test_each_worker_has_to_sweep(workers):
    workers.both(0, None)
    workers.beat("a", 100, 50)
    assert not workers.settling.reached()
    assert workers.settling.missing == "not everybody has been swept since"


def test_while_customers_move_nothing_has_settled(workers):
    workers.both(0, None)
    assert not workers.both(100, 50, reassigned=6)
    assert workers.settling.missing == "the last sweep moved 12 of 10,000 customers"
    assert not workers.both(200, 150, reassigned=5)
    assert not workers.both(300, 250, reassigned=6), "they move again"
    assert not workers.both(400, 350)
    assert workers.both(500, 450)


def test_borders_that_move_begin_it_anew(workers):
    workers.both(0, None)
    assert not workers.both(100, 50)
    assert not workers.both(200, 150, borders_version=8)
    assert workers.both(300, 250, borders_version=8)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"borders_version": -1}, "newest borders"),
        ({"baseline": 3}, "under baseline 0"),
        ({"partitions": [0]}, "3 of 4 partitions have no worker"),
    ],
)
def test_what_speaks_against_it(workers, values, said):
    workers.both(0, None)
    assert not workers.both(100, 50, **values)
    assert said in workers.settling.missing
