"""The job with eight features: half of the events are web sessions, and the customers have profiles already."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import numpy as np

from bench.job.fixed_job import BASELINE, CUSTOMERS, EVENTS, SECONDS, START, Orders, skewed, utc_text
from events.arrays import Ints
from events.schema.outputs import Baseline, BaselineSegment

__all__ = ["MIXED_BASELINE", "Sessions", "mixed_events"]


_FEATURES: Final = {
    "recency": (4.0, 1.0),
    "frequency": (0.8, 0.6),
    "monetary": (3.8, 1.6),
    "average_order_value": (4.3, 0.8),
    "tenure": (5.8, 0.9),
    "engagement": (0.8, 0.6),
    "age": (52.0, 20.0),
    "income": (55_000.0, 26_000.0),
}
"""Center and scale of each."""
_MORE: Final = ([-0.2, 0.1, -0.6, 0.3, -0.2], [-0.3, -0.1, 0.0, 0.2, 0.4], [-0.9, -0.4, 0.0, 0.7, 0.9])

MIXED_BASELINE: Final = Baseline(
    **{
        **BASELINE.model_dump(),
        "features": list(_FEATURES),
        "center": [center for center, _ in _FEATURES.values()],
        "scale": [scale for _, scale in _FEATURES.values()],
        "segments": [
            BaselineSegment(
                **{
                    **each.model_dump(),
                    "centroid": [*each.centroid, _MORE[0][i], _MORE[1][i], _MORE[2][i], _MORE[0][4 - i], _MORE[1][i]],
                }
            )
            for i, each in enumerate(BASELINE.segments)
        ],
    }
)
"""Five fixed centroids in eight features."""


@dataclass(frozen=True)
class Sessions:
    """Web sessions in their order of publication: whose (n,), and when each ended (n,), in seconds after START."""

    who: Ints
    seconds: Ints
    numbers: Ints = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", np.arange(len(self.who)))

    def pages(self) -> Ints:
        """Return the pages seen (n,)."""
        return np.asarray(1 + self.numbers * 13 % 19)

    def durations(self) -> Ints:
        """Return how long each lasted (n,), in seconds."""
        return np.asarray(10 + self.numbers * 37 % 900)

    def cart_adds(self) -> Ints:
        """Return how often something was put into the cart (n,)."""
        return np.asarray(self.numbers * 5 % 4)

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """Yield (customer_id, JSON of about 200 bytes) of each session."""
        columns = (self.who, self.seconds, self.pages(), self.durations(), self.cart_adds())
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for i, (number, ended, pages, duration, adds) in enumerate(rows):
            customer_id = f"c{number:06d}"
            end, start = START + timedelta(seconds=ended), START + timedelta(seconds=ended - duration)
            yield (
                customer_id,
                (
                    f'{{"event_id":"ses-{i:010d}","customer_id":"{customer_id}","session_id":"s-{i:010d}",'
                    f'"started_at":"{utc_text(start)}","occurred_at":"{utc_text(end)}","pages":{pages},'
                    f'"duration_s":{duration},"cart_adds":{adds}}}'
                ).encode(),
            )

    def totals(self, customers: int) -> dict[str, Ints]:
        """Return the record fields that a plain replay gives for the customer numbers below `customers`."""

        def total(values: Ints) -> Ints:
            return np.bincount(self.who, values, customers).astype(np.int64)

        times = Orders(self.who, self.seconds).totals(customers)
        return {
            "sessions": times.counts,
            "pages": total(self.pages()),
            "duration_s": total(self.durations()),
            "cart_adds": total(self.cart_adds()),
            "first_session": times.first_ms,
            "last_session": times.last_ms,
        }


def mixed_events(seed: int = 2, *, events: int = EVENTS, customers: int = CUSTOMERS) -> tuple[Orders, Sessions]:
    """Return half of the events as orders and half as sessions, over the same customers and the same 300 days."""
    half = events // 2
    seconds = np.arange(half) * SECONDS // half
    return (
        Orders(skewed(customers, half, seed), seconds),
        Sessions(skewed(customers, half, seed + 1), seconds),
    )
