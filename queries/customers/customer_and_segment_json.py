"""Customers and segments as JSON values, from the same records and features that the worker uses."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import redis

from events.base_error import ShoalError
from events.codec.amount_columns import SCALE
from events.codec.instants import rfc3339
from events.schema.outputs import Baseline
from events.time_units import DAY_MS
from events.topics.partitioning import partition_of
from queries.customers.orders_in_book import orders_in_book
from queries.customers.segment_history import segment_history
from queries.segments.segment_names import name_claims, segment_names
from state.customers.attribute_columns import stored_attributes
from state.customers.current_segment_keys import SegmentView, SegmentViews
from state.customers.person_ids import PersonIds, PersonIdsReader
from state.customers.records import NEVER_FIRST, NEVER_LAST, CustomerBatch, Rows
from state.model.baselines import BaselineStore
from state.partitions.partition_store import PartitionStore
from state.partitions.segment_flows import SegmentFlowStore
from state.partitions.watermarks_and_outcomes import read_agreed_watermark
from state.store import keys
from stream.customers.features import FEATURES, feature_of
from stream.customers.rfm_values import rfm_values
from stream.customers.wall_or_event_time import SegmentClock
from stream.model.name_truth import NameCounts, add_counts, name_counts

__all__ = ["CustomerUnknown", "Inspector"]


_CHUNK = 5_000
_RFM_FEATURES = ("recency", "frequency", "monetary")
"""Features that a segment's profile has as `recency_days`, `frequency` and `monetary` already."""


class CustomerUnknown(ShoalError):
    """No event of this customer has been processed."""


class Inspector:
    """Reads customers, segments and flows from the records in Redis."""

    def __init__(self, client: redis.Redis, clock: SegmentClock, *, partitions: int, half_life_ms: float) -> None:
        self._client, self._clock = client, clock
        self._partitions, self._half_life_ms = partitions, half_life_ms
        self._store = PartitionStore(client, keys.SEGMENTS_GROUP)
        self._people = PersonIdsReader(client, partitions)

    def customer(self, customer_id: str) -> dict[str, Any]:
        """Return what is known of a customer, as JSON values. Raises CustomerUnknown.

        Of a customer who was merged into another, that one is returned: `customer_id` says which.
        """
        person, partition, customer = self._load(customer_id)
        rows = customer.rows
        view = self.view(person.customer_id)
        now_ms = self.now_ms()
        return {
            "customer_id": person.customer_id,
            "requested_id": customer_id,
            "merged_from": person.merged_from,
            "segment_id": view.segment_id if view else None,
            "segment": view.segment if view else None,
            "since": view.since if view else None,
            "previous": view.previous if view else None,
            "baseline": view.baseline if view else None,
            "change_id": view.change_id if view else None,
            "as_of": rfc3339(now_ms),
            "partition": partition,
            **record_values(rows[0], now_ms),
            "features": self._features(rows, now_ms),
            "order_book": orders_in_book(customer),
            "history": segment_history(rows, self.names()),
        }

    def _load(self, customer_id: str) -> tuple[PersonIds, int, CustomerBatch]:
        person = self._people.one(customer_id)
        partition = partition_of(person.customer_id, self._partitions)
        batch = self._store.load(partition, [person.customer_id])
        if not batch.known[0]:
            merged = f", nor of {person.customer_id!r}, which it was merged into"
            raise CustomerUnknown(
                f"there is no customer {customer_id!r}: no event with this customer_id has been processed"
                + (merged if person.customer_id != customer_id else "")
            )
        return person, partition, batch

    def view(self, customer_id: str) -> SegmentView | None:
        """Return a customer's published segment, or None."""
        return SegmentViews(self._client).read(customer_id)

    def views(self, customer_ids: Sequence[str]) -> list[SegmentView | None]:
        """Return customers' published segments, in one round trip."""
        return SegmentViews(self._client).read_many(customer_ids)

    def segments(self) -> dict[str, Any]:
        """Return every segment with its customers, its share and the means of its members, from all the records."""
        baseline = self.baseline()
        names = segment_names(baseline)
        counts: dict[int, int] = {}
        sums: dict[int, dict[str, np.ndarray[Any, Any]]] = {}
        names_hold: NameCounts = {}
        for rows, now_ms in self.chunks():
            self._accumulate(
                rfm_values(rows, now_ms) | self._other_features(rows, now_ms, baseline), rows, counts, sums
            )
            if baseline is not None:
                names_hold = add_counts([names_hold, name_counts(baseline, rows, now_ms, self._half_life_ms)])
        total = sum(counts.values())
        claims = name_claims(baseline, names_hold)
        listed = [
            {
                "segment_id": f"s{number}",
                "segment": names.get(f"s{number}", f"s{number}"),
                "customers": count,
                "share": round(count / total, 4),
                "profile": {name: _rounded(part[0], part[1]) for name, part in sums[number].items()},
                **claims.get(f"s{number}", {"claim": None, "holds": None}),
            }
            for number, count in sorted(counts.items(), key=lambda item: -item[1])
        ]
        return {"baseline": baseline.baseline if baseline else 0, "customers": total, "segments": listed}

    def names(self) -> dict[str, str]:
        """Return the names of segments by id: the live baseline's, else those of the tiers."""
        return segment_names(self.baseline())

    def baseline(self) -> Baseline | None:
        """Return the live baseline, None before the first."""
        return BaselineStore(self._client).current()

    def flows(self, since_days: float) -> dict[str, Any]:
        """Return how many customers moved between which segments, by cause, in the last days, as JSON values.

        Moves are counted by day (UTC), so those of the whole first day are in.
        """
        now_ms = self.now_ms()
        first, last = (datetime.fromtimestamp(ms / 1000, UTC).date() for ms in (now_ms - since_days * DAY_MS, now_ms))
        flows, names = SegmentFlowStore(self._client, self._partitions).read(first, last), self.names()
        return {
            "since": first.isoformat(),
            "until": last.isoformat(),
            "moves": sum(flow.moves for flow in flows),
            "flows": [
                {
                    "from": flow.previous,
                    "from_segment": names.get(flow.previous, flow.previous) if flow.previous else None,
                    "to": flow.segment_id,
                    "to_segment": names.get(flow.segment_id, flow.segment_id) if flow.segment_id else None,
                    "cause": flow.cause,
                    "moves": flow.moves,
                }
                for flow in flows
            ],
        }

    def now_ms(self) -> int:
        """Return the present (ms), which is that of all partitions."""
        return self._clock.now_ms(read_agreed_watermark(self._client, self._partitions, keys.SEGMENTS_GROUP))

    def rows(self, customer_id: str) -> Rows:
        """Return a customer's record, (1,), or that of the one it was merged into. Raises CustomerUnknown."""
        return self._load(customer_id)[2].rows

    def chunks(self) -> Iterator[tuple[Rows, int]]:
        """Yield all records a chunk at a time, each once, with the present in ms."""
        now_ms = self.now_ms()
        for partition in range(self._partitions):
            cursor, seen = 0, set[str]()
            while True:
                cursor, batch = self._store.scan(partition, cursor, _CHUNK)
                fresh = [i for i, name in enumerate(batch.ids) if name not in seen]
                seen.update(batch.ids)
                yield batch.rows[fresh], now_ms
                if cursor == 0:
                    break

    def _other_features(self, rows: Rows, now_ms: int, baseline: Baseline | None) -> dict[str, np.ndarray[Any, Any]]:
        """Return the baseline's other features, in their own units."""
        found: dict[str, np.ndarray[Any, Any]] = {}
        if baseline is None:
            return found
        for name in baseline.features:
            if name not in _RFM_FEATURES:
                feature = feature_of(name, baseline.attributes)
                found[name] = feature.to_unit(feature.compute(rows, now_ms, self._half_life_ms))
        return found

    def _accumulate(
        self,
        values: dict[str, np.ndarray[Any, Any]],
        rows: Rows,
        counts: dict[int, int],
        sums: dict[int, dict[str, np.ndarray[Any, Any]]],
    ) -> None:
        for number in np.unique(rows["segment"]).tolist():
            if not number:
                continue
            members = rows["segment"] == number
            counts[number] = counts.get(number, 0) + int(members.sum())
            parts = sums.setdefault(number, {name: np.zeros(2) for name in values})
            for name, column in values.items():
                known = members & ~np.isnan(column)
                parts[name] += (column[known].sum(), known.sum())

    def _features(self, rows: Rows, now_ms: int) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        attributes = stored_attributes(self._client)
        for name in (*FEATURES, *attributes):
            feature = feature_of(name, attributes)
            value = float(feature.to_unit(feature.compute(rows, now_ms, self._half_life_ms))[0])
            found[name] = None if np.isnan(value) else round(value, 4)
        return found


def record_values(row: Any, now_ms: int) -> dict[str, Any]:
    """Return the facts of one record as JSON values: money in the shop's currency, times in RFC 3339."""
    values = rfm_values(np.array([row]), now_ms)
    recency = float(values["recency_days"][0])
    return {
        "recency_days": None if np.isnan(recency) else round(recency, 3),
        "frequency": int(values["frequency"][0]),
        "monetary": float(values["monetary"][0]),
        "first_order": _instant(row["first_order"]),
        "last_order": _instant(row["last_order"]),
        "orders": int(row["placed"]),
        "cancelled": int(row["cancelled"]),
        "refunds": int(row["refunds"]) + int(row["credit_notes"]),
        "gross": int(row["gross"]) / SCALE,
        "cancelled_amount": int(row["cancelled_amount"]) / SCALE,
        "refunded": int(row["refunded"] + row["credited"]) / SCALE,
        "credit_notes": int(row["credit_notes"]),
        "credited": int(row["credited"]) / SCALE,
        "sessions": int(row["sessions"]),
        "pages": int(row["pages"]),
        "session_seconds": int(row["duration_s"]),
        "cart_adds": int(row["cart_adds"]),
        "last_session": _instant(row["last_session"]),
        "signed_up": _instant(row["signed_up"]),
        "change_number": int(row["change_number"]),
    }


def _rounded(total: float, count: float) -> float | None:
    return round(float(total / count), 3) if count else None


def _instant(ms: Any) -> str | None:
    value = int(ms)
    return None if value in (NEVER_FIRST, NEVER_LAST) else rfc3339(value)
