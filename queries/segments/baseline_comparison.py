"""Two baselines side by side: what is new, what stays, who moves."""

from typing import Any

from batch.identity.move_preview import moved_share
from batch.promotion.decisions import summary
from events.schema.outputs import Baseline

__all__ = ["compare_baselines"]


def compare_baselines(baseline: Baseline, other: Baseline | None) -> dict[str, Any]:
    """Return a baseline against another one, as JSON values; `other` None stands for the RFM tiers.

    Who moves was previewed against one baseline only, the one that it follows; against any other, moves are None.
    """
    before = {each.segment_id: each for each in other.segments} if other else {}
    lineage = {each.segment_id: each for each in baseline.lineage}
    previewed = baseline.follows == (other.baseline if other else 0) and bool(baseline.moves)
    now = {each.segment_id for each in baseline.segments}
    return {
        "baseline": summary(baseline) | {"inertia": baseline.inertia, "reason": baseline.reason},
        "against": summary(other) | {"inertia": other.inertia, "reason": other.reason} if other else None,
        "moved_share": moved_share(baseline.moves) if previewed else None,
        "segments": [
            {
                "segment_id": each.segment_id,
                "segment": each.segment,
                "kind": lineage[each.segment_id].kind if each.segment_id in lineage else None,
                "related": lineage[each.segment_id].related if each.segment_id in lineage else [],
                "customers": each.customers,
                "profile": each.profile,
                "segment_before": before[each.segment_id].segment if each.segment_id in before else None,
                "customers_before": before[each.segment_id].customers if each.segment_id in before else None,
                "profile_before": before[each.segment_id].profile if each.segment_id in before else None,
            }
            for each in baseline.segments
        ],
        "gone": [{"segment_id": name, "segment": each.segment} for name, each in before.items() if name not in now],
        "moves": [
            {"from": each.source, "to": each.target, "customers": each.customers}
            for each in sorted(baseline.moves, key=lambda each: -each.customers)
            if each.source != each.target
        ]
        if previewed
        else None,
    }
