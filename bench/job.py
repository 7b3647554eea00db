"""The fixed job: 400,000 orders of 50,000 customers on four partitions, and what the end state must be."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from events.outputs import Baseline, BaselineSegment

__all__ = ["BASELINE", "CUSTOMERS", "EVENTS", "PARTITIONS", "Expected", "customer_numbers", "expected", "orders"]

EVENTS: Final = 400_000
CUSTOMERS: Final = 50_000
PARTITIONS: Final = 4
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SECONDS: Final = 300 * 86_400
_CENTROIDS: Final = ([1.4, -1.0, -1.1], [0.5, -0.4, -0.4], [-0.1, 0.2, 0.3], [-0.8, 0.9, 0.8], [-1.6, 1.9, 1.7])
_NAMES: Final = (*("Inactive", "At-Risk Customers", "Occasional Shoppers", "Frequent Buyers", "High-Value Loyalists"),)

BASELINE: Final = Baseline(
    baseline=1,
    status="approved",
    created_at=_START,
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

    counts: npt.NDArray[np.int64]
    cents: npt.NDArray[np.int64]
    first_ms: npt.NDArray[np.int64]
    last_ms: npt.NDArray[np.int64]


def customer_numbers(seed: int = 1) -> npt.NDArray[np.int64]:
    """Return whose each order is, mildly skewed."""
    chance = np.random.default_rng(seed)
    return np.asarray((CUSTOMERS * chance.random(EVENTS) ** 1.5).astype(np.int64))


def _cents(i: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.asarray(100 + (i * 7_919) % 20_000)


def _seconds(i: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.asarray(i * _SECONDS // EVENTS)


def orders(seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield (customer_id, JSON of about 190 bytes) of each order."""
    numbers = np.arange(EVENTS)
    rows = zip(customer_numbers(seed).tolist(), _cents(numbers).tolist(), _seconds(numbers).tolist(), strict=True)
    for i, (number, cents, seconds) in enumerate(rows):
        at = (_START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
        customer_id = f"c{number:06d}"
        yield (
            customer_id,
            (
                f'{{"event_id":"evt-{i:010d}","customer_id":"{customer_id}","order_id":"o-{i:010d}",'
                f'"amount":{cents / 100},"currency":"EUR","occurred_at":"{at}",'
                f'"items":[{{"sku":"sku-{i % 997:04d}","quantity":{1 + i % 3}}}]}}'
            ).encode(),
        )


def expected(seed: int = 1, events: int = EVENTS) -> Expected:
    """Return what a plain replay of the first `events` orders gives, by customer number (0 where there are none)."""
    numbers, who = np.arange(events), customer_numbers(seed)[:events]
    start_ms = int(_START.timestamp() * 1000)
    at_ms = start_ms + _seconds(numbers) * 1000
    first, last = np.full(CUSTOMERS, np.iinfo(np.int64).max), np.full(CUSTOMERS, np.iinfo(np.int64).min)
    np.minimum.at(first, who, at_ms)
    np.maximum.at(last, who, at_ms)
    cents = np.bincount(who, _cents(numbers), CUSTOMERS).astype(np.int64)
    return Expected(np.bincount(who, minlength=CUSTOMERS), cents, first, last)
