"""What a process answers on its metrics port: metrics, liveness, readiness, and a sentence where the port is taken."""

import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter

from cli.local.embedded.free_ports import free_port
from state.operations.metrics_server import MetricsPortTaken, serve_metrics
from state.operations.service_health import ServiceHealth
from state.operations.settings import MetricsSettings


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def asked(address: str, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def served():
    clock = Clock()
    reading, sending = (ServiceHealth(what, 120.0, clock) for what in ("its partitions", "its queue"))
    registry = CollectorRegistry()
    Counter("shoal_sent", "Sent", ["to"], registry=registry).labels("anna").inc(3)
    address = serve_metrics(MetricsSettings(metrics_port=free_port()), [reading, sending], registry)
    return address, clock, reading, sending


def test_a_service_is_ready_once_each_of_its_parts_is(served):
    address, _, reading, sending = served
    assert asked(address, "/readyz") == (503, "waiting for its partitions; waiting for its queue\n")
    reading.ready()
    assert asked(address, "/readyz") == (503, "waiting for its queue\n")
    sending.ready()
    assert asked(address, "/readyz") == asked(address, "/livez") == (200, "ok\n")
    sending.not_ready("Redis refuses writes")
    assert asked(address, "/readyz") == (503, "Redis refuses writes\n")
    assert asked(address, "/livez") == (200, "ok\n"), "to restart it would not bring Redis back"


def test_a_service_that_makes_no_progress_is_not_alive(served):
    address, clock, reading, sending = served
    reading.ready()
    sending.ready()
    clock.now = 130.0
    sending.progressed()
    assert asked(address, "/livez") == (503, "no progress for 130 s\n")
    assert asked(address, "/readyz") == (503, "no progress for 130 s\n")
    reading.progressed()
    assert asked(address, "/livez") == (200, "ok\n")


def test_metrics_are_in_the_text_format_and_other_paths_are_not_found(served):
    address, *_ = served
    status, text = asked(address, "/metrics")
    assert status == 200
    assert 'shoal_sent_total{to="anna"} 3.0' in text.splitlines()
    assert asked(address, "/") == (404, "there are /metrics, /livez and /readyz\n")


def test_nothing_is_served_where_no_port_is_set():
    assert serve_metrics(MetricsSettings(metrics_port=0), []) is None


def test_a_port_that_is_taken_is_one_sentence(served):
    address, *_ = served
    taken = MetricsSettings(metrics_port=int(address.rpartition(":")[2]))
    with pytest.raises(MetricsPortTaken, match=r"SHOAL_METRICS_PORT of its own; 0 is none$"):
        serve_metrics(taken, [])
