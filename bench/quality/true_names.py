"""Are the names true? Day by day, the share of members for whom each holds; and whom silence moves up."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import redis

from batch.candidate import build_candidate
from batch.data.customer_table import CustomerTable
from batch.fit_options import FitOptions
from batch.rebaseline import LiveModel, build_proposal
from batch.settings import BatchSettings
from bench.quality.data.order_logs import OrderLog
from bench.quality.data.worker_on_redis import HALF_LIFE_MS, Service
from events.schema.outputs import Baseline
from events.segment_changes import Change
from state.customers.records import Rows
from stream.customers.lifecycle import STAGES
from stream.model.baseline_zero import RfmTiers
from stream.model.name_guard import renamed
from stream.model.name_truth import name_counts, name_share
from stream.moves.hysteresis import Hysteresis

__all__ = ["measure_names"]

_SEED: Final = 42
_RANKS: Final = {"no-order": 0, "inactive": 1, "at-risk": 2, "one-order": 2, "new": 3, None: 4}
_FEWEST: Final = 20
"""Members below which the share of a segment is not told: one of them would be a twentieth."""


def measure_names(client: redis.Redis, log: OrderLog, from_ms: int) -> dict[str, Any]:
    """Run the service from `from_ms` on under a first baseline of what lies before.

    Returns by name the least share of the members for whom it held on any day, after the sweep and the leader's check;
    how often segments were renamed; how many changes silence caused, and how many of them took a customer up, or from
    one learned segment to another; how many ordered for the first time, and which share of them was called new.
    """
    cut = int(np.searchsorted(log.columns.times, from_ms))
    before, after = log.part(0, cut), log.part(cut, len(log))
    service = Service(client)
    for end_ms, orders in before.days():
        service.day(end_ms, orders, sweep=False)
    baseline = _first_baseline(service)
    service.approve(baseline)
    service.log.changes.clear()
    ordered = set(np.unique(before.customers).tolist())
    least: dict[str, float] = {}
    found = Counter[str]()
    for end_ms, orders in after.days():
        at = len(service.log.changes)
        service.day(end_ms, orders)
        _count_changes(found, baseline, service.log.changes[at:])
        ordered |= _count_first_orders(found, baseline, log, orders, ordered, service.log.changes[at:])
        counts = name_counts(baseline, service.customers().rows, end_ms, HALF_LIFE_MS)
        again, _ = renamed(baseline, counts)
        if again is not None:
            found["renamed"] += 1
            baseline = again
            service.live.follow_baseline(again)
        for each in baseline.segments:
            share = name_share(each, counts[each.segment_id])
            if share is not None and counts[each.segment_id][0] >= _FEWEST:
                least[each.segment] = min(share, least.get(each.segment, 1.0))
    return {
        "least": {name: round(share, 4) for name, share in least.items()},
        **{name: found[name] for name in ("renamed", "time", "raised", "between_learned", "first")},
        "new_share": found["new"] / found["once"] if found["once"] else None,
    }


def _first_baseline(service: Service) -> Baseline:
    batch, now_ms = service.customers(), service.clock.now
    table = CustomerTable(
        np.array(batch.ids, object), batch.rows, _times(batch.rows, now_ms), HALF_LIFE_MS, population=len(batch.ids)
    )
    settings, at = BatchSettings(), datetime.fromtimestamp(now_ms / 1000, UTC)
    options = FitOptions(k=settings.k, algorithms=("k-means",), lifecycle=settings.lifecycle)
    made = build_candidate(table, options, number=1, seed=_SEED, now=at)
    proposal = build_proposal(
        table,
        made,
        LiveModel(None, RfmTiers(HALF_LIFE_MS)),
        iter([(table.rows, table.now_ms)]),
        last_number=0,
        hysteresis=Hysteresis.uniform(0.05),
        by="bench",
    )
    return proposal.baseline.model_copy(update={"status": "approved"})


def _times(rows: Rows, now_ms: int) -> Any:
    return np.full(len(rows), now_ms, np.int64)


def _count_first_orders(
    found: Counter[str], baseline: Baseline, log: OrderLog, orders: Any, ordered: set[int], changes: list[Change]
) -> set[int]:
    """Count who orders for the first time today, who does so once, and who of these is called new; return the first."""
    first = set(np.unique(orders.customers).tolist()) - ordered
    once = {log.names[i] for i in first if int((orders.customers == i).sum()) == 1}
    new = next(each.segment_id for each in baseline.segments if each.stage == "new")
    found["first"] += len(first)
    found["once"] += len(once)
    found["new"] += len(once & {each.customer_id for each in changes if each.segment_id == new})
    return first


def _count_changes(found: Counter[str], baseline: Baseline, changes: list[Change]) -> None:
    rank = {each.segment_id: _RANKS[each.stage] for each in baseline.segments}
    for each in changes:
        if each.cause != "time" or each.previous not in rank or each.segment_id not in rank:
            continue
        before, after = rank[each.previous], rank[each.segment_id]
        found["time"] += 1
        found["raised"] += after > before
        found["between_learned"] += before == after == len(STAGES) - 1
