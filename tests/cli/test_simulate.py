"""`shoal simulate`: into files and onto Kafka, paced, stopped half-way, from a scenario file."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from typer.testing import CliRunner, Result

from cli import simulate
from cli.feeding.event_sinks import FileTaken
from cli.feeding.pacing import Pace, paced
from cli.main import app
from events.settings import KafkaSettings
from events.topics.administration import TopicsMisconfigured, create_topics
from events.topics.partitioning import partitions_of
from events.topics.specs import topic_specs
from simulation.event_merging import TOPICS, TRUTH, Batch
from simulation.scenarios.named_scenarios import SCENARIOS
from simulation.scenarios.scenario import ScenarioInvalid
from simulation.shop import MAX_DAYS
from tests.waiting import until

PARTITIONS = 3
ROOT = Path(__file__).parents[2]


def shoal(*arguments: object, fails: bool = False, **environment: str) -> Result:
    result = CliRunner().invoke(app, ["simulate", *map(str, arguments)], env=environment)
    if result.exception is not None and not fails:
        raise result.exception
    return result


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def signals_as_before():
    """The command catches SIGINT and SIGTERM; here it runs in the process of the tests."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


pytestmark = pytest.mark.usefixtures("signals_as_before")


def test_a_folder_gets_a_file_of_each_topic_and_the_truth(tmp_path: Path) -> None:
    told = json.loads(shoal("--customers", 200, "--days", 120, "--seed", 3, "--to", tmp_path / "a", "--json").stdout)
    assert told.pop("seconds") >= 0
    found = {topic: lines(tmp_path / "a" / f"{topic}.jsonl") for topic in TOPICS}
    times = [event["occurred_at"] for topic in found.values() for event in topic]
    truth = lines(tmp_path / "a" / "truth.jsonl")
    assert told == {
        "scenario": "default",
        "seed": 3,
        "customers": 200,
        "to": str(tmp_path / "a"),
        "events": sum(map(len, found.values())),
        "topics": {topic: len(events) for topic, events in found.items()},
        "first": min(times),
        "last": max(times),
        "truth": str(tmp_path / "a" / "truth.jsonl"),
        "stopped": False,
    }
    assert min(told["topics"].values()) > 0
    assert truth[0]["kind"] == "scenario"
    known = {line["customer_id"] for line in truth[1:] if line["kind"] == "customer"}
    assert {event["customer_id"] for events in found.values() for event in events} == known


def test_the_same_seed_gives_the_same_files_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        shoal("--customers", 50, "--days", 30, "--seed", seed, "--to", tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b") != contents(tmp_path / "c")


def test_it_ends_after_so_many_events(tmp_path: Path) -> None:
    told = json.loads(shoal("--customers", 50, "--events", 777, "--to", tmp_path / "a", "--json").stdout)
    assert told["events"] == sum(len(lines(tmp_path / "a" / f"{topic}.jsonl")) for topic in TOPICS) == 777


def test_what_it_did_is_told_in_a_sentence(tmp_path: Path) -> None:
    result = shoal("--scenario", "stationary", "--customers", 50, "--events", 1_000, "--to", tmp_path / "a")
    assert result.stdout.startswith(f"1,000 events of the scenario stationary to {tmp_path / 'a'} in ")
    assert f"The truth is in {tmp_path / 'a' / 'truth.jsonl'}.\n" in result.stdout


@pytest.mark.parametrize("there", ["orders.jsonl", "truth.jsonl"])
def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    result = shoal("--customers", 5, "--to", tmp_path, fails=True)
    assert isinstance(result.exception, FileTaken)
    assert str(result.exception) == f"{tmp_path / there} is there already; remove it, or choose another place"
    assert contents(tmp_path) == {there: b"mine"}


def test_a_scenario_is_shown_and_read_again_as_json_and_as_yaml(tmp_path: Path) -> None:
    shown = json.loads(shoal("--scenario", "promotion", "--show").stdout)
    (tmp_path / "one.json").write_text(json.dumps(shown))
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(shown))
    for name in ("promotion", str(tmp_path / "one.json"), str(tmp_path / "two.yaml")):
        shoal("--scenario", name, "--customers", 20, "--days", 20, "--to", tmp_path / Path(name).stem / "out")
        assert contents(tmp_path / Path(name).stem / "out") == contents(tmp_path / "promotion" / "out")


def test_a_scenario_file_that_is_wrong_says_where(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\ngroups: [{name: a, share: 1, buying: {r: -1, alpha: 2}, spend: {p: 1, q: 2, gamma: 3}}]")
    result = shoal("--scenario", path, "--to", tmp_path / "a", fails=True)
    assert isinstance(result.exception, ScenarioInvalid)
    assert str(result.exception) == f"{path}: groups.0.buying.r: input should be greater than 0, found -1"
    path.write_bytes(b"\xff\xfe")
    assert str(shoal("--scenario", path, fails=True).exception).startswith(f"{path} cannot be read: ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--scenario", "nothing"], f"the scenarios are {', '.join(SCENARIOS)}"),
        (["--events", "5", "--days", "5"], "choose --events or --days, not both"),
        (["--rate", "5", "--speed", "5"], "choose --rate or --speed, not both"),
        (["--start", "yesterday"], "should be an RFC 3339 date-time"),
        (["--start", "1969-01-01T00:00:00Z"], "1970 to 2999"),
        (["--customers", "0"], "--customers"),
        (["--to", __file__], "is a file, not a folder"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], told: str) -> None:
    result = shoal(*arguments, fails=True, COLUMNS="300")
    assert result.exit_code == 2
    assert told in result.stderr


def test_days_are_bounded_as_the_shop_is() -> None:
    assert simulate._MAX_DAYS == MAX_DAYS


def test_ctrl_c_ends_it_with_what_was_given_out(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "simulate", "--customers", "500", "--rate", "400", "--to", "out"]
    run = subprocess.Popen(
        [*command, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'clients/python'}"},
    )
    try:
        profiles = tmp_path / "out" / "customers.jsonl"
        until(lambda: run.poll() is not None or (profiles.exists() and profiles.stat().st_size), what="a profile")
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 0, err
    told = json.loads(out)
    assert told["stopped"]
    assert 0 < told["events"] == sum(len(lines(tmp_path / "out" / f"{topic}.jsonl")) for topic in TOPICS) < 20_000


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def stop(self) -> threading.Event:
        event = threading.Event()
        event.wait = lambda timeout=None: self.pass_by(timeout)  # type: ignore[method-assign]
        return event

    def pass_by(self, seconds: float | None) -> bool:
        self.now += seconds or 0.0
        return False


def batch(times: list[int], topics: list[int]) -> Batch:
    nothing = np.array([None] * len(times), np.object_)
    return Batch(np.array(times, np.int64), np.array(topics, np.int8), nothing, nothing)


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (Pace(1_000, speed=10), {1_000: 0.0, 31_000: 3.0, 61_000: 6.0, 71_000: 7.0}),
        (Pace(1_000, rate=2), {1_000: 0.5, 31_000: 1.0, 61_000: 1.0, 71_000: 1.5}),
        (Pace(1_000), {1_000: 0.0, 31_000: 0.0, 61_000: 0.0, 71_000: 0.0}),
    ],
)
def test_events_are_given_out_when_they_are_due(pace: Pace, expected: dict[int, float]) -> None:
    clock, found = Clock(), {}
    batches = [batch([1_000, 31_000], [0, 0]), batch([61_000, 71_000], [TRUTH, 1])]
    for part in paced(iter(batches), pace, clock.stop(), clock):
        found |= dict.fromkeys(part.times.tolist(), clock.now - 100)
    assert found == pytest.approx(expected)


def test_large_batches_are_given_out_in_parts_between_which_it_can_be_stopped() -> None:
    stop, sizes = threading.Event(), []
    for part in paced(iter([batch([0] * 12_000, [0] * 12_000)]), Pace(0), stop):
        sizes.append(len(part))
        if len(sizes) == 2:
            stop.set()
    assert sizes == [5_000, 5_000]


@pytest.fixture
def settings(kafka: str, topic_prefix: str) -> KafkaSettings:
    """Settings of topics that exist and are empty."""
    made = KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=PARTITIONS)
    create_topics(kafka, [spec for spec in topic_specs(made) if spec.name.removeprefix(topic_prefix) in TOPICS])
    return made


@pytest.fixture
def on_kafka(settings: KafkaSettings) -> Callable[..., Result]:
    """Runs the command against it."""

    def run(*arguments: object) -> Result:
        environment = {"SHOAL_TOPIC_PREFIX": settings.topic_prefix, "SHOAL_PARTITIONS": str(PARTITIONS)}
        return shoal(*arguments, "--kafka", settings.kafka, **environment)

    return run


def published(settings: KafkaSettings, count: int) -> list[tuple[str, bytes, bytes, int]]:
    """Topic, key, value and partition of all messages; waits for `count` and then a little for one too many."""
    consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": settings.topic("test")})
    places = [TopicPartition(settings.topic(t), p, OFFSET_BEGINNING) for t in TOPICS for p in range(PARTITIONS)]
    deadline, found = time.monotonic() + 60, []
    try:
        consumer.assign(places)
        while len(found) < count and time.monotonic() < deadline:
            found += consumer.consume(10_000, 0.2)
        found += consumer.consume(1, 0.3)
    finally:
        consumer.close()
    assert all(message.error() is None for message in found)
    name = len(settings.topic_prefix)
    return [(each.topic()[name:], each.key(), each.value(), each.partition()) for each in found]


def test_kafka_gets_what_a_folder_would(
    on_kafka: Callable[..., Result], settings: KafkaSettings, tmp_path: Path
) -> None:
    shop = ("--customers", 100, "--days", 120)
    told = json.loads(on_kafka(*shop, "--truth", tmp_path / "truth.jsonl", "--json").stdout)
    assert (told["to"], told["truth"]) == (settings.kafka, str(tmp_path / "truth.jsonl"))
    shoal(*shop, "--to", tmp_path / "a")
    found = published(settings, told["events"])
    assert len(found) == told["events"]
    for topic in TOPICS:
        values = [value for name, _, value, _ in found if name == topic]
        assert sorted(values) == sorted((tmp_path / "a" / f"{topic}.jsonl").read_bytes().splitlines())
    keys = [key.decode() for _, key, _, _ in found]
    assert keys == [json.loads(value)["customer_id"] for _, _, value, _ in found]
    assert partitions_of(keys, PARTITIONS).tolist() == [partition for *_, partition in found]
    assert (tmp_path / "truth.jsonl").read_bytes() == (tmp_path / "a" / "truth.jsonl").read_bytes()


def test_events_that_a_worker_would_refuse_are_told_of(on_kafka: Callable[..., Result]) -> None:
    result = on_kafka("--customers", 1, "--days", 30, "--start", "now")
    assert "a worker refuses events that lie more than SHOAL_FUTURE_HOURS ahead" in " ".join(result.stderr.split())
    assert "a worker refuses" not in on_kafka("--customers", 1, "--days", 30).stderr


def test_nothing_is_published_where_a_topic_is_missing(kafka: str, topic_prefix: str) -> None:
    result = shoal("--kafka", kafka, fails=True, SHOAL_TOPIC_PREFIX=topic_prefix)
    assert isinstance(result.exception, TopicsMisconfigured)
