"""The deployment files agree with the compose specification, with each other, and with the commands there are."""

import fnmatch
import hashlib
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

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
    assert "--appendonly yes --appendfsync everysec" in redis["command"]


def test_addresses_are_those_of_the_listeners():
    environment = SERVICES["kafka"]["environment"]
    advertised = dict(item.split("://") for item in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))
    bound = dict(item.split("://") for item in environment["KAFKA_LISTENERS"].split(","))
    assert bound.keys() - advertised.keys() == {environment["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert SERVICES["kafka"]["ports"] == [f"{advertised['EXTERNAL']}{bound['EXTERNAL']}"]
    for name, service in OF_SHOAL.items():
        assert service["environment"]["SHOAL_KAFKA"] == advertised["INTERNAL"], name
        assert service["environment"]["SHOAL_REDIS"] == "redis://redis:6379/0", name


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
