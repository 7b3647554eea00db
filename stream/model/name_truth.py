"""Whether the names of segments are true: which share of the members fulfils what a name claims.

A segment may carry a name while at least 90% of its members fulfil it (`LEAST`). It is checked when a baseline is
fitted and by every sweep; the leader renames a segment whose name no longer holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from events.arrays import Flags, Ints
from events.schema.outputs import Baseline, BaselineSegment, NameClaim
from events.segment_changes import segment_number
from state.customers.records import Rows, take_rows
from stream.customers.features import feature_of
from stream.customers.lifecycle import STAGES, stages_of

__all__ = ["LEAST", "NameCounts", "add_counts", "fulfilled", "name_counts", "name_share", "truest_name"]

LEAST: Final = 0.9
"""The share of a segment's members for whom its name holds, at least."""
_BACK: Final = 0.95
"""The share from which on a better name comes back, so that names do not change to and fro."""

NameCounts = dict[str, list[int]]
"""By segment id: its members, and for how many of them each of its claims holds."""


def fulfilled(
    claim: NameClaim, rows: Rows, at_ms: Ints | int, half_life_ms: float, attributes: Sequence[str] = ()
) -> Flags:
    """Return which customers (n,) fulfil all conditions of a claim at a time (ms); a missing value fulfils none."""
    holds = np.ones(len(rows), np.bool_)
    for each in claim.conditions:
        feature = feature_of(each.feature, attributes)
        values = feature.to_unit(feature.compute(rows, at_ms, half_life_ms))
        low = -np.inf if each.at_least is None else each.at_least - 1e-9
        high = np.inf if each.at_most is None else each.at_most + 1e-9
        holds &= (values >= low) & (values <= high)
    return holds


def name_counts(baseline: Baseline, rows: Rows, now_ms: int, half_life_ms: float) -> NameCounts:
    """Return for how many of the members (n,) of the published segments the names hold at a time (ms).

    A member of a stage fulfils the name where the stage's rule holds for it; a member of a learned segment where it is
    in no stage and fulfils the claim.
    """
    found: NameCounts = {}
    for segment in baseline.segments:
        mine = take_rows(rows, rows["segment"] == segment_number(segment.segment_id))
        counts = [len(mine)]
        if len(mine) and segment.claims:
            right = _in_place(baseline, segment, mine, now_ms)
            for claim in segment.claims:
                holds = fulfilled(claim, mine, now_ms, half_life_ms, baseline.attributes)
                counts.append(int((holds & right).sum()))
        found[segment.segment_id] = counts + [0] * (1 + len(segment.claims) - len(counts))
    return found


def _in_place(baseline: Baseline, segment: BaselineSegment, rows: Rows, now_ms: int) -> Flags:
    if baseline.lifecycle is None:
        return np.ones(len(rows), np.bool_)
    place = -1 if segment.stage is None else STAGES.index(segment.stage)
    return np.asarray(stages_of(rows, now_ms, baseline.lifecycle) == place)


def add_counts(parts: Iterable[Mapping[str, list[int]]]) -> NameCounts:
    """Return the counts of several sets of customers together.

    >>> add_counts([{"s1": [10, 9]}, {"s1": [10, 7], "s2": [1, 1]}])
    {'s1': [20, 16], 's2': [1, 1]}
    """
    total: NameCounts = {}
    for part in parts:
        for name, counts in part.items():
            total[name] = [a + b for a, b in zip(total.get(name, [0] * len(counts)), counts, strict=True)]
    return total


def name_share(segment: BaselineSegment, counts: Sequence[int]) -> float | None:
    """Return the share of the members for whom the segment's present name holds.

    None where it has no members, or where a person gave the name or it claims nothing.
    """
    names = [claim.name for claim in segment.claims]
    if segment.renamed or segment.segment not in names or not counts or not counts[0]:
        return None
    return counts[1 + names.index(segment.segment)] / counts[0]


def truest_name(segment: BaselineSegment, counts: Sequence[int]) -> str:
    """Return the name that a segment may carry: the first of its claims that holds for enough of its members.

    A name that a person gave stays, and so does every name of a segment without members. A name that is better than
    the present one comes back only where it holds for some more.

    >>> claims = [NameClaim(name=name, words="", conditions=[]) for name in ("Frequent Buyers", "Regular Customers")]
    >>> one = BaselineSegment(segment_id="s2", segment="Frequent Buyers", centroid=[], profile={}, customers=9,
    ...     claims=claims)
    >>> truest_name(one, [100, 90, 100]), truest_name(one, [100, 89, 100])
    ('Frequent Buyers', 'Regular Customers')
    """
    names = [claim.name for claim in segment.claims]
    if segment.renamed or segment.segment not in names or not counts or not counts[0]:
        return segment.segment
    present = names.index(segment.segment)
    for place, name in enumerate(names):
        least = _BACK if place < present else LEAST
        if counts[1 + place] >= least * counts[0]:
            return name
    return names[-1]
