"""Name clusters by what their members do, with the names of the RFM tiers where they fit; all names differ."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from batch.naming.descriptions import describe_centroids, disambiguate_names
from events.arrays import Flags, Floats, Ints
from stream.model.baseline_zero import AT_RISK_DAYS, INACTIVE_DAYS, SEGMENT_NAMES

__all__ = ["name_clusters", "name_segments"]


# What a name stands for, in standard deviations from the shop's mean customer.
_PROTOTYPES: Final = {
    "High-Value Loyalists": {"recency": -1.0, "frequency": 2.0, "monetary": 1.6},
    "Frequent Buyers": {"recency": -0.8, "frequency": 0.7, "monetary": 0.7},
    "Occasional Shoppers": {"recency": 0.0, "frequency": -0.1, "monetary": 0.2},
    "New Customers": {"recency": -0.8, "frequency": -0.5, "monetary": -0.6, "tenure": -1.5},
    "At-Risk Customers": {"recency": 0.5, "frequency": -0.4, "monetary": -0.3},
    "Inactive": {"recency": 0.7, "frequency": -0.8, "monetary": -1.0, "tenure": 0.5},
}
_BEHAVIOUR: Final = {"recency", "frequency", "monetary"}
_BUYING: Final = _BEHAVIOUR | {"average_order_value", "orders", "spend", "order_gap"}
_FAR: Final = 1e6
_JUDGED: Final = ("recency", "frequency", "monetary", "tenure")


def name_segments(numbers: pd.DataFrame, labels: Ints, centroids: Floats, features: Sequence[str]) -> list[str]:
    """Return a name for each of k segments, all different.

    Where the segments are made of how customers buy, they are named by recency, frequency, spend and tenure, whether
    or not these are among the features (`name_clusters`); otherwise by the features themselves. A segment whose members
    (by the median) have been silent for as long as in the tiers is called no better than in the tiers. `numbers` are
    the n customers' (see `batch.data.customer_metrics`), labels (n,) whose segment is which,
    centroids (k, d) standardised.
    """
    if not _BUYING & set(features) or numbers["recency"].isna().all():
        return describe_centroids(centroids, features)
    known = [name for name in _JUDGED if numbers[name].notna().any()]
    judged = np.log1p(numbers[known].to_numpy(np.float64))
    spread = np.nanstd(judged, axis=0)
    standard = (judged - np.nanmean(judged, axis=0)) / np.where(spread > 0, spread, 1.0)
    means = pd.DataFrame(standard).groupby(labels).mean().reindex(range(len(centroids))).fillna(0.0).to_numpy()
    usual = numbers.reindex(columns=["recency", "order_gap", "orders"]).groupby(labels).median()
    silent, gap, orders = usual.reindex(range(len(centroids))).to_numpy(np.float64).T
    impossible = _impossible_names(silent, gap)
    return _swap_by_order_count(name_clusters(means, known, impossible), orders, impossible)


def _swap_by_order_count(names: list[str], orders: Floats, impossible: Flags) -> list[str]:
    """Swap the names of frequent buyers and occasional shoppers where the latter have ordered more often (k,).

    Frequency is that of late, so customers who ordered twice this month are close to those who order every month.
    """
    pair = ("Frequent Buyers", "Occasional Shoppers")
    if not set(pair) <= set(names):
        return names
    frequent, occasional = map(names.index, pair)
    columns = list(map(SEGMENT_NAMES.index, pair))
    barred = impossible[occasional, columns[0]] or impossible[frequent, columns[1]]
    if orders[frequent] >= orders[occasional] or barred:
        return names
    swapped = dict(zip(pair, reversed(pair), strict=True))
    return [swapped.get(name, name) for name in names]


def _impossible_names(silent_days: Floats, gap_days: Floats) -> Flags:
    """Return which of the tiers' names (k, 6) a segment cannot have.

    It depends on the days (k,) since its members' last orders and between their orders. Everything else is relative to
    the shop's mean customer; but where most customers have left, a customer above the mean need not be a frequent
    buyer, and one whose next order is not due yet is not at risk, however small its orders are.
    """
    lost = np.array([name == "Inactive" for name in SEGMENT_NAMES])
    leaving = lost | np.array([name == "At-Risk Customers" for name in SEGMENT_NAMES])
    inactive, at_risk = (silent_days > INACTIVE_DAYS)[:, None], (silent_days > AT_RISK_DAYS)[:, None]
    on_time = ((silent_days <= gap_days) & (silent_days <= AT_RISK_DAYS))[:, None]
    return np.asarray((~lost & inactive) | (~leaving & at_risk) | (leaving & on_time))


def name_clusters(centroids: Floats, features: Sequence[str], impossible: Flags | None = None) -> list[str]:
    """Return a name for each centroid (k, d; standardised units), all different.

    Where the features tell how customers buy, clusters and the tiers' names are matched so that the summed squared
    distance between centroids and the names' prototypes, over the features that both know, is least (the Hungarian
    method); clusters beyond the sixth, and those for whom only names that are `impossible` (k, 6) were left, take the
    name of the nearest prototype with what tells them apart. Otherwise a cluster is describe_centroids by its features.

    >>> name_clusters(np.array([[1.2, -1.0, -1.0], [-1.0, 2.1, 1.9]]), ["recency", "frequency", "monetary"])
    ['Inactive', 'High-Value Loyalists']
    >>> name_clusters(np.array([[1.2, -1.0], [-1.0, 2.1]]), ["income", "spending_score"])
    ['High income, low spending', 'Low income, high spending']
    """
    if not _BEHAVIOUR & set(features):
        return describe_centroids(centroids, features)
    prototypes = np.array([[_PROTOTYPES[name].get(feature, np.nan) for feature in features] for name in SEGMENT_NAMES])
    distance = np.nansum((centroids[:, None, :] - prototypes[None, :, :]) ** 2, axis=2)
    barred = np.zeros(distance.shape, np.bool_) if impossible is None else impossible
    distance += np.where(barred, _FAR, 0.0)
    nearest = np.argmin(distance, axis=1)
    rows, columns = linear_sum_assignment(distance)
    fits = ~barred[rows, columns]
    nearest[rows[fits]] = columns[fits]
    return disambiguate_names([SEGMENT_NAMES[which] for which in nearest.tolist()], centroids, features)
