"""`shoal publish` and `shoal import` against a broker: what is on the topic afterwards, and what is told."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from typer.testing import CliRunner, Result

from cli.feeding import file_sending
from cli.feeding.file_sending import Plan
from cli.formats.cdnow import read_cdnow, sample_path
from cli.formats.file_invalid import FileInvalid
from cli.main import app
from cli.publish import NothingValid, Topic
from events.schema.inputs import INPUTS
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable, TopicsMisconfigured, create_topics
from events.topics.partitioning import partitions_of
from events.topics.specs import topic_specs
from shoal_client.errors import PublishFailed
from tests.cli.formats.thelook.exporting import event, item, order, user, write

ROOT = Path(__file__).parents[2]
PARTITIONS = 3
Shoal = Callable[..., Result]


def orders(count: int, **last: Any) -> str:
    rows = [
        {
            "event_id": f"e{n}",
            "customer_id": f"c{n}",
            "occurred_at": "2026-01-31T12:00:00Z",
            "order_id": f"o{n}",
            "amount": 12.3,
            "currency": "EUR",
        }
        for n in range(count)
    ]
    rows[-1] |= last
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def settings(kafka: str, topic_prefix: str) -> KafkaSettings:
    """Settings of topics that exist and are empty."""
    made = KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=PARTITIONS)
    create_topics(kafka, [spec for spec in topic_specs(made) if spec.name.removeprefix(topic_prefix) in INPUTS])
    return made


@pytest.fixture
def shoal(settings: KafkaSettings) -> Shoal:
    """Runs a command in this process."""

    def run(*arguments: str | Path, stdin: str | None = None, fails: bool = False) -> Result:
        environment = {"SHOAL_TOPIC_PREFIX": settings.topic_prefix, "SHOAL_PARTITIONS": str(PARTITIONS)}
        result = CliRunner().invoke(
            app, [*map(str, arguments), "--kafka", settings.kafka], input=stdin, env=environment
        )
        if result.exception is not None and not fails:
            raise result.exception
        return result

    return run


def published(settings: KafkaSettings, topic: str, count: int) -> list[tuple[str, Any, int]]:
    """Key, event and partition of the messages of a topic; waits for `count` and then a little for one too many."""
    consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": settings.topic("test")})
    name, found = settings.topic(topic), []
    deadline = time.monotonic() + 60
    try:
        consumer.assign([TopicPartition(name, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)])
        while len(found) < count and time.monotonic() < deadline:
            found += consumer.consume(10_000, 0.2)
        found += consumer.consume(1, 0.3)
    finally:
        consumer.close()
    assert all(message.error() is None for message in found)
    read = INPUTS[topic].model_validate_json
    return [((message.key() or b"").decode(), read(message.value() or b""), message.partition()) for message in found]


def test_topics_are_the_inputs() -> None:
    assert list(get_args(Topic)) == list(INPUTS)


def test_a_file_is_published_by_customer(shoal: Shoal, settings: KafkaSettings, tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text(orders(20))
    result = shoal("publish", "orders", path, "--json")
    told = json.loads(result.stdout)
    assert told.pop("seconds") >= 0
    assert told == {"topic": "orders", "file": str(path), "published": 20, "duplicates": 0, "skipped": 0}
    found = published(settings, "orders", 20)
    assert sorted(event.event_id for _, event, _ in found) == sorted(f"e{n}" for n in range(20))
    assert all(key == event.customer_id for key, event, _ in found)
    expected = partitions_of([key for key, _, _ in found], PARTITIONS).tolist()
    assert [partition for _, _, partition in found] == expected
    assert "20 events published to orders in" in shoal("publish", "orders", path).stdout


def test_stdin_is_published(shoal: Shoal, settings: KafkaSettings) -> None:
    told = json.loads(shoal("publish", "orders", "-", "--json", stdin=orders(3)).stdout)
    assert (told["file"], told["published"]) == ("-", 3)
    assert len(published(settings, "orders", 3)) == 3


def test_what_stands_before_an_invalid_line_is_published(shoal: Shoal, settings: KafkaSettings, tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text(orders(5, amount="x") + orders(3))
    result = shoal("publish", "orders", path, fails=True)
    assert isinstance(result.exception, FileInvalid)
    assert str(result.exception) == (
        f"{path} line 5: amount: should be a plain decimal amount such as 12.34, found 'x'; "
        "4 events before it were published, none after it"
    )
    assert result.stdout == ""
    assert len(published(settings, "orders", 4)) == 4


def test_invalid_lines_are_skipped_counted_and_told(shoal: Shoal, settings: KafkaSettings, tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text(orders(2, amount="x") + "hello [bold]\n" * 6 + orders(1, event_id="last"))
    result = shoal("publish", "orders", path, "--skip-invalid", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["published"], told["skipped"]) == (0, 2, 7)
    assert "skipped, because not valid: 7" in result.stderr
    assert f"{path} line 2: amount: " in result.stderr
    assert "… and 2 more" in result.stderr
    assert {event.event_id for _, event, _ in published(settings, "orders", 2)} == {"e0", "last"}


def test_a_file_without_a_valid_event_is_a_failure(shoal: Shoal, tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text("hello\n")
    result = shoal("publish", "orders", path, "--skip-invalid", fails=True)
    assert isinstance(result.exception, NothingValid)
    assert "line 1: not JSON: " in result.stderr


def test_nothing_is_published_to_a_topic_that_is_not_there(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text(orders(1))
    environment = {"SHOAL_TOPIC_PREFIX": topic_prefix}
    result = CliRunner().invoke(app, ["publish", "orders", str(path), "--kafka", kafka], env=environment)
    assert isinstance(result.exception, TopicsMisconfigured)
    assert str(result.exception).startswith(f"there is no topic {topic_prefix}orders on {kafka}; run ")


def test_cdnow_is_imported(shoal: Shoal, settings: KafkaSettings) -> None:
    told = json.loads(shoal("import", "cdnow", sample_path(), "--json").stdout)
    assert told.items() >= {"topic": "orders", "format": "cdnow", "published": 6919, "duplicates": 0}.items()
    found = published(settings, "orders", 6919)
    assert {event.event_id: event for _, event, _ in found} == {
        event.event_id: event for event in read_cdnow(sample_path())
    }
    assert len(found) == 6919


def test_some_events_may_be_sent_twice_in_another_order(shoal: Shoal, settings: KafkaSettings) -> None:
    options = ("--limit", "200", "--duplicate", "0.5", "--shuffle", "7", "--json")
    told = json.loads(shoal("import", "cdnow", *options).stdout)
    counts = Counter(event.event_id for _, event, _ in published(settings, "orders", told["published"]))
    assert set(counts) == {event.event_id for event, _ in zip(read_cdnow(sample_path()), range(200), strict=False)}
    assert Counter(counts.values()) == {1: 200 - told["duplicates"], 2: told["duplicates"]}
    assert 60 < told["duplicates"] < 140
    assert told["published"] == 200 + told["duplicates"]


RETAIL = """InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,a,2,2010-12-01 08:26:00,1.5,12347.0,EIRE
C2,a,-1,2010-12-02 08:26:00,1.5,12347.0,EIRE
3,a,1,2010-12-02 08:26:00,1.5,,France
4,a,1,2010-12-02 09:00:00,1.5,12348.0,Unspecified
"""


def test_online_retail_is_imported_and_its_rows_accounted_for(
    shoal: Shoal, settings: KafkaSettings, tmp_path: Path
) -> None:
    path = tmp_path / "retail.csv"
    path.write_text(RETAIL)
    told = json.loads(shoal("import", "online-retail", path, "--json").stdout)
    del told["seconds"]
    assert told == {
        "topic": "orders",
        "format": "online-retail",
        "file": str(path),
        "published": 3,
        "duplicates": 0,
        "topics": {"orders": 3, "customers": 1},
        "rows": 4,
        "orders": 2,
        "refunds": 1,
        "rows_skipped": {"no_customer": 1, "zero_amount": 0, "unexpected_sign": 0},
        "profiles": 1,
        "profiles_skipped": {"unknown_country": 1},
    }
    kinds = {event.order_id: (event.type, str(event.amount)) for _, event, _ in published(settings, "orders", 3)}
    assert kinds == {"1": ("placed", "3.00"), None: ("refunded", "1.50"), "4": ("placed", "1.50")}
    ((key, profile, _),) = published(settings, "customers", 1)
    assert (key, profile.customer_id, profile.country) == ("12347", "12347", "Ireland")
    said = shoal("import", "online-retail", path).stdout
    assert "1 events published to customers in" in said
    assert "; 1 rows skipped: no customer; 1 profiles skipped: unknown country" in said
    again = {event.event_id for _, event, _ in published(settings, "customers", 2)}
    assert again == {profile.event_id}


def test_online_retail_without_countries_publishes_orders_alone(
    shoal: Shoal, settings: KafkaSettings, tmp_path: Path
) -> None:
    path = tmp_path / "retail.csv"
    path.write_text("".join(line.rpartition(",")[0] + "\n" for line in RETAIL.splitlines()))
    told = json.loads(shoal("import", "online-retail", path, "--json").stdout)
    assert (told["published"], told["profiles"], told["profiles_skipped"]) == (3, 0, {"unknown_country": 0})
    assert "topics" not in told
    assert published(settings, "customers", 0) == []


def test_thelook_is_imported_to_three_topics_and_its_rows_accounted_for(
    shoal: Shoal, settings: KafkaSettings, tmp_path: Path
) -> None:
    write(
        tmp_path,
        users=[user("7"), user("8", country="Nowhere")],
        orders=[order("1"), order("2", "8", "Cancelled"), order("3", "")],
        order_items=[item("1", "1", "5.25"), item("2", "2", "6", "Cancelled"), item("3", "3", "7")],
        events=[event("s", "2023-01-05 10:00:00 UTC", "cart"), event("t", "2023-01-05 10:00:00 UTC", user_id="")],
    )
    told = json.loads(shoal("import", "thelook", tmp_path, "--json").stdout)
    del told["seconds"]
    assert told == {
        "topic": "orders",
        "format": "thelook",
        "file": str(tmp_path),
        "published": 3,
        "duplicates": 0,
        "topics": {"orders": 3, "web-sessions": 1, "customers": 2},
        "rows": {"users": 2, "orders": 3, "order_items": 3, "events": 2},
        "orders": 2,
        "cancellations": 1,
        "refunds": 0,
        "sessions": 1,
        "profiles": 2,
        "rows_skipped": {
            "users": {"no_id": 0, "no_time": 0, "repeated": 0},
            "orders": {"no_id": 0, "no_user": 1, "no_time": 0, "repeated": 0, "no_items": 0},
            "order_items": {"no_order": 1, "no_product": 0, "no_price": 0, "repeated": 0, "cancelled_alone": 0},
            "events": {"no_user": 1, "no_session": 0, "no_time": 0},
        },
        "cells_skipped": {"age": 0, "country": 1, "coordinates": 0},
    }
    orders_found = [event for _, event, _ in published(settings, "orders", 3)]
    assert {(each.order_id, each.type, str(each.amount), each.currency) for each in orders_found} == {
        ("1", "placed", "5.25", "USD"), ("2", "placed", "6.00", "USD"), ("2", "cancelled", "6.00", "USD"),
    }  # fmt: skip
    ((key, session, _),) = published(settings, "web-sessions", 1)
    assert (key, session.pages, session.cart_adds) == ("7", 1, 1)
    profiles = {key: profile.country for key, profile, _ in published(settings, "customers", 2)}
    assert profiles == {"7": "Brazil", "8": None}
    said = shoal("import", "thelook", tmp_path).stdout
    assert "2 events published to customers in" in said
    assert "; 1 rows of events skipped: no user; 1 cells skipped: country" in said


def test_events_on_their_way_are_bounded(
    shoal: Shoal, settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_sending, "_MAX_IN_FLIGHT", 7)
    monkeypatch.setattr(file_sending, "_PROGRESS_EVERY", 3)
    assert json.loads(shoal("import", "cdnow", "--limit", "50", "--json").stdout)["published"] == 50
    assert len(published(settings, "orders", 50)) == 50


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["publish", "orderz", "-"], "'orderz' is not one of"),
        (["publish", "orders", "nowhere.jsonl"], "there is no file nowhere.jsonl"),
        (["import", "cdnow", "nowhere.txt"], "does not exist"),
        (["import", "cdnow", "--duplicate", "2"], "--duplicate"),
        (["import", "nothing"], "nothing"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_failures_end_with_1_and_one_line_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "orders.txt").touch()
    run = subprocess.run(
        [sys.executable, "-m", "cli.main", "publish", "orders", "orders.txt"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'clients/python'}"},
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "error: orders.txt: its name should end in .jsonl, .csv or .parquet, which tells the format\n"


def test_a_plan_is_repeatable_and_expects_what_it_sends() -> None:
    log = read_cdnow(sample_path())
    plan = Plan(limit=1000, shuffle=3, duplicate=0.1)
    assert list(plan.messages(log)) == list(plan.messages(log))
    assert list(plan.messages(log)) != list(Plan(limit=1000, shuffle=4, duplicate=0.1).messages(log))
    assert plan.expected(log) == 1100
    assert Plan().expected(log) == 6919
    assert Plan(limit=10_000).expected(log) == 6919
    assert Plan(limit=5).expected(iter(log)) == 5
    assert Plan().expected(iter(log)) is None


def test_without_a_broker_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text(orders(1))
    result = CliRunner().invoke(app, ["publish", "orders", str(path), "--kafka", "127.0.0.1:1"])
    assert isinstance(result.exception, KafkaUnreachable | PublishFailed)
    assert "127.0.0.1:1" in str(result.exception)


def test_an_export_is_imported_and_importing_it_again_tells_the_same_events(
    shoal: Shoal, settings: KafkaSettings, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "Order ID,Customer ID,Order Date,Total,Currency,Status\n1,a,2026-01-31T10:00:00Z,10.50,EUR,paid\n"
        "2,b,2026-01-31T11:00:00Z,20.00,EUR,refunded\n3,,2026-01-31T11:00:00Z,20.00,EUR,paid\n"
    )
    result = shoal("import", "orders", path, "--json")
    told = json.loads(result.stdout)
    assert (told["topic"], told["published"], told["rows"], told["rows_refused"]) == ("orders", 3, 3, 1)
    assert "row 4, column Customer ID: a row needs a customer" in result.stderr
    first = published(settings, "orders", 3)
    assert sorted((event.event_id, event.type) for _, event, _ in first) == [
        ("order-1-placed", "placed"),
        ("order-2-placed", "placed"),
        ("order-2-refunded", "refunded"),
    ]
    shoal("import", "orders", path)
    assert Counter(event.event_id for _, event, _ in published(settings, "orders", 6)) == Counter(
        {event.event_id: 2 for _, event, _ in first}
    )
