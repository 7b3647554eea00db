"""What Prometheus reads of the model: whether sums are wrong, workers lag, segments starve, an alarm waits."""

import time

import pytest

from api.serving.prometheus_metrics import RequestMetrics
from events.settings import KafkaSettings
from queries.operations.pipeline_status import pipeline_status
from state.model.baselines import BaselineStore
from state.model.drift_alarm import DriftAlarm, DriftAlarms
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from tests.staged_baseline import staged_baseline


def gauges(client):
    kafka = KafkaSettings(kafka="127.0.0.1:9", partitions=2)
    lines = RequestMetrics(lambda: pipeline_status(client, kafka)).text().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_what_workers_and_the_leader_tell_is_a_metric(redis):
    registry, now_ms = WorkerRegistry(redis), time.time_ns() // 1_000_000
    told = {"partitions": [], "events": 0, "at_ms": now_ms}
    registry.beat(WorkerHeartbeat(worker="a", behind=True, sums_difference=0.0, **told))
    registry.beat(WorkerHeartbeat(worker="b", sums_difference=0.5, leader=True, starving=["s2", "s4"], **told))
    DriftAlarms(redis).raise_alarm(DriftAlarm("the share of s1 went from 10% to 30%", now_ms, 1))
    found = gauges(redis)
    assert found["shoal_model_sums_difference"] == 0.5
    assert found["shoal_model_workers_behind"] == 1.0
    assert found["shoal_model_segments_starving"] == 2.0
    assert found["shoal_model_drift_alarm"] == 1.0


def test_for_which_share_of_the_members_a_name_holds_is_a_metric(redis):
    BaselineStore(redis).approve(staged_baseline())
    registry, now_ms = WorkerRegistry(redis), time.time_ns() // 1_000_000
    for worker, members in (("a", [30, 24, 30]), ("b", [10, 10, 10])):
        registry.beat(
            WorkerHeartbeat(worker=worker, at_ms=now_ms, partitions=[], events=0, baseline=1, names={"s1": members})
        )
    lines = RequestMetrics(lambda: pipeline_status(redis, KafkaSettings(kafka="127.0.0.1:9", partitions=2))).text()
    told = [line for line in lines.decode().splitlines() if line.startswith("shoal_segment_name_holds{")]
    assert told == ['shoal_segment_name_holds{segment="High-Value Loyalists",segment_id="s1"} 0.85']


def test_all_are_zero_where_all_is_well(redis):
    found = gauges(redis)
    assert {value for name, value in found.items() if name.startswith("shoal_model_")} == {0.0}


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/customers/nobody", 404), ("/v1/baselines/7", 404), ("/v1/customers?limit=0", 422), ("/v1/segments", 200)],
)
def test_requests_are_counted_with_the_status_that_was_answered(shop, path, status):
    assert shop.get(path).status_code == status
    counted = [
        line
        for line in shop.client.app.state.services.request_metrics.text().decode().splitlines()
        if line.startswith("shoal_http_requests_total{")
    ]
    assert len(counted) == 1
    assert f'status="{status}"' in counted[0]
