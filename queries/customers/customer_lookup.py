"""Customers for people: one in full, and lists of them a page at a time."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import redis

from consumers.history.segment_changes_reader import changes_of_customer
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable
from events.topics.partitioning import partition_of
from queries.customers.inspector import CustomerUnknown, Inspector
from queries.customers.lifetime_value import lifetime_of_customer
from queries.customers.segment_history import with_changes
from state.customers.records import CustomerBatch
from state.partitions.partition_store import PartitionStore
from state.store import keys
from stream.customers.rfm_values import rfm_values

__all__ = ["CURSOR", "CustomerFilter", "CustomerLookup"]

_HEAD = ("customer_id", "segment_id", "segment", "since", "previous", "baseline", "change_id", "as_of", "history")
CURSOR: Final = r"^[0-9]{1,4}\.[0-9]{1,20}\.[0-9]{1,6}$"
_KAFKA_S: Final = 2.0
"""Seconds that a request waits for Kafka: it holds one of the process's threads meanwhile."""
_SCANNED: Final = 20_000
"""Records looked at for one page at most, so that a filter that fits nobody does not read the whole shop at once."""


class CustomerFilter(NamedTuple):
    """Which customers a list is of; empty texts fit everybody."""

    prefix: str = ""
    segment_id: str = ""


class _Place(NamedTuple):
    """Where a list goes on: the partition, Redis's cursor in it, and how many of what it gives were listed."""

    partition: int = 0
    cursor: int = 0
    skip: int = 0


class SegmentHistory(NamedTuple):
    """A customer's moves, the latest first, and why they are without causes, where they are."""

    history: list[dict[str, Any]]
    without_causes: str | None


class CustomerLookup:
    """Reads records and profiles."""

    def __init__(self, client: redis.Redis, inspector: Inspector, kafka: KafkaSettings) -> None:
        self._redis: Any = client
        self._inspector, self._kafka, self._partitions = inspector, kafka, kafka.partitions
        self._store = PartitionStore(client, keys.SEGMENTS_GROUP)

    def document(self, customer_id: str, *, personal: bool) -> dict[str, Any]:
        """Return a customer; personal fields are left out unless asked for. Raises CustomerUnknown."""
        found = self._inspector.customer(customer_id)
        document = {name: found[name] for name in _HEAD}
        if personal:
            document["features"] = found["features"]
            document["record"] = {
                name: value for name, value in found.items() if name not in (*_HEAD, "features", "partition")
            }
            document["lifetime"] = lifetime_of_customer(self._inspector, customer_id)
            document["profile"] = self.profile(customer_id)
        return document

    def documents(self, customer_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return customers in full, by id, without those that nothing is known of."""
        found = {}
        for each in customer_ids:
            with suppress(CustomerUnknown):
                found[each] = self.document(each, personal=True)
        return found

    def history(self, customer_id: str) -> SegmentHistory:
        """Return a customer's moves with their causes, or without, where Kafka is away. Raises CustomerUnknown."""
        found = self._inspector.customer(customer_id)
        try:
            changes = changes_of_customer(self._kafka, found["partition"], customer_id, timeout_s=_KAFKA_S)
        except KafkaUnreachable as error:
            return SegmentHistory(found["history"], str(error))
        return SegmentHistory(with_changes(found["history"], changes), None)

    def profile(self, customer_id: str) -> dict[str, Any] | None:
        """Return a customer's newest CRM profile as it was published, or None."""
        partition = partition_of(customer_id, self._partitions)
        value = self._redis.hget(keys.profiles(partition), customer_id)
        profile: dict[str, Any] | None = json.loads(value) if value else None
        return profile

    def page(self, wanted: CustomerFilter, limit: int, after: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Return up to `limit` customers and the cursor of the next page; `after` is such a cursor.

        A page may be short, or empty, before the last: then few of the records looked at fitted.
        """
        place, rows, scanned = _place(after), list[dict[str, Any]](), 0
        now_ms = self._inspector.now_ms()
        while place.partition < self._partitions and len(rows) < limit and scanned < _SCANNED:
            cursor, batch = self._store.scan(place.partition, place.cursor, limit)
            scanned += len(batch.ids)
            fitting = [i for i, each in enumerate(batch.ids) if self._fits(batch, i, wanted)][place.skip :]
            taken = fitting[: limit - len(rows)]
            rows += self._listed(batch, taken, now_ms)
            if len(taken) < len(fitting):
                place = place._replace(skip=place.skip + len(taken))
                break
            place = _Place(place.partition, cursor) if cursor else _Place(place.partition + 1)
        return rows, _text(place) if place.partition < self._partitions else None

    def _fits(self, batch: CustomerBatch, i: int, wanted: CustomerFilter) -> bool:
        number = int(batch.rows["segment"][i])
        return batch.ids[i].startswith(wanted.prefix) and wanted.segment_id in ("", f"s{number}")

    def _listed(self, batch: CustomerBatch, taken: list[int], now_ms: int) -> list[dict[str, Any]]:
        values = rfm_values(batch.rows[taken], now_ms)
        views = self._inspector.views([batch.ids[i] for i in taken])
        return [
            {
                "customer_id": batch.ids[i],
                "segment_id": view.segment_id if view else None,
                "segment": view.segment if view else None,
                "recency_days": None if (days := float(values["recency_days"][at])) != days else round(days, 1),
                "frequency": int(values["frequency"][at]),
                "monetary": float(values["monetary"][at]),
            }
            for at, (i, view) in enumerate(zip(taken, views, strict=True))
        ]


def _place(after: str | None) -> _Place:
    if after is None:
        return _Place()
    partition, cursor, skip = map(int, after.split("."))
    return _Place(partition, cursor % (1 << 64), skip)  # Redis knows no larger ones


def _text(place: _Place) -> str:
    return ".".join(map(str, place))
