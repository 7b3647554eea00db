"""The command line as a newcomer uses it, in an empty folder, on the embedded services."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from cli.formats.cdnow import sample_path
from cli.local.embedded import ChildProcess
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

FREE = {name: value for name, value in os.environ.items() if not name.startswith("SHOAL_")}


def shoal(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "cli.main", *arguments]
    return subprocess.run(command, cwd=folder, env=FREE | settings, capture_output=True, text=True, timeout=200)


def started_up(folder: Path, **settings: str) -> ChildProcess:
    """Start `shoal up` in a folder and wait until it is up."""
    program = f"import os; os.chdir({str(folder)!r}); from cli.main import main; main()"
    child = ChildProcess(
        "shoal up", [sys.executable, "-P", "-c", program, "up"], log=folder / "up.log", env=FREE | settings
    )
    child.spawn()
    child.wait_until(lambda: "Ctrl-C" in (folder / "up.log").read_text(), PATIENCE_S)
    return child


def answer(folder: Path, *arguments: str):
    """Run a command with --json and return its document."""
    ran = shoal(folder, *arguments, "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def asked(address: str, key: str):
    """Return what the API answers."""
    answer = httpx2.get(address, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which `shoal up` runs and the sample has been imported."""
    place = tmp_path_factory.mktemp("shop")
    child = started_up(place)
    try:
        assert answer(place, "import", "cdnow", str(sample_path()))["published"] == 6_919
        answer(place, "wait", "--timeout", "90")
        yield place
    finally:
        child.stop(40)


def test_a_customer_is_what_the_file_says(folder):
    found = answer(folder, "customer", "00004")
    assert found["customer_id"] == "00004"
    assert found["frequency"] == 4
    assert found["monetary"] == 100.50
    assert found["first_order"] == "1997-01-01T00:00:00.000Z"
    assert found["recency_days"] == 200
    assert found["segment"]


def test_segments_have_the_keys_of_the_contract_and_hold_everyone(folder):
    found = answer(folder, "segments")
    assert {"baseline", "segments"} <= found.keys()
    assert sum(each["customers"] for each in found["segments"]) == 2_357
    assert all({"segment_id", "segment", "customers", "share", "profile"} <= each.keys() for each in found["segments"])
    assert sum(each["share"] for each in found["segments"]) == pytest.approx(1, abs=0.001)


def until_the_first_baseline_is_live(folder: Path) -> None:
    until(lambda: answer(folder, "segments")["baseline"] == 1, what="baseline 1 is live")


def test_the_first_baseline_goes_live_by_itself(folder):
    until_the_first_baseline_is_live(folder)


@pytest.mark.long
def test_lifetime_value_is_the_same_in_the_command_and_in_the_export(folder):
    until_the_first_baseline_is_live(folder)
    found = answer(folder, "customer", "00004")["lifetime"]
    assert (found["reason"], found["baseline"]) == (None, 1)
    assert 0 < found["probability_alive"] < 1
    assert 0 < found["lifetime_value"] < found["expected_orders"] * found["expected_amount"]
    told = answer(folder, "export", "segments", "--to", str(folder / "out.csv"))
    assert told["no_lifetime_value"] is None
    with (folder / "out.csv").open(newline="") as file:
        (row,) = [each for each in csv.DictReader(file) if each["customer_id"] == "00004"]
    # In a replay the export's present is that of the customer's own partition (`as_of`), some days earlier.
    assert float(row["lifetime_value"]) == pytest.approx(found["lifetime_value"], rel=0.05)
    assert float(row["probability_alive"]) == pytest.approx(found["probability_alive"], rel=0.05)
    shown = shoal(folder, "customer", "00004").stdout
    assert f"{found['lifetime_value']:,.2f}" in shown


def test_health_is_good_and_counts_every_event(folder):
    found = answer(folder, "health")
    assert found["healthy"]
    assert found["lag"] == {"events": 0, "changes": 0}
    assert found["events"] == {"orders:applied": 6_919}
    assert found["customers"] == 2_357
    tallying = found["experiments"]
    assert (tallying["declared"], tallying["behind"], len(tallying["consumers"])) == (0, 0, 1)
    assert tallying["events"] == found["events"]


@pytest.mark.long
def test_importing_again_changes_nothing(folder):
    before = answer(folder, "customer", "00004")
    answer(folder, "import", "cdnow", str(sample_path()))
    answer(folder, "wait", "--timeout", "90")
    after = answer(folder, "customer", "00004")
    assert (after["orders"], after["gross"]) == (before["orders"], before["gross"])
    assert answer(folder, "health")["events"]["orders:duplicate"] == 6_919


@pytest.mark.long
def test_published_events_in_a_file_arrive(folder):
    event = {
        "event_id": "w1",
        "customer_id": "visitor",
        "occurred_at": "1998-06-30T10:00:00Z",
        "started_at": "1998-06-30T09:50:00Z",
        "session_id": "w1",
        "pages": 7,
    }
    (folder / "sessions.jsonl").write_text(json.dumps(event) + "\n")
    assert answer(folder, "publish", "web-sessions", "sessions.jsonl")["published"] == 1
    answer(folder, "wait")
    found = answer(folder, "customer", "visitor")
    assert (found["sessions"], found["pages"], found["session_seconds"]) == (1, 7, 600)


def test_a_second_up_in_the_same_folder_is_refused(folder):
    ran = shoal(folder, "up")
    assert ran.returncode == 1
    assert "shoal down" in ran.stderr


def test_topics_are_as_they_should_be(folder):
    assert answer(folder, "topics", "create")["created"] == []
    assert answer(folder, "topics", "check")["ok"]


def test_an_unknown_customer_is_said_to_be_unknown(folder):
    ran = shoal(folder, "customer", "nobody")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "there is no customer 'nobody'" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["worker", "--kafka", "127.0.0.1:1"], "no Kafka broker answers at 127.0.0.1:1"),
        (["topics", "check", "--kafka", "127.0.0.1:1"], "no Kafka broker answers at 127.0.0.1:1"),
        (["customer", "x", "--redis", "redis://127.0.0.1:1/0"], "no Redis answers at redis://127.0.0.1:1/0"),
        (["health", "--redis", "redis://127.0.0.1:1/0", "--kafka", "127.0.0.1:1"], "no Redis answers"),
        (["publish", "orders", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_errors_say_what_is_wrong(tmp_path, arguments, says):
    ran = shoal(tmp_path, *arguments)
    assert ran.returncode in (1, 2)
    said = " ".join((ran.stderr + ran.stdout).split())
    assert says in said
    assert "Traceback" not in said


def test_a_wrong_setting_is_named_with_its_value(tmp_path):
    ran = shoal(tmp_path, "topics", "check", SHOAL_PARTITIONS="many")
    assert ran.returncode == 2
    assert "SHOAL_PARTITIONS" in ran.stderr
    assert "many" in ran.stderr


def test_wrong_usage_exits_2(tmp_path):
    assert shoal(tmp_path, "customer").returncode == 2
    assert shoal(tmp_path, "nothing-like-it").returncode == 2


@pytest.mark.parametrize(
    "command",
    [
        *("demo", "up", "down", "worker", "batch", "publish", "wait", "customer", "segments", "health", "api"),
        *("keys create", "keys list", "keys revoke", "keys sign-in", "audit export"),
        *("topics create", "topics check", "import cdnow", "import online-retail", "import thelook"),
    ],
)
def test_every_command_shows_an_example(tmp_path, command):
    ran = shoal(tmp_path, *command.split(), "--help", COLUMNS="200")
    assert ran.returncode == 0
    assert "Example" in ran.stdout


@pytest.mark.long
def test_down_ends_everything_and_may_be_repeated(tmp_path):
    child = started_up(tmp_path)
    addresses = json.loads((tmp_path / ".shoal" / "local.json").read_text())
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / ".shoal").rglob("*.log")} == {0}
    assert (tmp_path / ".shoal" / "local.json").stat().st_mode & 0o777 == 0o600
    assert re.match(r"redis://:[^@]{20,}@127", addresses["redis"])
    assert addresses.keys() == {"kafka", "redis", "api"}
    said = (tmp_path / "up.log").read_text()
    (key,) = re.findall(r"API key +(\S+)", said)
    assert f"{addresses['api']}/sign-in?token=" in said
    assert asked(f"{addresses['api']}/v1/operations", key)["partitions_without_worker"] == []
    assert answer(tmp_path, "down") == {"stopped": True}
    child.finish(PATIENCE_S)
    assert not (tmp_path / ".shoal" / "local.json").exists()
    assert answer(tmp_path, "down") == {"stopped": False}


def test_the_demo_ends_with_a_summary_in_which_all_agrees(tmp_path):
    ran = shoal(tmp_path, "demo", "--exit", "--seconds", "5", COLUMNS="120")
    assert ran.returncode == 0, ran.stderr
    assert "6,919 orders published: 6,919 applied." in ran.stdout
    assert "for 2,357 of 2,357 customers" in ran.stdout
    assert "baseline 1" in ran.stdout
    assert [path.name for path in tmp_path.iterdir()] == [".shoal"], "nothing else is left in the folder"
