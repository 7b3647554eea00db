"""A shop in which nothing changes: whatever moves there for a reason that is not the customer's own is spurious."""

from typing import Any

import numpy as np
import redis

from bench.quality.event_log import EventLog
from bench.quality.halves import baseline_of, moves_of
from bench.quality.measures import flaps
from bench.quality.service import Service

__all__ = ["measure_stationary"]

_MONTH = 30.0


def measure_stationary(client: redis.Redis, log: EventLog, from_ms: int, k: int) -> dict[str, Any]:
    """Run the service; changes with the cause `model` are spurious: the customer's own vector would not have moved it.

    `all` are all changes (a customer who buys, or falls silent, moves by recency: that is no error), `returns` those
    that go back within 30 days to the segment just left.
    """
    cut = int(np.searchsorted(log.columns.times, from_ms))
    before, after = log.part(0, cut), log.part(cut, len(log))
    service = Service(client)
    for end_ms, orders in before.days():
        service.day(end_ms, orders, sweep=False)
    service.approve(baseline_of(service.customers().rows, service.clock.now, k))
    service.log.changes.clear()
    days = 0
    for end_ms, orders in after.days():
        service.day(end_ms, orders)
        days += 1
    moves = [each for each in service.log.changes if each.previous]
    months = len(service.customers()) * days / _MONTH
    counts = {
        "spurious": sum(each.cause == "model" for each in moves),
        "all": len(moves),
        "returns": flaps(*moves_of(moves)),
    }
    return {
        "customers": len(log.names),
        "days": days,
        "events": len(after),
        **{f"{name}_per_event": count / len(after) for name, count in counts.items()},
        **{f"{name}_per_month": count / months for name, count in counts.items()},
    }
