"""Where Redis answers but does not do its work, every service and command says so in a sentence, and `health` too."""

import json
import sys

import pytest
import redis as redis_py
from typer.testing import CliRunner

from api.serving.prometheus_metrics import RequestMetrics
from cli.local.embedded.child_process import ChildProcess
from cli.local.embedded.program_paths import redis_server
from cli.main import app, main
from queries.operations.pipeline_status import state_status
from state.settings import StateSettings
from state.store.connection import RedisRefuses, connect, connect_for_service
from tests.redis_conditions import CONDITIONS, bring_about
from tests.service import Service, running
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.long

SERVICES = (("worker",), ("experiments",), ("triggers",), ("batch",), ("api", "--port", "0"))
READING = [
    each.split()
    for each in (
        "customer anna", "segments", "health", "baselines list", "experiment list", "dead-letters list",
        "trigger list", "suppress list", "keys list", "audit export",
    )
]  # fmt: skip
WRITING = [
    each.split()
    for each in (
        "keys create a --scope admin", "suppress add anna --campaign c", "erase anna",
        "trigger add t --url http://127.0.0.1:9/x", "experiment create e --variant A --variant B --control A",
    )
]  # fmt: skip
REFUSED = ("read-only", "out of memory", "disk fails")


@pytest.fixture
def deployed(kafka, own_redis, topic_prefix, tmp_path, monkeypatch):
    """A deployment on a Redis of its own, whose settings the commands of this process have too."""
    server = own_redis()
    with running(Service(kafka, server.url, topic_prefix, tmp_path)) as service:
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        yield service, server


def said_by(command, monkeypatch, capsys):
    """Run a command as from the shell; return its exit code, and what it said on stderr."""
    monkeypatch.setattr(sys, "argv", ["shoal", *command])
    try:
        main()
    except SystemExit as ended:
        return ended.code or 0, capsys.readouterr().err
    return 0, capsys.readouterr().err


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_service_says_it_in_a_sentence_and_exits_with_1(deployed, condition):
    service, server = deployed
    words = bring_about(condition, server)
    for child in [service.spawn(*command) for command in SERVICES]:
        until(lambda child=child: not child.running, what=f"{child.service} ends")
        log = "\n".join(child.log_tail(100))
        assert words in log.replace("\n", " "), log
        assert child.exit_code == 1, log
        assert "Traceback" not in log


@pytest.mark.parametrize("condition", REFUSED)
def test_commands_that_write_say_it_and_those_that_read_work(deployed, condition, monkeypatch, capsys):
    _, server = deployed
    words = bring_about(condition, server)
    for command in WRITING:
        code, said = said_by(command, monkeypatch, capsys)
        assert code == 1, (command, said)
        assert words in said, (command, said)
        assert said.count("\n") == 1, said
    for command in READING:
        code, said = said_by(command, monkeypatch, capsys)
        assert "Traceback" not in said
        assert code in ((1,) if command[0] in ("customer", "health") else (0,)), (command, said)


@pytest.mark.parametrize("condition", REFUSED)
def test_health_writes_and_reads_back(deployed, condition):
    _, server = deployed

    def health(code):
        ran = CliRunner().invoke(app, ["health", "--json"])
        assert ran.exit_code == code, ran.output
        return json.loads(ran.stdout)

    assert health(1)["redis"]["ok"], "only a worker is missing"
    words = bring_about(condition, server)
    report = health(1)
    assert (report["redis"]["ok"], report["redis"]["writes"]) == (False, False)
    assert words in " ".join(report["problems"])
    assert report["redis"]["persists"] == (condition != "disk fails")
    with connect(server.url) as client:
        assert not client.keys("probe:*")


def test_an_eviction_policy_that_drops_keys_is_refused_watched_and_can_be_allowed(own_redis):
    server = own_redis()
    assert connect_for_service(StateSettings(redis=server.url)).ping()
    bring_about("evicting", server)
    for policy in ("allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-ttl", "volatile-random"):
        with connect(server.url) as client:
            client.config_set("maxmemory-policy", policy)
            with pytest.raises(RedisRefuses, match=f"maxmemory-policy {policy}: it may drop keys"):
                connect_for_service(StateSettings(redis=server.url))
            assert any(f"maxmemory-policy {policy}" in each for each in state_status(client, 2)["problems"])
    allowed = StateSettings(redis=server.url, redis_eviction="allow")
    with connect_for_service(allowed) as client:
        assert not any("maxmemory" in each for each in state_status(client, 2, may_evict=True)["problems"])
        client.config_set("maxmemory-policy", "allkeys-random")
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 500_000)
        for i in range(2_000):
            client.set(f"key{i}", "x" * 1_000)
        status = state_status(client, 2)
        assert status["redis"]["evicted_keys"] > 0
        assert any("has dropped" in each for each in status["problems"])
        status |= {"events_behind": None, "tallies_behind": None, "partitions_behind": None}
        lines = RequestMetrics(lambda: status).text().decode().splitlines()
    assert {"shoal_redis_may_evict 1.0", "shoal_redis_writable 1.0", "shoal_redis_persists 1.0"} <= set(lines)
    assert f"shoal_redis_evicted_keys {float(status['redis']['evicted_keys'])}" in lines


def redis_with(directory, port, *options):
    """A Redis with options of its own."""
    directory.mkdir(exist_ok=True)
    command = [redis_server(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), *options]
    return ChildProcess("Redis", command, log=directory / "redis.log")


@pytest.fixture
def free_address():
    from cli.local.embedded import free_port

    port = free_port()
    return port, f"redis://127.0.0.1:{port}/0"


def test_a_cluster_is_refused(tmp_path, free_address):
    port, url = free_address
    server = redis_with(tmp_path / "cluster", port, "--cluster-enabled", "yes", "--save", "")
    server.spawn()
    try:
        client = redis_py.Redis.from_url(url)
        until(lambda: answers(client), what="it answers")
        for connected in (lambda: connect(url), lambda: connect_for_service(StateSettings(redis=url))):
            with pytest.raises(RedisRefuses, match="is a Redis Cluster"):
                connected()
        client.close()
    finally:
        server.stop(PATIENCE_S)


def test_one_that_loads_its_data_is_told_from_one_that_is_away(tmp_path, free_address):
    port, url = free_address
    folder = tmp_path / "loading"
    server = redis_with(folder, port, "--save", "")
    server.spawn()
    with redis_py.Redis.from_url(url) as client:
        until(lambda: answers(client), what="it answers")
        with client.pipeline() as pipe:
            for i in range(20_000):
                pipe.set(f"k{i}", "x" * 100)
            pipe.execute()
        client.save()
    server.stop(PATIENCE_S)
    slow = redis_with(
        folder, port, "--save", "", "--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"
    )
    slow.spawn()
    try:

        def refusal():
            try:
                connect(url)
            except RedisRefuses as error:
                return str(error)
            except Exception:
                return ""

        assert "is still loading its data" in until(refusal, what="it loads")
    finally:
        slow.kill()


def answers(client):
    try:
        return client.ping()
    except redis_py.ConnectionError:
        return False
