"""The deployment files agree with the compose specification, with each other, and with the commands there are."""

import fnmatch
import hashlib
import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from cli.local.embedded import ChildProcess, KafkaBroker, free_port, port_open, program_paths
from events.settings import KafkaSettings
from events.topics.administration import create_topics, partition_counts
from events.topics.specs import topic_specs
from shoal_client import KafkaRefuses
from state.settings import StateSettings
from state.store.connection import RedisRefuses, connect, connect_for_service
from tests.brokers import apache_classpath, removed_afterwards

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OF_SHOAL = {name: service for name, service in SERVICES.items() if "build" in service}


@pytest.fixture(scope="module")
def specification():
    return Draft202012Validator(json.loads((HERE / "compose-spec.json").read_text()))


def words(command):
    return shlex.split(command) if isinstance(command, str) else list(command)


def shoal_commands():
    """Every command line of ours in the compose file, less the word `shoal`."""
    lines = [words(service["command"]) for service in OF_SHOAL.values()]
    for service in OF_SHOAL.values():
        kind, *check = service.get("healthcheck", {}).get("test", ["NONE"])
        if kind != "NONE":
            lines.append(check if kind == "CMD" else words(check[0]))
    assert {line[0] for line in lines} == {"shoal"}
    return sorted({" ".join(line[1:]) for line in lines})


def instructions(dockerfile):
    """A Dockerfile's (instruction, rest) pairs, with continued lines joined and comments dropped."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


DOCKERFILE = instructions((ROOT / "Dockerfile").read_text())


def test_compose_file_follows_the_specification(specification):
    assert [f"{error.json_path}: {error.message}" for error in specification.iter_errors(COMPOSE)] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"services": {"worker": {"build": ".", "comand": "shoal worker"}}},
        {"services": {"worker": {"build": ".", "ports": "6379:6379"}}},
        {"services": {"worker": {"build": ".", "depends_on": {"redis": {"condition": "healthy"}}}}},
    ],
)
def test_specification_would_find_a_mistake(specification, wrong):
    assert not specification.is_valid(wrong)


def test_schema_is_the_one_the_note_describes():
    checksum = hashlib.sha256((HERE / "compose-spec.json").read_bytes()).hexdigest()
    assert checksum in (HERE / "compose-spec.md").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_watched_and_restarted_or_runs_once(name):
    service = SERVICES[name]
    waited_for = {
        other["depends_on"][name]["condition"] for other in SERVICES.values() if name in other.get("depends_on", {})
    }
    if "healthcheck" in service:
        assert service["restart"] == "unless-stopped"
        assert "stop_grace_period" in service
        assert waited_for <= {"service_healthy"}
    else:
        assert service["restart"] == "no"
        assert waited_for == {"service_completed_successfully"}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name):
    assert SERVICES[name].get("network_mode") is None
    for port in SERVICES[name].get("ports", []):
        host = port.get("host_ip") if isinstance(port, dict) else port.rpartition(":")[0].rpartition(":")[0]
        assert host == "127.0.0.1", f"{name} publishes {port}"


def test_worker_can_be_scaled():
    assert not {"container_name", "hostname", "ports", "volumes"} & SERVICES["worker"].keys()


def test_state_is_on_named_volumes():
    mounts = {volume for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {mount.split(":")[0] for mount in mounts} == COMPOSE["volumes"].keys()
    kafka, redis = SERVICES["kafka"], SERVICES["redis"]
    assert [mount.split(":")[1] for mount in kafka["volumes"]] == [kafka["environment"]["KAFKA_LOG_DIRS"]]
    assert [mount.split(":")[1] for mount in redis["volumes"]] == ["/data"]
    assert "--appendonly yes --appendfsync everysec" in redis["command"][-1]


def test_addresses_are_those_of_the_listeners():
    environment = SERVICES["kafka"]["environment"]
    advertised = dict(item.split("://") for item in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))
    bound = dict(item.split("://") for item in environment["KAFKA_LISTENERS"].split(","))
    assert bound.keys() - advertised.keys() == {environment["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert SERVICES["kafka"]["ports"] == [f"{advertised['EXTERNAL']}{bound['EXTERNAL']}"]
    for name, service in OF_SHOAL.items():
        assert service["environment"]["SHOAL_KAFKA"] == advertised["INTERNAL"], name
        assert interpolated(service["environment"]["SHOAL_REDIS"], PASSWORDS) == "redis://:r3dis0123@redis:6379/0", name


@pytest.mark.parametrize("line", shoal_commands())
def test_command_exists_and_takes_these_options(line):
    from typer.main import get_command

    from cli.main import app

    command, context, arguments = get_command(app), None, line.split()
    while hasattr(command, "get_command"):
        context = command.make_context(command.name or "shoal", [arguments[0]], parent=context)
        found = command.get_command(context, arguments[0])
        assert found is not None, f"there is no command {arguments[0]!r} in `shoal {line}`"
        command, arguments = found, arguments[1:]
    command.make_context(line, arguments, parent=context)  # fails on an unknown option or a value that does not parse


def test_image_installs_as_the_makefile_does():
    makefile = (ROOT / "Makefile").read_text()
    install = re.search(r"^INSTALL *[:?]?= *(.+?) *$", makefile, re.MULTILINE).group(1)
    assert "$(INSTALL) -e clients/python -e '.[embedded,dev]'" in makefile
    installs = [re.sub(r"^(--mount=\S+ +)*", "", rest) for word, rest in DOCKERFILE if word == "RUN" and "pip" in rest]
    assert installs == [f"{install} ./clients/python ."]


def test_image_does_not_run_as_root():
    final = DOCKERFILE[max(at for at, (word, _) in enumerate(DOCKERFILE) if word == "FROM") :]
    users = [rest for word, rest in final if word == "USER"]
    assert users
    assert users[-1] not in {"root", "0"}


def test_build_context_holds_what_the_build_reads():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = [name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    read = ["pyproject.toml", "constraints.txt", project["project"]["readme"], *project["project"]["license-files"]]
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    for name in [*read, *packages, "clients", "clients/python/pyproject.toml"]:
        assert not [pattern for pattern in ignored if fnmatch.fnmatch(name, pattern)], name


def test_images_are_pinned():
    stages = {rest.split()[-1] for word, rest in DOCKERFILE if word == "FROM" and " AS " in rest}
    bases = {rest.split()[0] for word, rest in DOCKERFILE if word == "FROM"} - stages
    for image in bases | {service["image"] for service in SERVICES.values() if "image" in service}:
        tag = image.rpartition("/")[2].partition(":")[2]
        assert tag not in {"", "latest"}, image


def test_readme_names_every_setting_of_the_compose_file():
    readme = (ROOT / "deploy" / "README.md").read_text()
    named = {name for service in OF_SHOAL.values() for name in service["environment"] if name.startswith("SHOAL_")}
    assert [name for name in sorted(named) if f"`{name}`" not in readme] == []


def test_readme_names_only_settings_there_are():
    named = re.findall(r"SHOAL_[A-Z_]+", (ROOT / "deploy" / "README.md").read_text())
    settings = (ROOT / "docs" / "settings.md").read_text()
    assert [name for name in sorted(set(named)) if name not in settings] == []


def interpolated(text: str, values: dict[str, str]) -> str:
    """A value of the compose file as Docker reads it: ${NAME}, ${NAME:-default}, ${NAME:?message}, and $$ for $."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name, _, default = match[1].partition(":-")
        return values.get(name.partition(":?")[0]) or default

    return re.sub(r"\$\$|\$\{([^}]+)\}", value, text)


def environment_of(service: str, values: dict[str, str]) -> dict[str, str]:
    return {name: interpolated(str(value), values) for name, value in SERVICES[service]["environment"].items()}


def test_kafka_is_the_one_of_the_tests():
    version = re.search(r"<kafka.version>(.+)</kafka.version>", (ROOT / "deploy/kafka/pom.xml").read_text()).group(1)
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version}"


@pytest.mark.parametrize("name", SERVICES)
def test_memory_and_cpu_are_limited(name):
    assert {"mem_limit", "cpus"} <= SERVICES[name].keys()
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]
    if name != "kafka":  # its image writes its settings into itself
        assert SERVICES[name]["read_only"]


PASSWORDS = {"SHOAL_KAFKA_PASSWORD": "k4fka0123", "SHOAL_REDIS_PASSWORD": "r3dis0123"}


@pytest.mark.redis
def test_redis_wants_the_password_that_the_services_have(tmp_path):
    """The command of the compose file, run by the program that the tests have."""
    port = free_port()
    shell, option, line = (interpolated(word, PASSWORDS) for word in SERVICES["redis"]["command"])
    line = line.replace("redis-server - ", f"{program_paths.redis_server()} - --port {port} --dir {tmp_path} ")
    server = ChildProcess(
        "redis", [shell, option, line], log=tmp_path / "log", env={**os.environ, **environment_of("redis", PASSWORDS)}
    )
    server.spawn()
    try:
        server.wait_until(lambda: port_open(port), 20.0)
        url = environment_of("worker", PASSWORDS)["SHOAL_REDIS"].replace("@redis:6379", f"@127.0.0.1:{port}")
        with connect_for_service(StateSettings(redis=url)) as client:
            assert client.config_get("appendonly") == {"appendonly": "yes"}
            assert client.config_get("maxmemory") == {"maxmemory": str(2 << 30)}
            client_pid = client.info("server")["process_id"]
        assert server.pid == client_pid, "signals reach it"
        with pytest.raises(RedisRefuses, match="refuses the user or password"):
            connect(f"redis://127.0.0.1:{port}/0")
        children = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert "r3dis0123" not in children
    finally:
        server.kill()


def test_kafka_wants_the_password_that_the_services_have(kafka_choice, tmp_path):
    """The settings of the compose file as its image reads them, on the broker that the tests have."""
    if not kafka_choice.apache:
        pytest.skip(f"needs listeners and users; this is {kafka_choice.name}")
    ports = {name: free_port() for name in ("INTERNAL", "EXTERNAL", "CONTROLLER")}
    given = environment_of("kafka", PASSWORDS)
    settings = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in given.items()
        if name.startswith("KAFKA_") and name not in {"KAFKA_HEAP_OPTS", "KAFKA_LOG_DIRS", "KAFKA_NODE_ID"}
    }
    addresses = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    settings |= {
        "listeners": addresses,
        "advertised.listeners": addresses.rpartition(",")[0],
        "controller.quorum.voters": f"1@127.0.0.1:{ports['CONTROLLER']}",
    }
    broker = KafkaBroker(
        tmp_path, classpath=apache_classpath(), port=ports["INTERNAL"], controller_port=ports["CONTROLLER"],
        settings=settings,
    )  # fmt: skip
    broker.ready = lambda: all(map(port_open, ports.values()))
    with removed_afterwards(tmp_path), broker:
        broker.start()
        for listener in ("INTERNAL", "EXTERNAL"):
            ours = {
                name.removeprefix("SHOAL_").lower(): value
                for name, value in environment_of("worker", PASSWORDS).items()
                if name.startswith("SHOAL_KAFKA_")
            }
            kafka = KafkaSettings(kafka=f"127.0.0.1:{ports[listener]}", topic_prefix=f"{listener}-", **ours)
            assert create_topics(kafka.kafka, topic_specs(kafka)[:1], kafka.security)
            wrong = KafkaSettings(kafka=kafka.kafka, **ours | {"kafka_password": "wrong"})
            with pytest.raises(KafkaRefuses, match="the user 'shoal' or the password is wrong"):
                partition_counts(wrong.kafka, topic_specs(wrong), wrong.security)
