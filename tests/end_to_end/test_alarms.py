"""The alarms of deploy/prometheus: each fires for its own reason and for no other, in a real Prometheus."""

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from cli.local.embedded import ChildProcess
from cli.local.embedded.free_ports import free_port
from state.operations.background_jobs import BackgroundJobs
from tests.deployment import Message
from tests.shop import order
from tests.state.operations.test_metrics_server import asked

ALERTS = Path(__file__).parents[2] / "deploy/prometheus/alerts.yml"
WELL = {
    'up{job="shoal-worker"}': "1+0x90",
    "shoal_partitions_without_worker": "0+0x90",
    'shoal_lag_events{group="segments",topic="orders",partition="0"}': "900-10x90",
    "shoal_redis_writable": "1+0x90",
    "shoal_redis_may_evict": "0+0x90",
    "shoal_redis_evicted_keys": "7+0x90",
    "shoal_redis_persists": "1+0x90",
    'shoal_processed_events_total{topic="orders",outcome="applied"}': "0+1000x90",
    'shoal_processed_events_total{topic="orders",outcome="dead_lettered"}': "0+1x90",
    'shoal_failing_job{exported_job="batch"}': "1+0x90",
    'shoal_failed_tries_total{error="ConnectionError"}': "3+0x90",
    "shoal_fenced_partitions_total": "2+0x90",
    "shoal_model_sums_difference": "0+0x90",
    "shoal_model_workers_behind": "0+0x90",
    "shoal_sweep_age_seconds": "60+0x90",
    'shoal_segment_name_holds{segment="New Customers"}': "0.97+0x90",
    "shoal_model_drift_alarm": "0+0x90",
    "shoal_deliveries_dead": "0+0x90",
}
ILL = {
    "ShoalProcessDown": {'up{job="shoal-worker"}': "1 1 0+0x90"},
    "ShoalPartitionsWithoutWorker": {"shoal_partitions_without_worker": "0 0 2+0x90"},
    "ShoalLagGrows": {'shoal_lag_events{group="segments",topic="orders",partition="0"}': "900+10x90"},
    "ShoalRedisNotWritable": {"shoal_redis_writable": "1 0+0x90"},
    "ShoalRedisMayEvict": {"shoal_redis_may_evict": "0 1+0x90"},
    "ShoalRedisEvicted": {"shoal_redis_evicted_keys": "7+1x90"},
    "ShoalRedisDoesNotPersist": {"shoal_redis_persists": "1 0+0x90"},
    "ShoalMessagesSkipped": {'shoal_skipped_messages{topic="models"}': "_ 1+0x90"},
    "ShoalDeadLetters": {'shoal_processed_events_total{topic="orders",outcome="dead_lettered"}': "0+20x90"},
    "ShoalBackgroundJobFails": {'shoal_failing_job{exported_job="batch"}': "1 3+0x90"},
    "ShoalTriesFail": {'shoal_failed_tries_total{error="ConnectionError"}': "3+2x90"},
    "ShoalFencing": {"shoal_fenced_partitions_total": "2+1x90"},
    "ShoalModelWrong": {"shoal_model_sums_difference": "0 0.5+0x90"},
    "ShoalWorkersBehindModel": {"shoal_model_workers_behind": "0 1+0x90"},
    "ShoalSweepLate": {"shoal_sweep_age_seconds": "60+3600x90"},
    "ShoalSegmentNameUntrue": {'shoal_segment_name_holds{segment="New Customers"}': "0.97 0.85+0x90"},
    "ShoalDrift": {"shoal_model_drift_alarm": "0 1+0x90"},
    "ShoalDeliveriesDead": {"shoal_deliveries_dead": "0 4+0x90"},
}

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="no Prometheus is installed (Debian: apt install prometheus)",
)


def alerts() -> list[dict]:
    return yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]


def test_each_alarm_fires_for_its_own_reason_and_for_no_other(tmp_path):
    names = [each["alert"] for each in alerts()]
    assert names == list(ILL)
    cases = []
    for ill in [None, *ILL]:
        series = WELL | ({} if ill is None else ILL[ill])
        count = 'count by (alertname) (ALERTS{alertstate="firing"})'
        firing = [] if ill is None else [{"labels": f'{{alertname="{ill}"}}', "value": 1}]
        cases.append(
            {
                "name": ill or "all is well",
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [{"expr": count, "eval_time": "60m", "exp_samples": firing}],
            }
        )
    tests = tmp_path / "tests.yml"
    tests.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": cases}))
    ran = subprocess.run(["promtool", "test", "rules", str(tests)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_each_alarm_says_what_is_wrong_and_what_to_do():
    for each in alerts():
        assert each["annotations"].keys() == {"summary", "action"}, each["alert"]
        assert each["labels"]["severity"] in {"critical", "warning", "info"}


@pytest.fixture
def prometheus(tmp_path) -> Iterator[Callable[[dict[str, int]], Callable[[], set[str]]]]:
    """Starts a Prometheus over services (ports by name), with alarms that do not wait; returns what tells who fires."""
    children = []

    def start(ports: dict[str, int]) -> Callable[[], set[str]]:
        rules, port = yaml.safe_load(ALERTS.read_text()), free_port()
        for each in rules["groups"][0]["rules"]:
            each.pop("for", None)
        (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
        jobs = [
            {"job_name": f"shoal-{name}", "static_configs": [{"targets": [f"127.0.0.1:{each}"]}]}
            for name, each in ports.items()
        ]
        (tmp_path / "prometheus.yml").write_text(
            yaml.safe_dump(
                {
                    "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                    "rule_files": ["rules.yml"],
                    "scrape_configs": jobs,
                }
            )
        )
        child = ChildProcess(
            "prometheus",
            [
                "prometheus",
                f"--config.file={tmp_path}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/tsdb",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            log=tmp_path / "prometheus.log",
            env=dict(os.environ),
        )
        child.spawn()
        children.append(child)

        def firing() -> set[str]:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/alerts", timeout=5) as answer:
                    found = json.load(answer)["data"]["alerts"]
            except OSError:
                return {"Prometheus does not answer yet"}
            return {each["labels"]["alertname"] for each in found if each["state"] == "firing"}

        return firing

    yield start
    for child in children:
        child.stop(10)


def is_ready(port: int) -> bool:
    try:
        return asked(f"127.0.0.1:{port}", "/readyz")[0] == 200
    except OSError:
        return False


@pytest.mark.long
def test_alarms_of_a_running_shop_fire_and_end(service, prometheus):
    ports = {name: free_port() for name in ("worker", "experiments", "api")}
    children = {
        name: service.spawn(
            name,
            *(["--port", str(free_port())] if name == "api" else []),
            SHOAL_METRICS_PORT=str(port),
        )
        for name, port in ports.items()
    }
    service.until(lambda: all(map(is_ready, ports.values())), what="all services are ready")
    service.publish(order(f"c{i}", "2026-01-01T00:00:00Z") for i in range(20))
    service.until_processed()
    firing = prometheus(ports)
    service.until(lambda: firing() == set(), what="all is well")

    service.redis.config_set("maxmemory-policy", "allkeys-lru")
    service.until(lambda: "ShoalRedisMayEvict" in firing(), what="the alarm of the eviction policy")
    service.redis.config_set("maxmemory-policy", "noeviction")
    service.publish([Message("models", b"model", b"{no json", 0)])
    for _ in range(3):
        BackgroundJobs(service.redis).failed("send flowers", ValueError("there are none"))
    service.until(
        lambda: {"ShoalMessagesSkipped", "ShoalBackgroundJobFails"} <= firing(), what="the alarms of what fails"
    )
    BackgroundJobs(service.redis).succeeded("send flowers")

    os.kill(children["experiments"].pid, signal.SIGSTOP)
    service.publish(order(f"d{i}", "2026-01-02T00:00:00Z") for i in range(1_200))
    service.until(lambda: "ShoalLagGrows" in firing(), what="the alarm of the lag of the experiment consumer")
    os.kill(children["experiments"].pid, signal.SIGCONT)
    children["worker"].kill()
    service.until(
        lambda: {"ShoalProcessDown", "ShoalPartitionsWithoutWorker"} <= firing(), what="the alarms of a dead worker"
    )
    service.spawn("worker", SHOAL_METRICS_PORT=str(ports["worker"]))
    service.until(lambda: firing() == {"ShoalMessagesSkipped"}, what="all but the skipped message is well again")
