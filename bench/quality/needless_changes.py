"""A shop in which nothing changes: which changes would not have come had the centroids been held where they were?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import redis

from bench.quality.data.order_logs import OrderLog
from bench.quality.data.worker_on_redis import Service
from bench.quality.inertia_and_agreement import flaps, unmatched
from bench.quality.real_log_against_refit import baseline_of, moves_of
from events.segment_changes import Change
from stream.settings import StreamSettings

__all__ = ["measure_stationary"]

_MONTH = 30.0


class _Run(NamedTuple):
    moves: list[Change]
    releases: int
    excess: float


def measure_stationary(client: redis.Redis, log: OrderLog, from_ms: int, k: int) -> dict[str, Any]:
    """Run the service, with its borders held and with borders that follow every version, and beside both a frozen twin.

    A spurious change is one that the twin, which keeps the baseline's centroids, does not make (the same customer to
    the same segment) within a day. `all` are all changes (a customer who buys, or falls silent, moves by recency: that
    is no error), `returns` those that go back within 30 days to the segment just left.
    """
    cut = int(np.searchsorted(log.columns.times, from_ms))
    before, after = log.part(0, cut), log.part(cut, len(log))
    days = len(list(after.days()))
    months = len(log.names) * days / _MONTH
    frozen = _run(client, before, after, k, StreamSettings(), frozen=True)
    found: dict[str, Any] = {"customers": len(log.names), "days": days, "events": len(after)}
    found["frozen"] = {"all": _rates(len(frozen.moves), len(after), months)}
    for name, tolerance in (("held", StreamSettings().border_tolerance), ("following", 0.0)):
        run = _run(client, before, after, k, StreamSettings(border_tolerance=tolerance))
        counts = {
            "spurious": unmatched(_change_keys(run.moves), _change_keys(frozen.moves)),
            "model": sum(each.cause == "model" for each in run.moves),
            "returns": flaps(*moves_of(run.moves)),
            "all": len(run.moves),
        }
        rates = {what: _rates(count, len(after), months) for what, count in counts.items()}
        found[name] = {**rates, "releases": run.releases, "excess": run.excess}
    return found


def _run(
    client: redis.Redis, before: OrderLog, after: OrderLog, k: int, stream: StreamSettings, *, frozen: bool = False
) -> _Run:
    service = Service(client, stream, frozen=frozen)
    for end_ms, orders in before.days():
        service.day(end_ms, orders, sweep=False)
    service.approve(baseline_of(service.customers().rows, service.clock.now, k))
    service.log.changes.clear()
    borders, excess = set(), 0.0
    for end_ms, orders in after.days():
        service.day(end_ms, orders)
        borders.add(service.live.segmenter.borders_version)
        excess = max(excess, service.excess())
    return _Run([each for each in service.log.changes if each.previous], len(borders) - 1, excess)


def _change_keys(changes: Sequence[Change]) -> list[tuple[str, int, str | None]]:
    return [
        (each.customer_id, round(datetime.fromisoformat(each.changed_at).timestamp() * 1000), each.segment_id)
        for each in changes
    ]


def _rates(count: int, events: int, months: float) -> dict[str, float]:
    return {"per_event": count / events, "per_month": count / months}
