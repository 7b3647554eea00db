"""Move customers between segments: revert the old vector, learn the new one, decide the segment, make the changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from events.arrays import Floats, Ints
from events.base_error import ShoalError
from events.segment_changes import ChangeBatch
from state.customers.recent_segments import push_current_segment
from state.customers.records import Rows, copy_rows, take_rows
from state.partitions.model_sums import ModelSums
from stream.model.kmeans import nearest
from stream.model.segmenter import Segmenter
from stream.moves.changes import Evaluation, Moves, changes_of
from stream.moves.hysteresis import Hysteresis

__all__ = [
    "BaselineOutdated",
    "SegmentationBatch",
    "SegmentationResult",
    "nearest_beyond_margin",
    "published_cluster",
    "resegment",
    "resegment_partitions",
    "sums_for_baseline",
]


@dataclass(frozen=True)
class SegmentationBatch:
    """n customers to re-evaluate at `now_ms` (ms since 1970 UTC).

    `before` (n,) are their rows as last saved, `after` (n,) with new events folded in; `causes` (n,) says why a
    customer's segment would change.
    """

    ids: list[str]
    before: Rows
    after: Rows
    causes: npt.NDArray[np.object_]
    now_ms: int


@dataclass(frozen=True)
class SegmentationResult:
    """Rows (n,) with their new cluster and segment, the model's sums after that, and the changes."""

    rows: Rows
    sums: ModelSums
    changes: ChangeBatch


class BaselineOutdated(ShoalError):
    """A partition is already under a later baseline than the one that this worker has."""

    retriable = True

    def __init__(self, theirs: int, mine: int) -> None:
        super().__init__(f"a partition is under baseline {theirs}, this worker has only baseline {mine} yet")


def sums_for_baseline(segmenter: Segmenter, baseline: int, sums: ModelSums | None) -> ModelSums:
    """Return the sums to continue with: a new baseline starts at zero, and each customer is learned into it once.

    Raises BaselineOutdated where the partition is under a later baseline: going back would lose its sums.
    """
    if baseline > segmenter.baseline:
        raise BaselineOutdated(baseline, segmenter.baseline)
    if sums is None or baseline != segmenter.baseline:
        return ModelSums.zeros(len(segmenter.segments), segmenter.dimensions)
    missing = len(segmenter.segments) - len(sums.counts)
    if not missing:
        return sums
    # Written by an earlier release, whose tiers were fewer: the others begin empty.
    grown = ((0, missing), (0, 0))
    return ModelSums(np.pad(sums.sums, grown), np.pad(sums.weights, grown), np.pad(sums.counts, grown[0]))


def published_cluster(
    segmenter: Segmenter, distances: Floats, rows: Rows, now_ms: int | Ints, hysteresis: Hysteresis
) -> Ints:
    """Return the cluster (n,) whose segment is to be published, by border distances (n, k) and rows (n,).

    `now_ms` is a time, or one for each (n,). A customer leaves its segment only where another centroid is nearer by the
    margin (a share of the distance) and dwell and cool-down have passed, or where the segment no longer exists. The
    stages of the lifecycle are rules: into them and out of them nobody waits.
    """
    segments = rows["segment"].astype(np.int64)
    target = nearest_beyond_margin(segmenter, distances, segments, hysteresis)
    if not hysteresis.has_time_limits:
        return target
    present = np.where(rows["baseline"] == segmenter.baseline, _clusters_of(segmenter, segments), -1)
    staged = np.array([each.stage is not None for each in segmenter.segments])
    present[staged[target] | staged[present]] = -1
    return hysteresis.apply_time_limits(segmenter.segments, rows, present, target, now_ms)


def nearest_beyond_margin(segmenter: Segmenter, distances: Floats, segments: Ints, hysteresis: Hysteresis) -> Ints:
    """Return the cluster (n,) to publish by distances (n, k) and the present segments' numbers (n,)."""
    closest = nearest(distances)
    present = _clusters_of(segmenter, segments)
    everyone = np.arange(len(distances))
    margins = hysteresis.margins(segmenter.segments)
    margin = margins if isinstance(margins, float) else margins[present]
    stays = (present >= 0) & (closest >= 0)
    stays &= ~(distances[everyone, closest] < (1.0 - margin) * distances[everyone, present])
    return np.where(stays, present, closest)


def _clusters_of(segmenter: Segmenter, segments: Ints) -> Ints:
    """Return the cluster (n,) of each segment number, -1 where there is none."""
    at = np.full(1 + max([int(segments.max(initial=0)), *(each.number for each in segmenter.segments)]), -1)
    at[[each.number for each in segmenter.segments]] = np.arange(len(segmenter.segments))
    at[0] = -1
    return at[segments]


def _move(rows: Rows, moved: Ints, segments: Ints, now_ms: int) -> None:
    """Write the new segments of the rows at `moved` (m,) into them."""
    push_current_segment(rows, moved)
    rows["segment"][moved], rows["since"][moved] = segments, now_ms
    rows["change_number"][moved] += 1


def resegment(
    segmenter: Segmenter, hysteresis: Hysteresis, batch: SegmentationBatch, sums: ModelSums
) -> SegmentationResult:
    """Re-evaluate the customers of one partition, whose sums under the segmenter's baseline are `sums`."""
    (result,) = resegment_partitions(segmenter, hysteresis, batch, [sums], [len(batch.ids)])
    return result


def resegment_partitions(
    segmenter: Segmenter,
    hysteresis: Hysteresis,
    batch: SegmentationBatch,
    sums: Sequence[ModelSums],
    sizes: Sequence[int],
) -> list[SegmentationResult]:
    """Re-evaluate the customers of several partitions, who stand in the batch one partition after the other.

    `sums` and `sizes` have an entry a partition: its sums under the segmenter's baseline, and its customers' number.
    """
    before, after, now_ms = batch.before, batch.after, batch.now_ms
    homes, k = np.repeat(np.arange(len(sizes)) * len(segmenter.segments), sizes), len(segmenter.segments) * len(sizes)
    learned = (before["baseline"] == segmenter.baseline) & (before["cluster"] >= 0)
    taken = before if learned.all() else take_rows(before, learned)
    old = segmenter.vectors(taken, taken["learned_at"])
    old_clusters = taken["cluster"].astype(np.int64) + (homes if len(taken) == len(before) else homes[learned])
    vectors = segmenter.vectors(after, now_ms)
    distances = segmenter.distances(after, vectors, now_ms)
    clusters = nearest(distances)
    placed = clusters >= 0
    gained = ModelSums.of(vectors[placed], (clusters + homes)[placed], k) - ModelSums.of(old, old_clusters, k)
    borders = segmenter.border_distances(vectors, distances)
    target = published_cluster(segmenter, borders, after, now_ms, hysteresis)
    numbers = np.array([each.number for each in segmenter.segments])
    moved = np.flatnonzero((target >= 0) & (numbers[target] != after["segment"]))
    rows = copy_rows(after)
    rows["cluster"], rows["baseline"], rows["learned_at"] = clusters, segmenter.baseline, now_ms
    _move(rows, moved, numbers[target[moved]], now_ms)
    evaluation = Evaluation(before, after, learned, old, vectors, borders)
    held = _clusters_of(segmenter, before["segment"][moved].astype(np.int64))
    moves = Moves(moved, held, target[moved], batch.causes[moved], rows["change_number"][moved].tolist())
    changes = changes_of(segmenter, batch.ids, evaluation, moves, now_ms)
    ends = [0, *np.cumsum(sizes).tolist()]
    customers, places = pairwise(ends), pairwise(np.searchsorted(moved, ends).tolist())
    parts = zip(sums, gained.split(len(sizes)), customers, places, strict=True)
    return [
        SegmentationResult(rows[start:end], mine + more, changes.part(first, last))
        for mine, more, (start, end), (first, last) in parts
    ]
