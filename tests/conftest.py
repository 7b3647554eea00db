"""Fixtures of all tests: a Kafka broker and a Redis server for the session, and others for a test of its own."""

import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis as redis_py
from hypothesis import HealthCheck, settings

from cli.local.embedded import KafkaBroker, RedisServer, TansuBroker, start_redis
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.specs import topic_specs

# Relative, because the folder above need not be on sys.path.
from tests.brokers import REDIS_DATABASES, KafkaChoice, removed_afterwards, start_kafka
from tests.service import Service, running

CHOICE = pytest.StashKey[KafkaChoice]()

SERVERS = {"kafka": {"kafka", "own_kafka"}, "redis": {"redis_server", "own_redis"}}
"""Markers that tests have by their fixtures, directly or through others."""

LONGEST_FOLDERS = {"invariants", "end_to_end", "packaging"}
"""Whose files run first: at the end, one of them would keep one process busy for minutes beside idle ones."""

# How long an example takes says something of what else the machine does, too.
settings.register_profile("shoal", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shoal")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[CHOICE] = choice = KafkaChoice.made(os.environ)
    if choice.refused_by_ci(os.environ):
        raise pytest.UsageError(f"CI runs on Apache Kafka, and here it would be {choice.name}: {choice.reason}")


def pytest_report_header(config: pytest.Config) -> str:
    choice = config.stash[CHOICE]
    return f"kafka: {choice.name}, because {choice.reason}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    choice = config.stash[CHOICE]
    for item in items:
        for marker, fixtures in SERVERS.items():
            if not fixtures.isdisjoint(getattr(item, "fixturenames", ())):
                item.add_marker(marker)
        if item.get_closest_marker("durable") and not choice.apache:
            item.add_marker(pytest.mark.skip(f"needs a broker that survives a restart; this is {choice.name}"))
    items.sort(key=lambda item: item.path.parent.name not in LONGEST_FOLDERS)


@pytest.fixture(scope="session")
def kafka_choice(pytestconfig: pytest.Config) -> KafkaChoice:
    """Which Kafka the tests run on."""
    return pytestconfig.stash[CHOICE]


@pytest.fixture(scope="session")
def kafka(kafka_choice: KafkaChoice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address (host:port) of the session's Kafka; tests share it, so their topics begin with `topic_prefix`."""
    with (
        removed_afterwards(tmp_path_factory.mktemp("kafka")) as directory,
        start_kafka(kafka_choice, directory) as broker,
    ):
        yield broker.bootstrap


@pytest.fixture
def topic_prefix() -> str:
    """Beginning of topic and group names that no other test has."""
    return f"t{secrets.token_hex(4)}-"


@pytest.fixture
def entries_topic(kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    """Where what people enter is published: a topic of the test's own, which commands use too."""
    monkeypatch.setenv("SHOAL_KAFKA", kafka)
    monkeypatch.setenv("SHOAL_TOPIC_PREFIX", topic_prefix)
    settings = KafkaSettings()
    create_topics(kafka, [spec for spec in topic_specs(settings) if spec.name == settings.topic("entries")])
    return settings


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The session's Redis server."""
    with start_redis(tmp_path_factory.mktemp("redis"), databases=REDIS_DATABASES) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(redis_server: RedisServer) -> str:
    """Address of the session's Redis, database 0, which the tests share; most want `redis_database_url`."""
    return redis_server.url


@pytest.fixture(scope="session")
def redis_database_numbers() -> Iterator[int]:
    """Database numbers in turn; 0 is left to `redis_url`."""
    return itertools.cycle(range(1, REDIS_DATABASES))


@pytest.fixture
def redis_database_url(redis_server: RedisServer, redis_database_numbers: Iterator[int]) -> str:
    """Address of an empty Redis database that only this test uses."""
    url = f"{redis_server.url.removesuffix('/0')}/{next(redis_database_numbers)}"
    with redis_py.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def redis(redis_database_url: str) -> Iterator[redis_py.Redis]:
    """Client of an empty Redis database that only this test uses; its answers are bytes."""
    with redis_py.Redis.from_url(redis_database_url) as client:
        yield client


@pytest.fixture
def own_kafka(kafka_choice: KafkaChoice, tmp_path: Path) -> Iterator[Callable[..., KafkaBroker | TansuBroker]]:
    """Starts a broker that the test may kill and restart: `own_kafka(**{"broker.setting": "value"})`."""
    with ExitStack() as stack:
        numbers = itertools.count()

        def start(**settings: str) -> KafkaBroker | TansuBroker:
            directory = stack.enter_context(removed_afterwards(tmp_path / f"kafka-{next(numbers)}"))
            return stack.enter_context(start_kafka(kafka_choice, directory, settings))

        yield start


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Starts a Redis that the test may kill and restart; takes the keywords of `start_redis`, and `directory`."""
    with ExitStack() as stack:
        numbers = itertools.count()

        def start(directory: Path | None = None, **options: int | bool) -> RedisServer:
            folder = directory or tmp_path / f"redis-{next(numbers)}"
            return stack.enter_context(start_redis(folder, **options))

        yield start


@pytest.fixture
def service(kafka: str, redis_database_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Service]:
    """A deployment with topics of its own on the session's brokers."""
    with running(Service(kafka, redis_database_url, topic_prefix, tmp_path)) as deployment:
        yield deployment
