"""Match new clusters to the live segments: ids, names and lineage (docs/decisions/0010)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from batch.identity.first_segment_ids import first_segment_ids
from events.arrays import Floats, Ints
from events.schema.outputs import Baseline, BaselineSegment, SegmentLineage
from events.segment_changes import segment_number
from stream.customers.yeo_johnson import inverse_yeo_johnson, yeo_johnson
from stream.model.baseline_zero import SEGMENT_NAMES

__all__ = [
    "NAME_DRIFT",
    "Overlap",
    "assign_first_identities",
    "assign_identities",
    "assign_names",
    "match_clusters",
    "unscaled_means",
]


NAME_DRIFT: Final = 0.5
"""Standard deviations (root mean square over features) that a kept segment may move before its name is reconsidered."""
_MAJORITY: Final = 0.5


@dataclass(frozen=True)
class Overlap:
    """Which customers of the old segments are in which new cluster, and how far the two lie apart.

    Attributes:
        shared: customers (k_new, k_old) that are in both.
        distance: Euclidean distance (k_new, k_old) between the new centroids and the means of the old segments'
            present members, in standard deviations of the new baseline's features; NaN where it has no members.
        new_sizes: customers (k_new,), with those who had no old segment.
        old_sizes: customers (k_old,).
    """

    shared: Ints
    distance: Floats
    new_sizes: Ints
    old_sizes: Ints

    @property
    def jaccard(self) -> Floats:
        """The customers in both as a share of those in either (k_new, k_old)."""
        either = self.new_sizes[:, None] + self.old_sizes[None, :] - self.shared
        return np.asarray(self.shared / np.maximum(either, 1))


def match_clusters(overlap: Overlap, same: Mapping[int, int] | None = None) -> dict[int, int]:
    """Return the old segment (column) of each new cluster (row) that continues one.

    `same` are rows whose column is known: the stages of the lifecycle, which are rules and stay what they are. Of the
    others:

    The Hungarian method minimises the sum of distance x (1 - Jaccard index): of two centroids that are equally near,
    the one that holds the same customers wins. A pair counts only where most customers of one are also in the other.
    H. W. Kuhn, "The Hungarian Method for the assignment problem", Naval Research Logistics Quarterly 2 (1955).

    >>> overlap = Overlap(np.array([[90, 5], [0, 95]]), np.array([[0.1, 2.0], [2.0, 0.2]]),
    ...     np.array([95, 95]), np.array([90, 100]))
    >>> match_clusters(overlap)
    {0: 0, 1: 1}
    """
    same = same or {}
    if not overlap.shared.size:
        return {}
    known = overlap.distance[np.isfinite(overlap.distance)]
    far = 1.0 + 2.0 * float(known.max(initial=0.0))
    cost = np.where(np.isfinite(overlap.distance), overlap.distance, far) + 1e-9
    cost = cost * (1.0 - overlap.jaccard) - 1e-9 * overlap.jaccard
    free_rows = [row for row in range(len(cost)) if row not in same]
    free_columns = [column for column in range(cost.shape[1]) if column not in same.values()]
    rows, columns = linear_sum_assignment(cost[np.ix_(free_rows, free_columns)])
    pairs = [
        (free_rows[row], free_columns[column]) for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    return {**same, **{row: column for row, column in pairs if _shares_majority(overlap, row, column)}}


def _shares_majority(overlap: Overlap, new: int, old: int) -> bool:
    shared = int(overlap.shared[new, old])
    return shared > 0 and shared >= _MAJORITY * min(overlap.new_sizes[new], overlap.old_sizes[old])


def assign_identities(candidate: Baseline, live: Baseline, overlap: Overlap, last_number: int) -> Baseline:
    """Return the candidate with its segments' ids and names, and the lineage of the new and of the retired ones.

    The candidate's segments are named by rule, and their ids are ignored; the columns of `overlap` are the live
    segments. A segment that continues a live one has its id; any other gets a number above `last_number`, the largest
    ever used.
    """
    matched = match_clusters(overlap, _same_stages(candidate, live))
    kept = {new: live.segments[old] for new, old in matched.items()}
    ids, number = [], last_number
    for new in range(len(candidate.segments)):
        number += new not in kept
        ids.append(kept[new].segment_id if new in kept else f"s{number}")
    means = unscaled_means(candidate)
    before = {new: _named_for(live, matched[new]) for new in kept}
    drift = {new: _drift(candidate, means[new], before[new]) for new in kept}
    true = [{claim.name for claim in each.claims} or None for each in candidate.segments]
    names = assign_names([each.segment for each in candidate.segments], kept, drift, true)
    segments = []
    for new, segment in enumerate(candidate.segments):
        same = new in kept and names[new] == kept[new].segment
        found = {
            "segment_id": ids[new],
            "segment": names[new],
            "renamed": same and kept[new].renamed,
            "named_for": before[new] if same else means[new],
        }
        segments.append(segment.model_copy(update=found))
    lineage = _lineage(segments, live.segments, overlap, matched)
    return candidate.model_copy(
        update={"segments": segments, "lineage": lineage, "last_segment": number, "follows": live.baseline}
    )


def assign_first_identities(candidate: Baseline) -> Baseline:
    """Return the candidate with its ids and lineage where only the RFM tiers are live.

    A tier is a rule and has no centroid, so the name decides: a cluster of the same name has the tier's id.
    """
    ids = first_segment_ids([each.segment for each in candidate.segments])
    means = unscaled_means(candidate)
    segments = [
        each.model_copy(update={"segment_id": ids[new], "named_for": means[new]})
        for new, each in enumerate(candidate.segments)
    ]
    tiers = {f"s{i}": name for i, name in enumerate(SEGMENT_NAMES, 1)}
    lineage = [
        _entry("kept" if each.segment_id in tiers else "born", each, [each.segment_id] * (each.segment_id in tiers))
        for each in segments
    ]
    lineage += [
        SegmentLineage(kind="retired", segment_id=tier, segment=name, related=[], customers=0)
        for tier, name in tiers.items()
        if tier not in ids
    ]
    last = max(len(tiers), *(segment_number(each) for each in ids))
    return candidate.model_copy(update={"segments": segments, "lineage": lineage, "last_segment": last, "follows": 0})


def unscaled_means(baseline: Baseline) -> list[dict[str, float]]:
    """Return each segment's centroid in the units of the features before scaling and power, by feature."""
    centroids = np.array([each.centroid for each in baseline.segments])
    raw = centroids * np.array(baseline.scale) + np.array(baseline.center)
    for column, power in enumerate(baseline.power):
        if power is not None:
            raw[:, column] = inverse_yeo_johnson(raw[:, column], power)
    return [dict(zip(baseline.features, row, strict=True)) for row in raw.tolist()]


def _named_for(live: Baseline, old: int) -> dict[str, float]:
    return live.segments[old].named_for or unscaled_means(live)[old]


def _drift(candidate: Baseline, means: dict[str, float], before: dict[str, float]) -> float:
    """Return how far a segment moved, root mean square in standard deviations; infinite where the features differ."""
    if before.keys() != means.keys():
        return math.inf
    moved = []
    for column, name in enumerate(candidate.features):
        ends = np.array([means[name], before[name]])
        power = candidate.power[column] if candidate.power else None
        ends = ends if power is None else yeo_johnson(ends, power)
        moved.append((ends[0] - ends[1]) / candidate.scale[column])
    return float(np.sqrt(np.mean(np.square(moved))))


def _same_stages(candidate: Baseline, live: Baseline) -> dict[int, int]:
    """Return the live segment of each of the candidate's that is the same stage of the lifecycle."""
    old = {each.stage: place for place, each in enumerate(live.segments) if each.stage is not None}
    return {new: old[each.stage] for new, each in enumerate(candidate.segments) if each.stage in old}


def assign_names(
    by_rule: Sequence[str],
    kept: Mapping[int, BaselineSegment],
    drift: Mapping[int, float],
    true: Sequence[set[str] | None] | None = None,
) -> list[str]:
    """Return a name for each new cluster, no two alike.

    A cluster that continues a segment (`kept`) keeps its name, unless it moved by more than NAME_DRIFT (`drift`) since
    the name was given and the rule has another for it, or the name is not among those that are `true` of it (None:
    names claim nothing); a name that a person gave stays. The rest take their names by rule; where one is taken, a
    number is added.

    >>> assign_names(["Inactive", "Frequent Buyers", "Inactive"], {}, {})
    ['Inactive', 'Frequent Buyers', 'Inactive 2']
    """
    names: dict[int, str] = {}
    claims = true or [None] * len(by_rule)
    for new, before in kept.items():
        possible = claims[new]
        holds = possible is None or before.segment in possible
        if before.renamed or by_rule[new] == before.segment or (holds and drift[new] <= NAME_DRIFT):
            names[new] = before.segment
    for new, name in enumerate(by_rule):
        if new in names:
            continue
        taken, possible = set(names.values()), claims[new]
        if name in taken and new in kept and kept[new].segment not in taken and possible is None:
            name = kept[new].segment
        names[new] = _unused_name(name, taken)
    return [names[new] for new in range(len(by_rule))]


def _unused_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(f"{name} {i}" for i in range(2, len(taken) + 3) if f"{name} {i}" not in taken)


def _lineage(
    named: Sequence[BaselineSegment], old: Sequence[BaselineSegment], overlap: Overlap, matched: dict[int, int]
) -> list[SegmentLineage]:
    """Return what became of each segment: kept, split, merged or born in the order of `named`, then those retired."""
    lineage = []
    for new, segment in enumerate(named):
        kind, parents = _origin(overlap, matched, new)
        related = [old[parent].segment_id for parent in parents]
        lineage.append(_entry(kind, segment, related, int(overlap.new_sizes[new])))
    for retired in sorted(set(range(len(old))) - set(matched.values())):
        largest = int(np.argmax(overlap.shared[:, retired]))
        related = [named[largest].segment_id] * bool(overlap.shared[largest, retired])
        lineage.append(_entry("retired", old[retired], related, int(overlap.old_sizes[retired])))
    return lineage


def _origin(overlap: Overlap, matched: dict[int, int], new: int) -> tuple[str, list[int]]:
    """Return the kind of a new cluster, and the old segments (columns of `overlap`) that it comes from."""
    new_clusters, old_segments = map(range, overlap.shared.shape)
    if new not in matched:
        source = next((old for old in old_segments if _comes_from(overlap, new, old)), None)
        return ("born", []) if source is None or source not in matched.values() else ("split", [source])
    own = matched[new]
    absorbed = [old for old in old_segments if _goes_into(overlap, old, new, matched)]
    if absorbed:
        return "merged", sorted([own, *absorbed])
    split_off = any(_comes_from(overlap, other, own) for other in new_clusters if other not in matched)
    return ("split" if split_off else "kept"), [own]


def _comes_from(overlap: Overlap, new: int, old: int) -> bool:
    """Whether at least half of a new cluster's customers were in an old segment."""
    return bool(overlap.new_sizes[new] and overlap.shared[new, old] >= _MAJORITY * overlap.new_sizes[new])


def _goes_into(overlap: Overlap, old: int, new: int, matched: dict[int, int]) -> bool:
    """Whether most customers of an old segment that no cluster continues are now in a new cluster."""
    if old in matched.values() or not overlap.old_sizes[old]:
        return False
    return bool(overlap.shared[new, old] > _MAJORITY * overlap.old_sizes[old])


def _entry(kind: str, segment: BaselineSegment, related: list[str], customers: int | None = None) -> SegmentLineage:
    return SegmentLineage.model_validate(
        {
            "kind": kind,
            "segment_id": segment.segment_id,
            "segment": segment.segment,
            "related": related,
            "customers": segment.customers if customers is None else customers,
        }
    )
