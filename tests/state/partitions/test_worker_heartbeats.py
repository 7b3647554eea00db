"""Heartbeats on a real Redis."""

from events.time_units import HOUR_MS
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry


def beat_of(worker, at_ms, events=0):
    return WorkerHeartbeat(
        worker=worker,
        at_ms=at_ms,
        partitions=[0, 2],
        events=events,
        swept=1,
        baseline=1,
        model_version=7,
        leader=worker == "a",
    )


def test_there_are_no_beats_before_the_first(redis):
    assert WorkerRegistry(redis).beats(0) == []


def test_the_last_beat_of_each_worker_is_returned_the_newest_first(redis):
    registry = WorkerRegistry(redis)
    for beat in (beat_of("a", 100), beat_of("b", 300), beat_of("c", 200), beat_of("a", 400, events=9)):
        registry.beat(beat)
    assert registry.beats(500) == [beat_of("a", 400, events=9), beat_of("b", 300), beat_of("c", 200)]


def test_a_worker_that_leaves_is_gone(redis):
    registry = WorkerRegistry(redis)
    registry.beat(beat_of("a", 100))
    registry.beat(beat_of("b", 100))
    registry.leave("a")
    registry.leave("never there")
    assert registry.beats(100) == [beat_of("b", 100)]


def test_a_worker_silent_for_more_than_an_hour_is_forgotten(redis):
    registry = WorkerRegistry(redis)
    registry.beat(beat_of("a", 100))
    registry.beat(beat_of("b", 101))
    assert registry.beats(101 + HOUR_MS) == [beat_of("b", 101)]
    assert registry.beats(101) == [beat_of("b", 101)], "it is dropped from Redis too"
