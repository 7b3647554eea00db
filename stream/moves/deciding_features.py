"""What made the difference when customers moved: distances, and the features that counted most, in their own units."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from events.arrays import Flags, Floats, Ints
from events.codec.rounded_numbers import Codes, number_codes
from events.time_units import DAY_MS
from state.customers.records import Rows
from stream.customers.lifecycle import STAGE_FEATURES
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
    the centroids moved. A first segment is compared with the average customer. Where a stage of the lifecycle begins or
    ends, what its rule goes by counts. `gaps` (n,) are the usual gaps in days.
    """
    score = _scores(segmenter.border_centroids, now, last, target, present, centroids_moved)
    staged = _staged(segmenter)
    by_rule = staged[target] | ((present >= 0) & staged[present])
    if by_rule.any():
        for rank, name in enumerate(STAGE_FEATURES):
            score[by_rule, segmenter.explaining_features.index(name)] = np.finfo(np.float64).max / (1 + rank)
    everyone = np.arange(len(now))
    columns = []
    for _ in range(min(MAX_FEATURES, now.shape[1])):
        columns.append(np.argmax(score, axis=1))
        score[everyone, columns[-1]] = -np.inf
    numbers = [*_distances(distances, target, present, staged), gaps]
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
        score, d = np.full(now.shape, -np.inf), centers.shape[1]
        new, old = centers[target], np.where(first, 0.0, centers[present])
        learned = 2.0 * (new - old) * step[:, :d]
        if centroids_moved.any():
            stands = (now[:, :d] - old) ** 2 - (now[:, :d] - new) ** 2
            learned = np.where(centroids_moved[:, None], stands, learned)
        score[:, :d] = learned
    return np.where(np.isnan(score), -np.inf, score)


def _staged(segmenter: Segmenter) -> Flags:
    """Return which clusters (k,) are stages of the lifecycle, which have no place; all of the tiers."""
    return np.array([each.stage is not None or not segmenter.dimensions for each in segmenter.segments], np.bool_)


def _distances(distances: Floats, target: Ints, present: Ints, staged: Flags) -> tuple[Floats, Floats]:
    """Return those to the new centroid and to the old one, NaN where there is none or it has no place."""
    everyone = np.arange(len(target))
    new, old = distances[everyone, target], distances[everyone, present]
    unknown = (present < 0) | staged[present] | np.isinf(old)
    return np.where(staged[target], np.nan, new), np.where(unknown, np.nan, old)


def usual_gap_days(rows: Rows, places: Ints) -> Floats:
    """Return the mean days between the orders of the customers at `places` (m,), NaN before the second order."""
    placed = rows["placed"][places].astype(np.float64)
    several = placed > 1
    last, first = (np.where(several, rows[name][places], 0) for name in ("last_order", "first_order"))
    return np.where(several, (last - first) / DAY_MS / np.maximum(placed - 1.0, 1.0), np.nan)
