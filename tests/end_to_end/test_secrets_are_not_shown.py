"""Everything is run with a marked password, and what it prints, logs and shows in the process list is searched."""

import base64
import json
import sys
from pathlib import Path

import pytest
import redis as redis_py
import typer

from cli.local.service_addresses import LocalAddresses
from cli.main import app, main
from state.settings import StateSettings
from stream.campaigns.webhook_request import new_secret
from tests.service import Service, running
from tests.shop import purchases
from tests.waiting import until

MARK = "m4rked"
SECRET = new_secret()
SECRETS_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
COMMANDS = [
    each.split()
    for each in (
        "topics create", "topics check", "topics acls", "health", "health --json", "doctor", "doctor --json",
        "segments", "segments --json", "customer C1",
        "customer nobody", "wait --timeout 1", "merge C1 C2", "erase C1", "publish orders FOLDER/nothing.jsonl",
        "rebaseline", "simulate --customers 5 --days 3 --seed 1", "import cdnow",
        "trigger add t --url http://127.0.0.1:9/x", "trigger list --json", "trigger test t", "trigger log --json",
        "trigger dead --json", "trigger seal --json", "trigger remove t",
        "trigger add bad --url http://h/ --secret SECRET!",
        "suppress add C1", "suppress list --json", "suppress remove C1", "dead-letters list", "dead-letters replay",
        "experiment create e --variant A --variant B --control A", "experiment list --json", "experiment report e",
        "experiment power", "experiment update e --variant A --variant B --control A", "experiment assign e C1",
        "experiment stop e", "baselines list --json", "baselines show 1", "baselines approve 1", "baselines reject 1",
        "baselines rollback", "accept-gap orders",
        "baselines rename 1 s1 Name", "baselines report 1 --to FOLDER/report.html",
        "export experiments --to FOLDER/e.csv", "export segments --to FOLDER/s.csv", "export customer C1",
        "keys list --json", "keys sessions --json", "keys end-session 0123456789ab",
        "keys revoke 0123456789ab", "keys sign-in 0123456789ab", "audit export", "audit check",
        "import orders FOLDER/nothing.csv", "import customers FOLDER/nothing.csv", "import sessions FOLDER/nothing.csv",
    )
]  # fmt: skip
STAY = {"worker", "experiments", "triggers", "batch", "api"}
"""Services; they are run as processes."""
ELSEWHERE = {
    "demo", "up", "down",  # their Redis is embedded: `tests/end_to_end/test_command_line.py`
    "import online-retail", "import mall", "import thelook",  # as `import cdnow`, of data sets that are not here
    "keys create", "keys rotate",  # its output is a secret
}  # fmt: skip
AWAY = (
    "health",
    "health --json",
    "segments",
    "keys list",
    "trigger list",
    "audit export",
    "baselines list",
    "erase C1",
)
"""Commands that are run once more where Redis is away."""
UNREADABLE = ("redis://shoal:m4rked/x@127.0.0.1:1/0", "redis://shoal:1#m4rked@127.0.0.1/0", "redis://:m4[rked@h/0")


def all_commands(command: object, path: str = "") -> set[str]:
    found = getattr(command, "commands", None)
    if found is None:
        return {path.strip()}
    return {each for name, below in found.items() for each in all_commands(below, f"{path} {name}")}


def test_every_command_is_run_here():
    run = {
        name
        for name in all_commands(typer.main.get_command(app))
        if any(" ".join(c).startswith(name) for c in COMMANDS)
    }
    assert run | STAY | ELSEWHERE == all_commands(typer.main.get_command(app))


@pytest.fixture
def url(own_redis) -> str:
    """A Redis with a user and a marked password."""
    server = own_redis()
    with redis_py.Redis.from_url(server.url) as client:
        client.acl_setuser(
            "shoal", enabled=True, passwords=["+" + MARK], keys=["*"], channels=["*"], categories=["+@all"]
        )
    return server.url.replace("redis://", f"redis://shoal:{MARK}@")


def said_by(command: list[str], folder: Path, monkeypatch, capfd) -> str:
    """Run a command as from the shell; return all that it prints, and how it ends."""
    arguments = [each.replace("FOLDER", str(folder)).replace("SECRET", SECRET) for each in command]
    monkeypatch.setattr(sys, "argv", ["shoal", *arguments])
    ended: object = 0
    try:
        main()
    except SystemExit as exit_:
        ended = exit_.code
    except Exception as error:  # a traceback is output, too
        ended = repr(error)
    done = capfd.readouterr()
    return f"{done.out}\n{done.err}\nexit {ended}"


@pytest.fixture
def service(kafka, url, topic_prefix, tmp_path, monkeypatch):
    """A deployment whose settings, with the password, the commands of this process have too."""
    with running(Service(kafka, url, topic_prefix, tmp_path)) as service:
        service.environment["SHOAL_SECRETS_KEY"] = SECRETS_KEY
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        yield service


def test_no_service_logs_the_password_or_has_it_in_the_process_list(service, url, tmp_path):
    children = [service.spawn(name) for name in ("worker", "experiments", "triggers", "batch")]
    children.append(service.spawn("api", "--port", "0", "--redis", url))
    service.publish(purchases()[:50])
    service.until_processed()
    for child in children:
        assert child.running, child.log_tail(50)
        assert MARK.encode() not in Path(f"/proc/{child.pid}/cmdline").read_bytes(), child.service
    service.redis.shutdown(nosave=True)
    until(lambda: "edis" in "".join(children[0].log_tail()), what="the worker misses Redis")
    for child in children:
        log = (tmp_path / f"{child.service}.log").read_text()
        assert MARK not in log, child.service
        assert SECRETS_KEY not in log, child.service


@pytest.mark.long
def test_no_command_prints_the_password_or_a_secret(service, tmp_path, monkeypatch, capfd):
    for command in COMMANDS:
        said = said_by(command, tmp_path, monkeypatch, capfd)
        assert MARK not in said, command
        assert SECRET not in said, command
        assert SECRETS_KEY not in said, command
    shown = json.loads(said_by(["health", "--json"], tmp_path, monkeypatch, capfd).rpartition("exit")[0])
    assert shown["redis"]["address"].startswith("redis://***@127.0.0.1:")
    service.redis.shutdown(nosave=True)
    for command in AWAY:
        said = said_by(command.split(), tmp_path, monkeypatch, capfd)
        assert MARK not in said, command
        assert "redis://***@" in said, command


@pytest.mark.parametrize("address", UNREADABLE)
def test_a_url_that_cannot_be_read_is_not_quoted(address, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("SHOAL_REDIS", address)
    said = said_by(["segments"], tmp_path, monkeypatch, capfd)
    assert "%2F" in said
    assert "exit 1" in said
    for part in ("m4", "rked", ":1 ", "'1"):
        assert part not in said.replace(str(tmp_path), "")


def test_no_repr_shows_it():
    url = f"redis://shoal:{MARK}@h/0"
    assert MARK not in repr(StateSettings(redis=url))
    assert MARK not in repr(LocalAddresses(kafka="k", redis=url))
