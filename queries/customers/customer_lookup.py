"""Look customers up: one in full, or a list of them a page at a time."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import redis

from consumers.history.segment_changes_reader import changes_of_customer
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable
from events.topics.partitioning import partition_of
from queries.customers.customer_and_segment_json import CustomerUnknown, Inspector
from queries.customers.lifetime_value import lifetime_of_customer
from queries.customers.segment_history import changes_of, history_of_merged, with_changes
from state.customers.profile_documents import without_field_times
from state.customers.records import CustomerBatch
from state.operations.skipped_messages import SkippedMessages
from state.partitions.partition_store import PartitionStore
from state.store import keys
from stream.customers.rfm_values import rfm_values

__all__ = ["CURSOR", "CustomerFilter", "CustomerLookup"]

_FIELDS = (
    "customer_id",
    "requested_id",
    "merged_from",
    "segment_id",
    "segment",
    "since",
    "previous",
    "baseline",
    "change_id",
    "as_of",
    "history",
)
CURSOR: Final = r"^[0-9]{1,4}\.[0-9]{1,20}\.[0-9]{1,6}$"
_KAFKA_S: Final = 2.0
"""Seconds that a request waits for Kafka: it holds one of the process's threads meanwhile."""
_MAX_SCANNED: Final = 20_000
"""Records scanned for one page at most, so that a filter without matches does not read all customers at once."""


class CustomerFilter(NamedTuple):
    """Which customers a list is of; empty strings match all."""

    prefix: str = ""
    segment_id: str = ""


class _Cursor(NamedTuple):
    """Where a list continues: the partition, Redis's cursor in it, and how many of what that returns were listed."""

    partition: int = 0
    cursor: int = 0
    skip: int = 0


class SegmentHistory(NamedTuple):
    """The segments of `customer_id`, the present one first, and the moves of the ids that were merged into it.

    `without_causes` says why the causes, and those moves, are missing, if they are.
    """

    customer_id: str
    requested_id: str
    history: list[dict[str, Any]]
    history_of_merged: list[dict[str, Any]]
    without_causes: str | None


class CustomerLookup:
    """Reads customers with their records, segments and profiles."""

    def __init__(self, client: redis.Redis, inspector: Inspector, kafka: KafkaSettings) -> None:
        self._redis: Any = client
        self._inspector, self._kafka, self._partitions = inspector, kafka, kafka.partitions
        self._store, self._skipped = PartitionStore(client, keys.SEGMENTS_GROUP), SkippedMessages(client)

    def document(self, customer_id: str, *, personal: bool) -> dict[str, Any]:
        """Return a customer, or the one it was merged into; personal fields if asked for. Raises CustomerUnknown."""
        found = self._inspector.customer(customer_id)
        document = {name: found[name] for name in _FIELDS}
        if personal:
            document["features"] = found["features"]
            document["record"] = {
                name: value for name, value in found.items() if name not in (*_FIELDS, "features", "partition")
            }
            document["lifetime"] = lifetime_of_customer(self._inspector, found["customer_id"])
            document["profile"] = self.profile(found["customer_id"])
        return document

    def documents(self, customer_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return customers in full, by id, without those that nothing is known of."""
        found = {}
        for each in customer_ids:
            with suppress(CustomerUnknown):
                found[each] = self.document(each, personal=True)
        return found

    def history(self, customer_id: str) -> SegmentHistory:
        """Return a customer's moves, with causes unless Kafka is unreachable. Raises CustomerUnknown."""
        found = self._inspector.customer(customer_id)
        person, reason = found["customer_id"], None
        try:
            ids = [person, *found["merged_from"]]
            changes = changes_of_customer(self._kafka, ids, timeout_s=_KAFKA_S, on_skipped=self._skipped.add)
        except KafkaUnreachable as error:
            changes, reason = [], str(error)
        history = with_changes(found["history"], changes_of(person, changes))
        return SegmentHistory(person, customer_id, history, history_of_merged(found["merged_from"], changes), reason)

    def profile(self, customer_id: str) -> dict[str, Any] | None:
        """Return what CRM profiles tell of a customer, each field as it was told last, or None."""
        partition = partition_of(customer_id, self._partitions)
        value = self._redis.hget(keys.profiles(partition), customer_id)
        return without_field_times(value) if value else None

    def page(self, wanted: CustomerFilter, limit: int, after: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Return up to `limit` customers and the cursor of the next page; `after` is such a cursor.

        A page before the last may be short, or empty, where few of the scanned records match.
        """
        place, rows, scanned = _parse_cursor(after), list[dict[str, Any]](), 0
        now_ms = self._inspector.now_ms()
        while place.partition < self._partitions and len(rows) < limit and scanned < _MAX_SCANNED:
            cursor, batch = self._store.scan(place.partition, place.cursor, limit)
            scanned += len(batch.ids)
            matching = [i for i, each in enumerate(batch.ids) if self._matches(batch, i, wanted)][place.skip :]
            taken = matching[: limit - len(rows)]
            rows += self._rows(batch, taken, now_ms)
            if len(taken) < len(matching):
                place = place._replace(skip=place.skip + len(taken))
                break
            place = _Cursor(place.partition, cursor) if cursor else _Cursor(place.partition + 1)
        return rows, _format_cursor(place) if place.partition < self._partitions else None

    def _matches(self, batch: CustomerBatch, i: int, wanted: CustomerFilter) -> bool:
        number = int(batch.rows["segment"][i])
        return batch.ids[i].startswith(wanted.prefix) and wanted.segment_id in ("", f"s{number}")

    def _rows(self, batch: CustomerBatch, taken: list[int], now_ms: int) -> list[dict[str, Any]]:
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


def _parse_cursor(after: str | None) -> _Cursor:
    if after is None:
        return _Cursor()
    partition, cursor, skip = map(int, after.split("."))
    return _Cursor(partition, cursor % (1 << 64), skip)  # Redis knows no larger ones


def _format_cursor(place: _Cursor) -> str:
    return ".".join(map(str, place))
