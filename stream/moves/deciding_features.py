"""What made the difference when customers moved: distances, and the features that counted most, in their own units."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from events.arrays import Flags, Floats, Ints
from events.codec.rounded_numbers import Codes, number_codes
from events.time_units import DAY_MS
from state.customers.records import Rows
from stream.model.segmenter import Segmenter

__all__ = ["MAX_FEATURES", "Evidence", "evidence_of", "usual_gap_days"]


MAX_FEATURES: Final = 2
"""How many features a change names at most."""


@dataclass(frozen=True)
class Evidence:
    """Of n changes: the features (n, 2 or 1) that counted, the first most, and the codes of the numbers (n, 7 or 5)."""

    features: Ints
    codes: Codes


def evidence_of(
    segmenter: Segmenter,
    now: Floats,
    last: Floats,
    distances: Floats,
    target: Ints,
    present: Ints,
    centroids_moved: Flags,
    gaps: Floats,
) -> Evidence:
    """Return why n customers moved from cluster `present` (n,), -1 for none, to `target` (n,).

    `now` and `last` (n, d) are their explaining vectors now and when last learned, NaN where not known; `distances`
    (n, k) those to the centroids now; `centroids_moved` (n,) says where it was not the customer who moved. The
    squared distance to the old centroid less that to the new is a sum over features, and linear in the customer:
    features are ranked by how much of its growth since `last` is theirs, or by their part of it as it stands where
    the centroids moved. A first segment is compared with the average customer. `gaps` (n,) are the usual gaps in days.
    """
    score = _scores(segmenter.border_centroids, now, last, target, present, centroids_moved)
    everyone = np.arange(len(now))
    columns = []
    for _ in range(min(MAX_FEATURES, now.shape[1])):
        columns.append(np.argmax(score, axis=1))
        score[everyone, columns[-1]] = -np.inf
    numbers = [*_distances(distances, target, present), gaps]
    units = segmenter.in_units(np.concatenate([last, now]))
    for column in columns:
        numbers += [units[everyone, column], units[len(now) + everyone, column]]
    return Evidence(np.column_stack(columns), number_codes(np.column_stack(numbers)))


def _scores(
    centers: Floats | None,
    now: Floats,
    last: Floats,
    target: Ints,
    present: Ints,
    centroids_moved: Flags,
) -> Floats:
    first = (present < 0)[:, None]
    step = now - np.where(first | np.isnan(last), 0.0, last)
    if centers is None:
        score = np.abs(step)
    else:
        new, old = centers[target], np.where(first, 0.0, centers[present])
        score = 2.0 * (new - old) * step
        if centroids_moved.any():
            stands = (now - old) ** 2 - (now - new) ** 2
            score = np.where(centroids_moved[:, None], stands, score)
    return np.where(np.isnan(score), -np.inf, score)


def _distances(distances: Floats, target: Ints, present: Ints) -> tuple[Floats, Floats]:
    """Return those to the new centroid and to the old one, NaN where there is none or it has no place (tiers)."""
    everyone = np.arange(len(target))
    new, old = distances[everyone, target], np.where(present < 0, np.nan, distances[everyone, present])
    ruled = np.isinf(distances).any(axis=1)
    return np.where(ruled, np.nan, new), np.where(ruled, np.nan, old)


def usual_gap_days(rows: Rows, places: Ints) -> Floats:
    """Return the mean days between the orders of the customers at `places` (m,), NaN before the second order."""
    placed = rows["placed"][places].astype(np.float64)
    several = placed > 1
    last, first = (np.where(several, rows[name][places], 0) for name in ("last_order", "first_order"))
    return np.where(several, (last - first) / DAY_MS / np.maximum(placed - 1.0, 1.0), np.nan)
