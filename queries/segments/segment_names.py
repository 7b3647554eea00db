"""Names of segments by id: of the live baseline, and of all that were ever live, which experiments still refer to."""

from typing import Any

import redis

from events.schema.outputs import Baseline
from state.customers.recent_segments import NO_SEGMENT, UNKNOWN
from state.model.baselines import BaselineStore
from stream.model.baseline_zero import SEGMENT_NAMES
from stream.model.name_truth import NameCounts, name_share

__all__ = ["all_segment_names", "name_claims", "segment_names"]


def all_segment_names(client: redis.Redis) -> dict[str, str]:
    """Return names by segment id, of the live baseline and of all that were live before; in four round trips.

    Also the names for customers without a segment, and for those whose segment is unknown.
    """
    store = BaselineStore(client)
    names = {NO_SEGMENT: "no segment yet", UNKNOWN: "unknown", **segment_names(None)}
    live = store.current()
    for baseline in (*store.all(), *([live] if live else [])):
        if baseline.status in {"approved", "retired"}:
            names |= {each.segment_id: each.segment for each in baseline.segments}
    return names


def segment_names(baseline: Baseline | None) -> dict[str, str]:
    """Return the names of the segments by id: the live baseline's, those that ended with it, and the tiers'."""
    names = {f"s{i}": name for i, name in enumerate(SEGMENT_NAMES, 1)}
    if baseline is not None:
        names |= {each.segment_id: each.segment for each in baseline.lineage}
        names |= {each.segment_id: each.segment for each in baseline.segments}
    return names


def name_claims(baseline: Baseline | None, counts: NameCounts) -> dict[str, dict[str, Any]]:
    """Return by segment id what its name claims of the members, in words, and for which share of them it holds.

    Both are None where a person gave the name, or where it claims nothing.
    """
    found = {}
    for each in baseline.segments if baseline else []:
        share = name_share(each, counts.get(each.segment_id, []))
        words = next((claim.words for claim in each.claims if claim.name == each.segment and not each.renamed), "")
        found[each.segment_id] = {"claim": words or None, "holds": None if share is None else round(share, 4)}
    return found
