"""Names of clusters: all different, and the best customers are called so."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.naming.names import name_clusters, name_segments
from stream.model.baseline_zero import SEGMENT_NAMES
from tests.building import RFM, examples

coordinate = st.floats(-5, 5)
centroids = st.lists(st.tuples(coordinate, coordinate, coordinate), min_size=1, max_size=6).map(np.array)


@given(centroids)
@examples(100)
def test_all_names_are_different_and_of_the_tiers(some):
    found = name_clusters(some, RFM)
    assert len(found) == len(set(found)) == len(some)
    assert set(found) <= set(SEGMENT_NAMES)


@pytest.mark.parametrize(
    "features", [["recency"], ["tenure", "age"], ["age", "income"], [*RFM, "tenure", "engagement"]]
)
@pytest.mark.parametrize("k", range(1, 7))
def test_all_names_are_different_whatever_the_features(k, features):
    some = np.random.default_rng(k).normal(size=(k, len(features)))
    assert len(set(name_clusters(some, features))) == k


@given(centroids, st.floats(0, 3), st.floats(0, 3), st.floats(0, 3), st.integers(0, 5))
@examples(100)
def test_high_value_loyalists_are_the_best_cluster_wherever_one_is_best_in_everything(some, newer, more, richer, place):
    """Best in everything: the most recent, the most frequent and the largest spender of all."""
    best = (some[:, 0].min() - newer - 0.1, some[:, 1].max() + more + 0.1, some[:, 2].max() + richer + 0.1)
    place = min(place, len(some) - 1)
    some[place] = best
    found = name_clusters(some, RFM)
    if "High-Value Loyalists" in found:
        assert found.index("High-Value Loyalists") == place
    if len(some) == len(SEGMENT_NAMES):
        assert found[place] == "High-Value Loyalists"


@pytest.mark.parametrize("k", range(2, 7))
def test_clusters_spread_from_best_to_worst_are_named_so_at_both_ends(k):
    spread = np.linspace(1.0, -1.0, k)
    some = np.stack([-spread, 2.0 * spread, 1.6 * spread], axis=1)
    found = name_clusters(some, RFM)
    assert found[0] == "High-Value Loyalists"
    assert found[-1] in ("Inactive", "At-Risk Customers")


def test_the_order_of_the_clusters_does_not_matter():
    some = np.random.default_rng(3).normal(size=(6, 3))
    found = name_clusters(some, RFM)
    order = [4, 2, 0, 5, 1, 3]
    assert name_clusters(some[order], RFM) == [found[i] for i in order]


def test_the_order_of_the_features_does_not_matter():
    some = np.random.default_rng(4).normal(size=(5, 3))
    assert name_clusters(some[:, [2, 0, 1]], ["monetary", "recency", "frequency"]) == name_clusters(some, RFM)


def test_features_without_a_prototype_do_not_weigh():
    some = np.random.default_rng(5).normal(size=(5, 3))
    with_age = np.concatenate([some, np.full((5, 1), 9.0)], axis=1)
    assert name_clusters(with_age, [*RFM, "age"]) == name_clusters(some, RFM)


def named(silent, recent_orders, spend=None, gap=np.nan):
    """Names of segments of 20 customers each, by the days since the last order, the recent orders and spend."""
    n = 20
    spent = np.array(recent_orders) * 40.0 if spend is None else np.array(spend)
    numbers = pd.DataFrame(
        {
            "recency": np.repeat(silent, n),
            "frequency": np.repeat(recent_orders, n),
            "monetary": np.repeat(spent, n),
            "order_gap": np.full(len(silent) * n, gap),
            "orders": np.repeat(recent_orders, n),
            "tenure": np.full(len(silent) * n, 500.0),
        }
    )
    return name_segments(numbers, np.repeat(np.arange(len(silent)), n), np.zeros((len(silent), 3)), RFM)


def test_where_most_customers_have_left_better_than_the_mean_is_not_a_frequent_buyer():
    assert named([477.0, 165.0, 33.0], [0.04, 0.57, 2.5]) == ["Inactive", "At-Risk Customers", "High-Value Loyalists"]


def test_several_segments_of_the_silent_are_told_apart_and_none_is_called_better():
    found = named([600.0, 500.0, 400.0, 20.0], [0.01, 0.03, 0.2, 4.0])
    assert all(each.startswith("Inactive") for each in found[:3])
    assert len(set(found)) == 4


def test_whose_next_order_is_not_due_yet_is_not_at_risk_however_little_they_spend():
    shop = ([5.8, 249.0, 8.3, 39.9, 1.3], [14.6, 0.8, 14.3, 2.6, 60.2], [851.0, 35.0, 84.0, 2_167.0, 6_874.0])
    assert named(*shop)[2] == "At-Risk Customers"
    found = named(*shop, gap=8.7)
    assert not found[2].startswith(("At-Risk", "Inactive"))
    assert found[1] == "Inactive"


def test_who_ordered_more_often_in_all_is_the_frequent_one_though_not_of_late():
    recency = [5.0, 12.0, 58.0, 114.0, 225.0]
    numbers = pd.DataFrame(
        {
            "recency": np.repeat(recency, 10),
            "frequency": np.repeat([6.0, 2.3, 2.0, 0.9, 0.4], 10),
            "monetary": np.repeat([600.0, 105.0, 100.0, 40.0, 12.0], 10),
            "orders": np.repeat([12.6, 2.5, 6.2, 2.7, 1.2], 10),
            "tenure": np.repeat([200.0, 100.0, 200.0, 180.0, 230.0], 10),
            "order_gap": np.nan,
        }
    )
    found = name_segments(numbers, np.repeat(np.arange(5), 10), np.zeros((5, 3)), RFM)
    assert found[1:3] == ["Occasional Shoppers", "Frequent Buyers"]
    few = name_segments(
        numbers.assign(orders=np.repeat([12.6, 6.2, 2.5, 2.7, 1.2], 10)),
        np.repeat(np.arange(5), 10),
        np.zeros((5, 3)),
        RFM,
    )
    assert few[1:3] == ["Frequent Buyers", "Occasional Shoppers"]
