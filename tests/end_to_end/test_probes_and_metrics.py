"""Each service on its metrics port: ready when it works, not when Redis is away; events, lag and failures counted."""

import os
import re
import signal

import pytest

from cli.local.embedded.free_ports import free_port
from consumers.broker.consumer_lag import behind, end_offsets, stored_offsets
from events.topics.specs import EXPERIMENT_TOPICS
from state.operations.background_jobs import BackgroundJobs
from state.store import keys
from tests.deployment import Message
from tests.shop import order
from tests.state.operations.test_metrics_server import asked

SERVICES = ("worker", "experiments", "triggers", "batch", "api")


def metrics(address: str) -> dict[str, float]:
    status, text = asked(address, "/metrics")
    assert status == 200
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")
    }


@pytest.fixture
def started(service):
    addresses, children = {}, {}
    for name in SERVICES:
        port = free_port()
        addresses[name] = f"127.0.0.1:{port}"
        arguments = ["--port", str(free_port())] if name == "api" else []
        children[name] = service.spawn(name, *arguments, SHOAL_METRICS_PORT=str(port), SHOAL_REDIS_RETRY_S="100")

    def ready() -> bool:
        try:
            return all(asked(each, "/readyz")[0] == 200 for each in addresses.values())
        except OSError:
            return False

    service.until(ready, what="all services are ready")
    return addresses, children


def test_events_are_counted_by_outcome_and_lag_by_group_topic_and_partition(service, started):
    addresses, children = started
    sent = [order(f"c{i}", "2026-01-01T00:00:00Z", event_id=f"e{i}") for i in range(40)]
    service.publish([*sent, sent[1], Message("orders", "anna", b"no order")])
    service.until_processed()

    def tallied() -> bool:
        stored = stored_offsets(service.redis, service.kafka.partitions, keys.EXPERIMENTS_GROUP)
        return not behind(end_offsets(service.kafka, EXPERIMENT_TOPICS), stored)

    service.until(tallied, what="tallied")
    expected = {
        'shoal_processed_events_total{outcome="applied",topic="orders"}': 40,
        'shoal_processed_events_total{outcome="duplicate",topic="orders"}': 1,
        'shoal_processed_events_total{outcome="dead_lettered",topic="orders"}': 1,
        "shoal_owned_partitions": service.kafka.partitions,
    }
    service.until(lambda: expected.items() <= metrics(addresses["worker"]).items(), what="each is counted once")
    counted = metrics(addresses["worker"])
    lags = {name: value for name, value in counted.items() if name.startswith("shoal_lag_events{")}
    assert {re.search('partition="(.)"', name)[1] for name in lags} == set("0123")
    assert set(lags.values()) == {0.0}

    os.kill(children["experiments"].pid, signal.SIGSTOP)
    service.publish(order(f"d{i}", "2026-01-02T00:00:00Z") for i in range(1_200))
    service.until_processed()

    def behind_by() -> float:
        return sum(
            value
            for name, value in metrics(addresses["api"]).items()
            if name.startswith('shoal_lag_events{group="experiments"')
        )

    service.until(lambda: behind_by() == 1_200, what="the experiment consumer is seen to be 1,200 orders behind")
    os.kill(children["experiments"].pid, signal.SIGCONT)
    service.until(lambda: behind_by() == 0, what="it has caught up")


def test_nobody_is_ready_and_everybody_alive_while_redis_is_read_only(service, started):
    addresses, _ = started
    service.redis.config_set("min-replicas-to-write", "1")  # there is none: Redis refuses writes
    try:
        service.publish([order("anna", "2026-01-01T00:00:00Z")])
        service.until(
            lambda: asked(addresses["worker"], "/readyz")[0] == 503, what="the worker says that it cannot work"
        )
        assert "NOREPLICAS" in asked(addresses["worker"], "/readyz")[1]
        assert {asked(each, "/livez") for each in addresses.values()} == {(200, "ok\n")}
        tries = [name for name in metrics(addresses["worker"]) if name.startswith("shoal_failed_tries_total{")]
        assert tries
    finally:
        service.redis.config_set("min-replicas-to-write", "0")
    service.until(lambda: asked(addresses["worker"], "/readyz")[0] == 200, what="it works again")
    service.until_processed()


def test_what_is_skipped_and_what_fails_is_counted(service, started):
    addresses, _ = started
    service.publish([Message("models", b"model", b"{no json", 0)])
    name = f'shoal_skipped_messages{{topic="{service.kafka.topic("models")}"}}'
    service.until(lambda: metrics(addresses["api"]).get(name) == 1, what="the skipped message is counted")
    BackgroundJobs(service.redis).failed("send flowers", ValueError("there are none"))
    service.until(lambda: metrics(addresses["api"]).get('shoal_failing_job{job="send flowers"}') == 1, what="so is it")
