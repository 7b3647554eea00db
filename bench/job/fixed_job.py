"""The fixed job: 400,000 orders of 50,000 customers on four partitions, and what the end state must be."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np

from events.arrays import Ints
from events.codec.amount_columns import SCALE
from events.schema.outputs import Baseline, BaselineSegment
from events.time_units import DAY_S
from state.customers.records import NEVER_FIRST, NEVER_LAST

__all__ = [
    "BASELINE",
    "CUSTOMERS",
    "EVENTS",
    "PARTITIONS",
    "SECONDS",
    "START",
    "Expected",
    "Orders",
    "expected",
    "fixed_orders",
    "order_json",
    "orders",
    "scaled_orders",
    "skewed",
    "utc_text",
]


EVENTS: Final = 400_000
CUSTOMERS: Final = 50_000
PARTITIONS: Final = 4
START: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""Long past, so that the worker takes it for a replay on whatever day the benchmark runs: `now` is event time."""
SECONDS: Final = 300 * DAY_S
_CENTROIDS: Final = ([1.4, -1.0, -1.1], [0.5, -0.4, -0.4], [-0.1, 0.2, 0.3], [-0.8, 0.9, 0.8], [-1.6, 1.9, 1.7])
_NAMES: Final = ("Inactive", "At-Risk Customers", "Occasional Shoppers", "Frequent Buyers", "High-Value Loyalists")

BASELINE: Final = Baseline(
    baseline=1,
    status="approved",
    created_at=START,
    algorithm="fixed",
    features=["recency", "frequency", "monetary"],
    center=[4.0, 1.2, 4.5],
    scale=[1.0, 0.6, 1.2],
    segments=[
        BaselineSegment(segment_id=f"s{place + 1}", segment=name, centroid=centroid, profile={}, customers=0)
        for place, (name, centroid) in enumerate(zip(_NAMES, _CENTROIDS, strict=True))
    ],
    k=len(_NAMES),
    silhouette=None,
    inertia=0.0,
)
"""Five fixed centroids in recency, frequency and monetary value."""


class Expected(NamedTuple):
    """What a plain replay gives for each customer number: orders, cents, first and last order time in ms."""

    counts: Ints
    cents: Ints
    first_ms: Ints
    last_ms: Ints

    def fields(self) -> dict[str, Ints]:
        """Return the same as fields of customer records."""
        gross = self.cents * (SCALE // 100)
        return {"placed": self.counts, "gross": gross, "first_order": self.first_ms, "last_order": self.last_ms}


@dataclass(frozen=True)
class Orders:
    """Orders in their order of publication: whose (n,), and when (n,), in seconds after `start`.

    Order i of them has the number `first + i`, from which its id and amount follow.
    """

    who: Ints
    seconds: Ints
    first: int = 0
    start: datetime = START

    def __len__(self) -> int:
        return len(self.who)

    def part(self, start: int, end: int) -> "Orders":
        """Return the orders from place `start` up to `end`."""
        return Orders(self.who[start:end], self.seconds[start:end], self.first + start, self.start)

    def cents(self) -> Ints:
        """Return the amounts (n,)."""
        return np.asarray(100 + ((self.first + np.arange(len(self))) * 7_919) % 20_000)

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """Yield (customer_id, JSON of about 190 bytes) of each order."""
        rows = zip(self.who.tolist(), self.cents().tolist(), self.seconds.tolist(), strict=True)
        for i, (number, cents, seconds) in enumerate(rows, self.first):
            customer_id = f"c{number:06d}"
            yield customer_id, order_json(i, customer_id, cents, utc_text(self.start + timedelta(seconds=seconds)))

    def totals(self, customers: int) -> Expected:
        """Return what a plain replay gives for the customer numbers below `customers`, 0 orders where none came."""
        at_ms = round(self.start.timestamp() * 1000) + self.seconds * 1000
        first, last = np.full(customers, NEVER_FIRST), np.full(customers, NEVER_LAST)
        np.minimum.at(first, self.who, at_ms)
        np.maximum.at(last, self.who, at_ms)
        cents = np.bincount(self.who, self.cents(), customers).astype(np.int64)
        return Expected(np.bincount(self.who, minlength=customers), cents, first, last)


def order_json(i: int, customer_id: str, cents: int, at: str) -> bytes:
    """Return order number `i` as it is published."""
    return (
        f'{{"event_id":"evt-{i:010d}","customer_id":"{customer_id}","order_id":"o-{i:010d}",'
        f'"amount":{cents / 100},"currency":"EUR","occurred_at":"{at}",'
        f'"items":[{{"sku":"sku-{i % 997:04d}","quantity":{1 + i % 3}}}]}}'
    ).encode()


def utc_text(at: datetime) -> str:
    """Return a time in UTC as RFC 3339 text.

    >>> utc_text(START)
    '2025-01-01T00:00:00Z'
    """
    return at.isoformat().replace("+00:00", "Z")


def skewed(customers: int, events: int, seed: int) -> Ints:
    """Return whose each event is, mildly skewed."""
    return np.asarray((customers * np.random.default_rng(seed).random(events) ** 1.5).astype(np.int64))


def scaled_orders(events: int, seed: int = 1) -> Orders:
    """Return as many orders, with as many customers more or fewer than the job's, over the same 300 days."""
    customers = max(1, events * CUSTOMERS // EVENTS)
    return Orders(skewed(customers, events, seed), np.arange(events) * SECONDS // events)


def fixed_orders(seed: int = 1) -> Orders:
    """Return the job's orders."""
    return scaled_orders(EVENTS, seed)


def orders(seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield (customer_id, JSON of about 190 bytes) of each order."""
    return fixed_orders(seed).messages()


def expected(seed: int = 1, events: int = EVENTS) -> Expected:
    """Return what a plain replay of the first `events` orders gives, by customer number (0 where there are none)."""
    return fixed_orders(seed).part(0, events).totals(CUSTOMERS)
