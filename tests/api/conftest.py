"""An API of a test's own over a Redis of its own, in which a few customers are, one of them with an evil name."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pytest
import redis as redis_py
from starlette.testclient import TestClient

from api.access.api_keys import KeyStore
from api.access.scopes import Scope
from api.app import build_app
from api.settings import ApiSettings, AppSettings
from events.segment_changes import make_change
from events.settings import KafkaSettings
from events.topics.partitioning import partitions_of
from state.customers.current_segment_keys import SegmentViews
from state.customers.records import CustomerBatch
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from state.settings import StateSettings
from state.store import keys
from stream.model.baseline_zero import SEGMENT_NAMES
from stream.settings import StreamSettings
from tests.building import NOW_MS, shoppers

EVIL = "<script>alert(1)</script>"
PARTITIONS = 4
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Shop:
    """The API, and what a test needs to speak with it."""

    client: TestClient
    redis: redis_py.Redis
    settings: AppSettings
    names: list[str]
    _tokens: dict[tuple[Scope, ...], str] = field(default_factory=dict)

    def token(self, *scopes: Scope) -> str:
        """Return a key with these scopes."""
        if scopes not in self._tokens:
            self._tokens[scopes] = KeyStore(self.redis).create("test", scopes, NOW).token
        return self._tokens[scopes]

    def headers(self, *scopes: Scope) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*scopes)}"}

    def get(self, path: str, *scopes: Scope, **options):
        return self.client.get(path, headers=self.headers(*scopes or (Scope.ADMIN,)), **options)

    def post(self, path: str, body, *scopes: Scope):
        return self.client.post(path, json=body, headers=self.headers(*scopes or (Scope.ADMIN,)))


def fill(client: redis_py.Redis, names: list[str], seed: int = 1) -> None:
    """Write records, profiles and views of customers as a worker would."""
    store, rows = PartitionStore(client, keys.SEGMENTS_GROUP), shoppers(len(names), seed)
    tiers = itertools.cycle(range(1, len(SEGMENT_NAMES) + 1))
    rows["segment"] = [next(tiers) for _ in names]
    rows["change_number"] = 1
    places = partitions_of(names, PARTITIONS)
    for partition in range(PARTITIONS):
        at = np.flatnonzero(places == partition)
        batch = CustomerBatch.blank([names[i] for i in at])
        batch.rows[:] = rows[at]
        batch.known[:] = [client.hexists(keys.customers(partition), name) for name in batch.ids]
        profiles = {names[i]: b'{"age":41,"country":"<b>NL</b>"}' for i in at if i % 2 == 0}
        owned = store.claim(partition)
        store.save(owned, PartitionUpdate(batch, profiles, 0, None, 0, {}, {"orders:applied": len(at)}, NOW_MS, []))
    SegmentViews(client).write(
        [
            make_change(
                change_id=f"{name}:1", customer_id=name, change_number=1, changed_at="2026-01-01T00:00:00.000Z",
                cause="activity", segment_id=f"s{number}", segment=SEGMENT_NAMES[number - 1], previous=None,
                previous_segment=None, baseline=0, model_version=0,
            )
            for name, number in zip(names, rows["segment"].tolist(), strict=True)
        ]
    )  # fmt: skip


@pytest.fixture
def kafka_away() -> None:
    """For tests of an API that cannot reach Kafka."""


@pytest.fixture
def app_settings(request: pytest.FixtureRequest, redis_database_url: str, entries_topic: KafkaSettings) -> AppSettings:
    address = "127.0.0.1:1" if "kafka_away" in request.fixturenames else entries_topic.kafka
    return AppSettings(
        ApiSettings(),
        entries_topic.model_copy(update={"kafka": address, "partitions": PARTITIONS}),
        StateSettings(redis=redis_database_url),
        StreamSettings(clock="event"),
    )


@pytest.fixture
def shop(app_settings: AppSettings, redis: redis_py.Redis) -> Iterator[Shop]:
    """An API in this process."""
    names = [*(f"c{i:03}" for i in range(120)), EVIL, "a/b", "ü€ 100%?#"]
    fill(redis, names)
    with TestClient(build_app(app_settings), raise_server_exceptions=False, follow_redirects=False) as client:
        yield Shop(client, redis, app_settings, names)
