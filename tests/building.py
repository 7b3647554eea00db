"""What unit tests are made of: events in columns, messages, records, baselines, a sink, a Redis client that meddles."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
import redis as redis_py
from hypothesis import HealthCheck, settings

from consumers.broker.fetched import TopicSlice
from consumers.inputs.customers import ProfileColumns
from consumers.inputs.orders import PLACED, OrderColumns
from consumers.inputs.web_sessions import SessionColumns
from events.codec.byte_columns import BinaryColumn
from events.schema.outputs import Baseline, BaselineSegment, ModelVersion
from events.segment_changes import make_change
from events.time_units import DAY_MS
from state.customers.records import CustomerBatch, blank_rows
from stream.customers.decay import LANDMARK_MS
from stream.model.baseline_zero import SEGMENT_NAMES

HALF_LIFE_MS = 90.0 * DAY_MS
NOW_MS = 1_767_225_600_000
"""2026-01-01."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GRID = 2.0**-20
RFM = ["recency", "frequency", "monetary"]


def examples(count):
    """Hypothesis settings: `count` examples, which share their fixtures."""
    return settings(
        max_examples=count, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    )


def both_ways(module, *, autouse=False):
    """A fixture that runs a test with a module's compiled loop, where there is one, and with the same in Python."""

    @pytest.fixture(params=["compiled", "plain"], autouse=autouse)
    def way(request, monkeypatch):
        if request.param == "plain":
            monkeypatch.setattr(module, "_compiled", None)
        elif module._compiled is None:
            pytest.skip("there was no C compiler when Shoal was installed")

    return way


def ints(values):
    return np.array(values, np.int64)


def names(n):
    return [f"c{i}" for i in range(n)]


def hashes_of(n, first=1):
    """Event hashes that no two events share."""
    return np.arange(first, first + n, dtype=np.uint64)


def order_columns(entries, hashes=None):
    """Orders given as (kind, time in ms, thousandths), and the number of the order where two are about one.

    Without a number a placed order is one of its own, and what takes back is a credit note.
    """
    n = len(entries)
    events = hashes_of(n) if hashes is None else np.array(hashes, np.uint64)
    orders = [
        entry[3] if entry[3:] else int(event) if entry[0] == PLACED else 0
        for entry, event in zip(entries, events, strict=True)
    ]
    return OrderColumns(
        names(n),
        events,
        ints([entry[1] for entry in entries]),
        np.array([entry[0] for entry in entries], np.int8),
        ints([entry[2] for entry in entries]),
        np.array(orders, np.uint64) << np.uint64(40),
    )


def session_columns(entries):
    """Web sessions given as (end in ms, pages, seconds, cart additions)."""
    times, pages, durations, cart_adds = (ints([entry[i] for entry in entries]) for i in range(4))
    hashes = hashes_of(len(entries))
    return SessionColumns(names(len(entries)), hashes, times, hashes << np.uint64(40), pages, durations, cart_adds)


def profile_columns(entries):
    """Profiles given as (time in ms, event hash, age)."""
    return ProfileColumns(
        names(len(entries)),
        np.array([entry[1] for entry in entries], np.uint64),
        ints([entry[0] for entry in entries]),
        [profile_document(f"e{entry[1]}", ms=entry[0], age=entry[2]) for entry in entries],
    )


def profile_document(event_id, ms=NOW_MS, **fields):
    """The JSON of what an event tells of a customer."""
    at = datetime.fromtimestamp(ms / 1_000, UTC).isoformat()
    return json.dumps({"event_id": event_id, "customer_id": "c", "occurred_at": at} | fields).encode()


def rows_with(n=1, **columns):
    """Blank rows with these columns set."""
    rows = blank_rows(n)
    for name, values in columns.items():
        rows[name] = values
    return rows


def shoppers(n, seed=0, at_ms=NOW_MS):
    """Rows of n customers as they might be: with and without orders, sessions and profiles, in the last 1,000 days."""
    random = np.random.default_rng(seed)
    rows = blank_rows(n)
    ordered, visited = random.random(n) < 0.8, random.random(n) < 0.5
    last = at_ms - random.integers(0, 1_000 * DAY_MS, n)
    placed = random.integers(1, 30, n)
    # Sums of decayed weights, as seen at the last order.
    weight = np.exp2((last - LANDMARK_MS) / HALF_LIFE_MS)
    rows["first_order"] = np.where(ordered, last - random.integers(0, 500 * DAY_MS, n), rows["first_order"])
    rows["last_order"] = np.where(ordered, last, rows["last_order"])
    rows["placed"] = np.where(ordered, placed, 0)
    rows["gross"] = np.where(ordered, placed * random.integers(1_000, 100_000, n), 0)
    rows["decayed_orders"] = np.where(ordered, weight * random.uniform(1, placed), 0.0)
    rows["decayed_amount"] = np.where(ordered, weight * random.uniform(1_000, rows["gross"] + 1_000), 0.0)
    rows["sessions"] = np.where(visited, random.integers(1, 50, n), 0)
    rows["first_session"] = np.where(visited, last, rows["first_session"])
    rows["last_session"] = np.where(visited, last, rows["last_session"])
    rows["decayed_sessions"] = np.where(visited, weight * random.uniform(1, 50, n), 0.0)
    rows["profile_numbers"][:, 0] = np.where(random.random(n) < 0.5, random.integers(18, 90, n), np.nan)
    rows["profile_numbers"][:, 1] = np.where(random.random(n) < 0.5, random.integers(10_000, 90_000, n), np.nan)
    return rows


def same(left, right):
    """Whether two arrays are equal bit for bit, NaN included."""
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


def equal_sums(left, right):
    """Whether two ModelSums are equal exactly."""
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in ("sums", "weights", "counts"))


def make_baseline(number=1, centroids=((-1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, -1.0, -1.0)), features=RFM, ids=None):
    """An approved baseline; segment i is s<i + 1> unless `ids` gives the numbers."""
    numbers = ids or range(1, len(centroids) + 1)
    d = len(features)
    return Baseline(
        baseline=number,
        status="approved",
        created_at=NOW,
        algorithm="k-means",
        features=list(features),
        center=[5.0, 1.0, 4.0, 2.0, 2.0][:d],
        scale=[1.5, 0.5, 2.0, 1.0, 1.0][:d],
        segments=[
            BaselineSegment(
                segment_id=f"s{which}",
                segment=SEGMENT_NAMES[which - 1] if which <= len(SEGMENT_NAMES) else f"Segment {which}",
                centroid=list(centroid),
                profile={},
                customers=1,
            )
            for which, centroid in zip(numbers, centroids, strict=True)
        ],
        k=len(centroids),
        silhouette=None,
        inertia=0.0,
    )


def make_model(version, centroids, baseline=1, features=RFM):
    return ModelVersion(
        version=version,
        baseline=baseline,
        features=list(features),
        centroids=[list(centroid) for centroid in centroids],
        counts=[1] * len(centroids),
        updated_at=NOW,
    )


def change_of(customer_id, number, segment_id="s1", previous=None):
    return make_change(
        change_id=f"{customer_id}:{number}",
        customer_id=customer_id,
        change_number=number,
        changed_at="2026-01-01T00:00:00.000Z",
        cause="activity",
        segment_id=segment_id,
        segment=f"Segment {segment_id}",
        previous=previous,
        previous_segment=None,
        baseline=1,
        model_version=1,
    )


def merge_of(previous_id, number, customer_id, segment_id="s1"):
    """The change that ends the membership of a customer who was merged into another."""
    return make_change(
        change_id=f"{previous_id}:{number}",
        customer_id=previous_id,
        change_number=number,
        changed_at="2026-01-02T00:00:00.000Z",
        cause="merge",
        segment_id=None,
        segment=None,
        previous=segment_id,
        previous_segment=f"Segment {segment_id}" if segment_id else None,
        baseline=1,
        model_version=1,
        merged_into=customer_id,
    )


def topic_slice(topic, messages):
    """Messages of a topic given as (partition, offset, key, value)."""
    return TopicSlice(
        topic,
        BinaryColumn.of([message[2] for message in messages]),
        BinaryColumn.of([message[3] for message in messages]),
        np.array([message[0] for message in messages], np.int32),
        ints([message[1] for message in messages]),
    )


class Sink:
    """Takes messages where Kafka would; `flushed` says how many of them were waited for."""

    def __init__(self):
        self.sent = []
        self.flushed = 0

    def send(self, topic, key, value, partition=-1, headers=None):
        self.sent.append((topic, key, value))

    def send_all(self, topic, keys, values):
        self.sent += [(topic, key.encode(), value) for key, value in zip(keys, values, strict=True)]

    def flush(self):
        self.flushed = len(self.sent)


class MeddledRedis(redis_py.Redis):
    """A client whose transactions are meddled with, once, between what they read under WATCH and their MULTI."""

    @classmethod
    def beside(cls, client, meddle):
        meddled = cls(connection_pool=_MeddledPool(client.connection_pool))
        meddled.connection_pool.meddle = meddle
        return meddled


class _MeddledPool:
    def __init__(self, pool):
        self._pool = pool

    def __getattr__(self, name):
        return getattr(self._pool, name)

    def get_connection(self, *args):
        return _MeddledConnection(self._pool.get_connection(), self)

    def release(self, connection):
        self._pool.release(connection.connection)


class _MeddledConnection:
    def __init__(self, connection, pool):
        self.connection, self._pool = connection, pool

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def send_packed_command(self, packed, *args, **options):
        if b"MULTI" in (packed if isinstance(packed, bytes) else b"".join(packed)) and self._pool.meddle:
            meddle, self._pool.meddle = self._pool.meddle, None
            meddle()
        self.connection.send_packed_command(packed, *args, **options)


def everything_in(redis):
    """All keys with their contents, to compare before and after."""
    return {key: redis.dump(key) for key in redis.scan_iter(count=10_000)}


def batch_of(ids, rows=None, recent=None, known=True):
    """Customers with these rows and lists of remembered hashes."""
    batch = CustomerBatch.blank(list(ids))
    batch.known[:] = known
    if rows is not None:
        batch.rows = rows
    lists = recent or [[]] * len(batch)
    owners = ints([i for i, each in enumerate(lists) for _ in each])
    batch.recent = batch.recent.appended(owners, np.array([each for some in lists for each in some], np.uint64))
    return batch
