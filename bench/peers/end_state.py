"""Whether a peer's end state is right: what it left in Redis and in `segment-changes`, against a plain replay."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from bench.job.fixed_job import BASELINE, Expected
from consumers.broker.consumer_lag import end_offsets
from consumers.broker.message_coordinates import coordinates, is_end
from events.arrays import Flags
from events.settings import KafkaSettings
from events.time_units import DAY_MS

__all__ = [
    "CUSTOMERS",
    "NOW_MS",
    "Customer",
    "PublishedSegments",
    "customers_in_redis",
    "problems",
    "read_published",
    "segments_of",
]

CUSTOMERS: Final = "peer:"
"""Prefix of the keys that hold a peer's customers."""
NOW_MS: Final = int(BASELINE.created_at.timestamp() * 1000) + 301 * DAY_MS
"""The fixed time that recency is taken at: a day after the last order."""
_CLOSE: Final = 1e-9
"""A centroid may be this much farther than the nearest: engines round differently."""


class Customer(msgspec.Struct):
    """What a peer keeps of a customer: a JSON string, or a hash with these fields."""

    count: int
    cents: int
    first: int
    last: int
    segment: str


class _Change(msgspec.Struct):
    segment_id: str


@dataclass
class PublishedSegments:
    """What `segment-changes` says: each customer's last segment, and how many messages there are."""

    latest: dict[str, str] = field(default_factory=dict)
    messages: int = 0


def segments_of(wanted: Expected) -> Flags:
    """Return which segments are right for each customer number, (n, k); more than one only where it is a tie."""
    at = np.where(wanted.counts > 0, wanted.last_ms, 0)
    recency = np.log1p(np.maximum(NOW_MS - at, 0) / DAY_MS)
    raw = np.column_stack([recency, np.log1p(wanted.counts), np.log1p(wanted.cents / 100)])
    vectors = (raw - np.array(BASELINE.center)) / np.array(BASELINE.scale)
    centroids = np.array([each.centroid for each in BASELINE.segments])
    distances = np.linalg.norm(vectors[:, None, :] - centroids[None, :, :], axis=2)
    return np.asarray(distances <= distances.min(axis=1, keepdims=True) + _CLOSE)


def problems(found: Mapping[str, Customer], published: PublishedSegments, wanted: Expected) -> list[str]:
    """Return what is wrong with an end state, nothing if it is right."""
    wrong, right = [], segments_of(wanted)
    place = {each.segment_id: i for i, each in enumerate(BASELINE.segments)}
    who = np.array([int(name[1:]) for name in found], np.int64)
    rows = np.array([(c.count, c.cents, c.first, c.last) for c in found.values()], np.int64).reshape(-1, 4)
    segments = np.array([place.get(c.segment, -1) for c in found.values()], np.int64)
    columns = (("count", wanted.counts), ("cents", wanted.cents), ("first", wanted.first_ms), ("last", wanted.last_ms))
    for i, (name, values) in enumerate(columns):
        if different := int((rows[:, i] != values[who]).sum()):
            wrong.append(f"{different} customers have another {name} than a plain replay")
    if different := int(((segments < 0) | ~right[who, segments]).sum()):
        wrong.append(f"{different} customers are in another segment than the nearest")
    if len(found) != (customers := int((wanted.counts > 0).sum())):
        wrong.append(f"{len(found)} customers are in Redis, {customers} expected")
    if different := sum(published.latest.get(name) != c.segment for name, c in found.items()):
        wrong.append(f"{different} customers have another last change than their segment in Redis")
    if unknown := len(published.latest.keys() - found.keys()):
        wrong.append(f"{unknown} customers with changes are not in Redis")
    return wrong


def customers_in_redis(client: redis.Redis) -> dict[str, Customer]:
    """Read every customer that a peer left. Raises msgspec.ValidationError where it is neither of the two forms."""
    store: Any = client
    names = list(store.scan_iter(match=f"{CUSTOMERS}*", count=10_000))
    if not names:
        return {}
    decode = msgspec.json.Decoder(Customer).decode
    if store.type(names[0]) == b"string":
        return {_name(key): decode(value) for key, value in zip(names, store.mget(names), strict=True)}
    with store.pipeline(transaction=False) as pipe:
        for key in names:
            pipe.hgetall(key)
        hashes = pipe.execute()
    return {_name(key): _from_hash(fields) for key, fields in zip(names, hashes, strict=True)}


def _name(key: bytes) -> str:
    return key.decode().removeprefix(CUSTOMERS)


def _from_hash(fields: dict[bytes, bytes]) -> Customer:
    return msgspec.convert({name.decode(): value.decode() for name, value in fields.items()}, Customer, strict=False)


def read_published(kafka: KafkaSettings) -> PublishedSegments:
    """Fold `segment-changes` from its beginning to its end. Raises KafkaUnreachable."""
    published, decode = PublishedSegments(), msgspec.json.Decoder(_Change).decode
    for key, value in _messages(kafka):
        published.latest[key.decode()] = decode(value).segment_id
        published.messages += 1
    return published


def _messages(kafka: KafkaSettings) -> Iterator[tuple[bytes, bytes]]:
    ends = end_offsets(kafka, ["segment-changes"])
    settings = {"bootstrap.servers": kafka.kafka, "group.id": kafka.topic("published"), "enable.partition.eof": True}
    consumer = Consumer({**settings, "enable.auto.commit": False, "fetch.queue.backoff.ms": 5})
    try:
        unread = {partition for partition, end in ends.items() if end}
        consumer.assign([TopicPartition(*partition, OFFSET_BEGINNING) for partition in unread])
        while unread:
            for message in consumer.consume(10_000, 1.0):
                partition, offset = coordinates(message)
                key, value, ended = message.key(), message.value(), is_end(message)
                if ended or (message.error() is None and offset + 1 >= ends[partition]):
                    unread.discard(partition)
                if message.error() is None and key is not None and value is not None:
                    yield key if isinstance(key, bytes) else key.encode(), value
    finally:
        consumer.close()
