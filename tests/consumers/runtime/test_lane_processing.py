"""What a lane does between micro-batches: what it published is acknowledged before anything else is."""

import pytest

from consumers.broker.kafka_sink import SinkFailed
from consumers.runtime.lane_processing import Processing
from consumers.runtime.work_between_batches import BackgroundJob
from events.settings import KafkaSettings


class Committer:
    """Notes in `done` that it was confirmed, or fails to be."""

    def __init__(self, name, done, failure=None):
        self._name, self._done, self._failure = name, done, failure

    def confirm(self):
        if self._failure is not None:
            raise self._failure
        self._done.append(self._name)


class Background:
    """Notes in `done` that it was run."""

    def __init__(self, done):
        self._done = done

    def run(self, owned):
        self._done.append("background")


def processing(*committers):
    return Processing(KafkaSettings(), None, committers, None, None, None)


def test_background_work_begins_once_kafka_has_what_its_lane_published():
    done = []
    lanes = processing(Committer("first", done), Committer("second", done))
    lanes(1, BackgroundJob(Background(done), [], 1.0))
    assert done == ["second", "background"]


def test_background_work_is_not_done_where_kafka_did_not_take_what_its_lane_published():
    done = []
    with pytest.raises(SinkFailed):
        processing(Committer("first", done, SinkFailed("gone")))(0, BackgroundJob(Background(done), [], 1.0))
    assert done == []


def test_all_lanes_are_waited_for_also_where_one_fails():
    done = []
    lanes = processing(Committer("first", done, SinkFailed("gone")), Committer("second", done))
    with pytest.raises(SinkFailed, match="gone"):
        lanes.confirm_all()
    assert done == ["second"]
