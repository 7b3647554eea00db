"""Every algorithm keeps the same contract, and finds clusters that are plain to see."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from batch.clustering import ALGORITHMS, FIND_K, cluster
from batch.clustering.clustering_result import with_consecutive_labels
from batch.clustering.rfm_rules import quintiles, rfm_rules
from batch.errors import AlgorithmUnknown, FeatureMissing
from tests.building import RFM, examples, ints

OF_POINTS = [name for name in ALGORITHMS if name != "rfm-rules"]


def blobs(n, seed=0):
    truth = np.arange(n) % 3
    centres = np.array([[0.0, 0.0, 0.0], [5.0, 0.0, 1.0], [0.0, 6.0, -1.0]])
    return centres[truth] + np.random.default_rng(seed).normal(0, 0.2, (n, 3)), truth


@pytest.mark.parametrize("algorithm", OF_POINTS)
@pytest.mark.parametrize("n", [150, 6_000])
def test_plain_clusters_are_found_whether_or_not_a_sample_is_taken(algorithm, n):
    points, truth = blobs(n)
    found = cluster(algorithm, points, 3, 1, RFM)
    known = found.labels >= 0
    assert found.k == 3
    assert known.mean() > 0.8
    assert adjusted_rand_score(truth[known], found.labels[known]) == 1.0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("k", [2, 5])
def test_labels_are_numbers_without_gaps_and_the_same_again(algorithm, k):
    points = np.random.default_rng(k).normal(size=(200, 3))
    found, again = (cluster(algorithm, points, k, 7, RFM) for _ in range(2))
    assert np.array_equal(found.labels, again.labels)
    assert set(found.labels.tolist()) - {-1} == set(range(found.k))
    if algorithm not in FIND_K:
        assert 1 <= found.k <= k


@pytest.mark.parametrize("algorithm", ["dbscan", "hdbscan"])
def test_customers_far_from_all_are_outliers(algorithm):
    points, _ = blobs(300)
    points[:2] = [[40.0, 40.0, 40.0], [-40.0, 30.0, 0.0]]
    assert cluster(algorithm, points, 0, 1, RFM).labels[:2].tolist() == [-1, -1]


def test_only_a_mixture_has_a_bic():
    points, _ = blobs(90)
    assert cluster("gaussian-mixture", points, 3, 1, RFM).bic < cluster("gaussian-mixture", points, 2, 1, RFM).bic
    assert cluster("k-means", points, 3, 1, RFM).bic is None


def test_unknown_algorithms_and_rules_without_rfm_are_refused():
    with pytest.raises(AlgorithmUnknown, match="no algorithm 'som'; choose from k-means"):
        cluster("som", np.zeros((3, 1)), 2, 1, ["age"])
    with pytest.raises(FeatureMissing, match="needs the features recency, frequency, monetary; here are age"):
        cluster("rfm-rules", np.zeros((3, 1)), 2, 1, ["age"])


@given(st.lists(st.integers(-1, 9), min_size=1, max_size=30))
@examples(100)
def test_renumbering_keeps_who_is_together(labels):
    found = with_consecutive_labels(ints(labels))
    assert [label < 0 for label in labels] == (found.labels < 0).tolist()
    assert set(found.labels.tolist()) - {-1} == set(range(found.k))
    assert adjusted_rand_score(labels, found.labels) == 1.0


class TestRules:
    def test_quintiles_are_fifths_and_equal_values_score_alike(self):
        assert np.bincount(quintiles(np.arange(100.0))).tolist() == [0, 20, 20, 20, 20, 20]
        scores = quintiles(np.array([1.0] * 70 + [2.0] * 20 + [3.0] * 10))
        assert [len(set(scores[part].tolist())) for part in (slice(70), slice(70, 90), slice(90, 100))] == [1, 1, 1]

    def test_what_is_not_known_scores_lowest(self):
        assert quintiles(np.array([np.nan, 5.0, 6.0])).tolist()[0] == 1
        assert quintiles(np.array([np.nan, np.nan])).tolist() == [1, 1]

    @given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
    @examples(100)
    def test_scores_rise_with_the_value(self, values):
        scores = quintiles(np.array(values))
        order = np.argsort(values)
        assert (np.diff(scores[order]) >= 0).all()
        assert set(scores.tolist()) <= {1, 2, 3, 4, 5}

    def test_the_best_and_the_silent_are_apart(self):
        points = np.column_stack([np.linspace(-2, 2, 100), np.linspace(2, -2, 100), np.linspace(2, -2, 100)])
        found = rfm_rules(points, RFM)
        assert found.labels[0] != found.labels[-1]
        assert found.labels[0] == found.labels[1]
