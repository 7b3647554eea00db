"""A rule that Shoal does not go by: the published segment, with its hysteresis, is also what feeds the sums."""

import numpy as np

from events.arrays import Floats, Ints
from state.customers.records import Rows
from stream.model.segmenter import CentroidSegmenter
from stream.moves.hysteresis import Hysteresis
from stream.moves.segmentation import nearest_beyond_margin

__all__ = ["MARGIN", "SelfFeeding"]


MARGIN = 0.2


class SelfFeeding(CentroidSegmenter):
    """Nearest to everyone is the centroid of the published segment, until another is nearer by the margin."""

    def distances(self, rows: Rows, vectors: Floats, at_ms: Ints | int) -> Floats:
        """Return the distances (n, k) to the centroids, but none to that of the segment that is to be published."""
        distances = super().distances(rows, vectors, at_ms)
        target = nearest_beyond_margin(self, distances, rows["segment"].astype(np.int64), Hysteresis.uniform(MARGIN))
        placed = np.flatnonzero(target >= 0)
        distances[placed, target[placed]] = 0.0
        return distances
