"""Fit a baseline: k-means++ of scikit-learn on standardised features."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from batch.naming import name_clusters
from batch.refusals import TooFewCustomers
from events.outputs import Baseline, BaselineSegment
from stream.features import FEATURES
from stream.tiers import SEGMENT_NAMES

__all__ = ["first_segment_ids", "fit_baseline"]

Floats = npt.NDArray[np.float64]

_SILHOUETTE_SAMPLE = 5_000


def fit_baseline(
    number: int, matrix: Floats, features: list[str], *, k: int, seed: int, now: datetime | None = None
) -> Baseline:
    """Fit k segments to customers' features (n, d), NaN where missing, and return the approved baseline.

    Missing values count as the mean while fitting; a feature that is the same for everyone is left unscaled. Raises
    TooFewCustomers where there are fewer than k different customers.
    """
    if len(matrix) < k:
        raise TooFewCustomers(f"{len(matrix)} customers cannot make {k} segments")
    with np.errstate(invalid="ignore"):  # 0 / 0 in the mean of a feature that nobody has
        scaler = StandardScaler().fit(matrix)
    center = np.nan_to_num(scaler.mean_)
    scale = np.where(np.nan_to_num(scaler.scale_) > 0, np.nan_to_num(scaler.scale_, nan=1.0), 1.0)
    standard = np.nan_to_num((matrix - center) / scale)
    different = len(np.unique(standard, axis=0))
    if different < k:
        raise TooFewCustomers(f"{len(matrix)} customers, {different} of them different, cannot make {k} segments")
    fitted = KMeans(k, init="k-means++", n_init=10, random_state=seed).fit(standard)
    names = name_clusters(fitted.cluster_centers_, features)
    ids = first_segment_ids(names)
    return Baseline(
        baseline=number,
        status="approved",
        created_at=now or datetime.now(UTC),
        algorithm="k-means",
        features=features,
        center=center.tolist(),
        scale=scale.tolist(),
        segments=[
            _segment(
                ids[label], names[label], fitted.cluster_centers_[label], matrix[fitted.labels_ == label], features
            )
            for label in range(k)
        ],
        k=k,
        silhouette=_silhouette(standard, fitted.labels_, seed),
        inertia=float(fitted.inertia_),
    )


def _silhouette(standard: Floats, labels: npt.NDArray[np.int32], seed: int) -> float | None:
    """Return the silhouette of a sample, None where the sample holds one cluster only, or no two of any cluster."""
    size = min(_SILHOUETTE_SAMPLE, len(standard))
    chosen = np.random.default_rng(seed).choice(len(standard), size, replace=False)
    if not 1 < len(np.unique(labels[chosen])) < size:
        return None
    return float(silhouette_score(standard[chosen], labels[chosen]))


def first_segment_ids(names: Sequence[str]) -> list[str]:
    """Return an id for each segment of a first baseline, all different.

    The tiers and the first baseline share names, so a customer keeps its segment where the name is the same; other
    names get the ids after those of the tiers.

    >>> first_segment_ids(["Inactive", "High income, low spending", "Frequent Buyers"])
    ['s6', 's7', 's2']
    """
    fresh = itertools.count(len(SEGMENT_NAMES) + 1)
    return [f"s{SEGMENT_NAMES.index(name) + 1 if name in SEGMENT_NAMES else next(fresh)}" for name in names]


def _segment(segment_id: str, name: str, centroid: Floats, members: Floats, features: list[str]) -> BaselineSegment:
    profile = {}
    for column, feature in enumerate(features):
        values = members[:, column][~np.isnan(members[:, column])]
        if len(values):
            profile[feature] = float(FEATURES[feature].to_unit(values).mean())
    return BaselineSegment(
        segment_id=segment_id,
        segment=name,
        centroid=centroid.tolist(),
        profile=profile,
        customers=len(members),
    )
