"""Preview of a proposed baseline: how its clusters overlap the present segments, and how many customers would move."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batch.identity.matching import Overlap
from events.arrays import Floats, Ints
from events.schema.outputs import Baseline, SegmentMove
from events.segment_changes import segment_number
from state.customers.records import Rows
from stream.model.kmeans import nearest
from stream.model.segmenter import CentroidSegmenter, Segmenter
from stream.moves.hysteresis import Hysteresis
from stream.moves.segmentation import nearest_beyond_margin

__all__ = ["MovePreview", "moved_share", "preview_moves", "segment_numbers"]


@dataclass(frozen=True)
class MovePreview:
    """n customers measured against a proposed baseline, in 4 (k + 0.5) bytes each.

    `segments` (n,) are the numbers of their present segments, 0 for none; `distances` (n, k) how far they are from the
    proposed centroids, NaN where none of the features is known. `sums` and `weights` add up the present members'
    proposed vectors by segment number and feature.
    """

    segments: npt.NDArray[np.uint16]
    distances: npt.NDArray[np.float32]
    sums: dict[int, Floats]
    weights: dict[int, Ints]

    def overlap(self, old: Sequence[int], centroids: Floats) -> Overlap:
        """Compare the proposed clusters with the present segments of these numbers."""
        clusters = nearest(self.distances.astype(np.float64))
        placed = clusters >= 0
        k = len(centroids)
        columns = np.full(1 + max([int(self.segments.max(initial=0)), *old]), len(old))
        columns[list(old)] = np.arange(len(old))
        pairs = clusters[placed] * (len(old) + 1) + columns[self.segments[placed]]
        shared = np.bincount(pairs, minlength=k * (len(old) + 1)).reshape(k, len(old) + 1)
        old_sizes = np.bincount(columns[self.segments], minlength=len(old) + 1)[: len(old)]
        return Overlap(shared[:, : len(old)], self._distance(old, centroids), shared.sum(axis=1), old_sizes)

    def _distance(self, old: Sequence[int], centroids: Floats) -> Floats:
        """Return the distances (k_new, k_old) of the centroids to the old segments' means, NaN for the empty ones."""
        found = np.full((len(centroids), len(old)), np.nan)
        for column, number in enumerate(old):
            if number in self.sums and (self.weights[number] > 0).any():
                mean = self.sums[number] / np.maximum(self.weights[number], 1)
                known = self.weights[number] > 0
                squared = ((centroids[:, known] - mean[known]) ** 2).mean(axis=1) * centroids.shape[1]
                found[:, column] = np.sqrt(squared)
        return found

    def moves(self, segmenter: Segmenter, hysteresis: Hysteresis) -> list[SegmentMove]:
        """Return how many customers would move from which segment to which, including those who stay.

        The workers' own rule decides: a customer of a segment that continues leaves it only for a centroid that is
        nearer by the margin. Customers without any known feature are left out: they stay in their segment.
        """
        target = nearest_beyond_margin(
            segmenter, self.distances.astype(np.float64), self.segments.astype(np.int64), hysteresis
        )
        placed = target >= 0
        k = len(segmenter.segments)
        pairs, counts = np.unique(self.segments[placed].astype(np.int64) * k + target[placed], return_counts=True)
        return [
            SegmentMove(
                source=f"s{pair // k}" if pair // k else None,
                target=segmenter.segments[pair % k].segment_id,
                customers=count,
            )
            for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True)
        ]


def preview_moves(baseline: Baseline, half_life_ms: float, chunks: Iterable[tuple[Rows, Ints]]) -> MovePreview:
    """Measure customers against a proposed baseline; each chunk is their rows (n,) and their present (n,), in ms."""
    segmenter = CentroidSegmenter(baseline, half_life_ms)
    segments, distances = [np.zeros(0, np.uint16)], [np.zeros((0, len(baseline.segments)), np.float32)]
    sums: dict[int, Floats] = {}
    weights: dict[int, Ints] = {}
    for rows, now_ms in chunks:
        vectors = segmenter.vectors(rows, now_ms)
        segments.append(rows["segment"].astype(np.uint16))
        distances.append(segmenter.distances(rows, vectors, now_ms).astype(np.float32))
        for number in np.unique(rows["segment"]).tolist():
            mine = vectors[rows["segment"] == number]
            sums[number] = sums.get(number, 0.0) + np.nansum(mine, axis=0)
            weights[number] = weights.get(number, 0) + (~np.isnan(mine)).sum(axis=0)
    return MovePreview(np.concatenate(segments), np.concatenate(distances), sums, weights)


def moved_share(moves: Sequence[SegmentMove]) -> float:
    """Return the share of the customers with a segment who would move to another.

    >>> stays = SegmentMove(source="s1", target="s1", customers=3)
    >>> moved_share([stays, SegmentMove(source="s1", target="s2", customers=1)])
    0.25
    """
    had = [each for each in moves if each.source is not None]
    total = sum(each.customers for each in had)
    return sum(each.customers for each in had if each.source != each.target) / total if total else 0.0


def segment_numbers(baseline: Baseline) -> list[int]:
    """Return the numbers that records hold for a baseline's segments, in order."""
    return [segment_number(each.segment_id) for each in baseline.segments]
