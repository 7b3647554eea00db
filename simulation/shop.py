"""The simulated shop: one stream of events in order of time, of any length, in memory for its customers only."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from xxhash import xxh3_64_hexdigest

from events.time_units import DAY_MS
from simulation.day_simulator import DaySimulator
from simulation.event_merging import Batch
from simulation.ground_truth import scenario_truth
from simulation.scenarios.scenario import Scenario

__all__ = ["MAX_DAYS", "Shop"]

MAX_DAYS: Final = 100_000
"""No shop lasts longer: times have to fit into RFC 3339."""


@dataclass(frozen=True)
class Shop:
    """A shop with so many first customers. The same shop gives the same bytes (with the same version of numpy).

    Args:
        scenario: its groups, seasons, changes and experiment.
        customers: those that the scenario's groups begin with; `joins_per_day` adds to them.
        seed: of all randomness.
        start: when day 0 begins, with a zone.

    >>> from datetime import UTC
    >>> from simulation.scenarios.named_scenarios import named_scenario
    >>> shop = Shop(named_scenario("stationary"), customers=100, seed=1, start=datetime(2025, 1, 1, tzinfo=UTC))
    >>> first = next(shop.batches(days=10))
    >>> first.topics[:2].tolist(), first.values[0][:18]  # a line of the truth, then the customer's profile
    ([5, 2], b'{"kind":"customer"')
    """

    scenario: Scenario
    customers: int
    seed: int
    start: datetime

    def batches(self, days: int | None = None) -> Iterator[Batch]:
        """Yield what happens, about a day at a time; for so many days, or until nobody is left and nobody comes.

        A day's order may be refunded a month later: such events lie in the following batches, while there are any.
        """
        start_ms = round(self.start.timestamp() * 1000)
        made = DaySimulator(self.scenario, self.customers, self.seed, start_ms, self._tag())
        end = None if days is None else start_ms + days * DAY_MS
        for day in range(MAX_DAYS + 1):
            begin = start_ms + day * DAY_MS
            over = made.is_finished(day)
            if not over:
                made.draw(day)  # reaches less than a day back: what lies before it is complete now
            batch = made.merger.release(_earlier(None if over else begin, end))
            if len(batch):
                yield batch
            if over or (end is not None and begin >= end):
                return

    def truth(self) -> dict[str, Any]:
        """Return what is true of the whole run, the first line of the truth file."""
        return scenario_truth(self.scenario, self.customers, self.seed, self.start)

    def _tag(self) -> str:
        """Return what the ids of this run begin with, so that those of two different runs differ."""
        return xxh3_64_hexdigest(json.dumps(self.truth(), sort_keys=True).encode())[:10]


def _earlier(one: int | None, other: int | None) -> int | None:
    """Return the earlier of two times, None where neither is set."""
    return min((time for time in (one, other) if time is not None), default=None)
