"""Names from features: all different, and saying what the cluster is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.naming.descriptions import describe_centroids, disambiguate_names
from batch.naming.names import learned_claims
from tests.building import RFM, examples

MALL = ["income", "spending_score"]


@given(st.integers(1, 20), st.integers(0, 1_000), st.sampled_from([RFM, MALL, ["age"], [*RFM, "tenure", "engagement"]]))
@examples(150)
def test_up_to_twenty_names_are_all_different(k, seed, features):
    centroids = np.random.default_rng(seed).normal(size=(k, len(features)))
    assert len(set(describe_centroids(centroids, features))) == k


@given(st.integers(1, 20))
@examples(20)
def test_names_differ_even_where_the_clusters_do_not(k):
    assert len(set(describe_centroids(np.zeros((k, 2)), MALL))) == k
    assert len(set(describe_centroids(np.zeros((k, 3)), RFM))) == k


def test_the_two_most_striking_features_are_said():
    (name,) = describe_centroids(np.array([[0.1, 2.0, -1.0]]), ["age", "income", "spending_score"])
    assert name == "High income, low spending"


def test_features_have_words_of_their_own():
    one, other = describe_centroids(np.array([[1.0, 1.0], [-1.0, -1.0]]), ["age", "engagement"])
    assert (one, other) == ("Older, often visiting", "Younger, seldom visiting")


def test_clusters_of_one_name_are_told_apart_by_what_differs_most():
    centroids = np.array([[0.0, 0.0], [0.1, 3.0], [0.0, 1.0], [5.0, 5.0]])
    found = disambiguate_names(["A", "A", "A", "B"], centroids, MALL)
    assert found == ["A (low spending)", "A (high spending)", "A (average spending)", "B"]


def test_more_than_three_of_one_name_are_numbered_from_low_to_high():
    assert disambiguate_names(["A"] * 4, np.array([[3.0], [1.0], [4.0], [2.0]]), ["age"]) == [
        "A 3",
        "A 1",
        "A 4",
        "A 2",
    ]


class TestSegments:
    def numbers(self, n, **columns):
        known = ("recency", "orders", "spend", "recent_orders", "recent_spend")
        return pd.DataFrame(dict.fromkeys(known, np.full(n, np.nan)) | columns)

    def names(self, numbers, labels, centroids, features):
        return [chain[0].name for chain in learned_claims(numbers, labels, centroids, features, {}, ruled=True)]

    def test_customers_who_buy_are_named_by_how_they_buy_whatever_the_segments_are_made_of(self):
        orders, labels = np.array([20, 23, 26, 2, 3, 4, 5, 6, 7]), np.repeat([0, 1], [3, 6])
        bought = {"recency": np.full(9, 5.0), "orders": orders, "spend": orders * 40.0}
        bought |= {"recent_orders": orders / 2, "recent_spend": orders * 20.0}
        numbers = self.numbers(9, **bought, average_order_value=np.full(9, 40.0))
        found = self.names(numbers, labels, np.array([[1.0], [-1.0]]), ["average_order_value"])
        assert found == ["High-Value Loyalists", "Occasional Shoppers"]

    @pytest.mark.parametrize("features", [MALL, ["income", "recency"]])
    def test_a_shop_without_orders_is_named_by_its_features(self, features):
        numbers = self.numbers(2, income=[80.0, 20.0], spending_score=[20.0, 80.0])
        found = self.names(numbers, np.array([0, 1]), np.array([[1.0, -1.0], [-1.0, 1.0]]), features)
        assert all("income" in name.lower() for name in found)
