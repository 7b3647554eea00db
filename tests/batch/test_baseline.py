"""Fitting a baseline: found clusters, honest scales, and data in which something is missing or odd."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from batch.baseline import fit_baseline
from batch.refusals import TooFewCustomers
from state.records import blank_rows
from stream.segmenter import CentroidSegmenter
from stream.tiers import SEGMENT_NAMES

from ..building import HALF_LIFE_MS, NOW, RFM

BLOBS = np.array([[1.0, 3.0, 6.0], [4.0, 1.0, 4.0], [6.0, 0.2, 2.0]])
"""Loyal, occasional and lapsed customers, in the transformed units of the features."""


def blobs(n=90, seed=0):
    """Customers around the three centres in turn, and which centre is whose."""
    labels = np.arange(n) % 3
    return BLOBS[labels] + np.random.default_rng(seed).normal(0, 0.1, (n, 3)), labels


def fit(matrix, k=3, features=RFM, seed=1):
    return fit_baseline(7, matrix, list(features), k=k, seed=seed, now=NOW)


def labels_of(baseline, matrix):
    """The segment of each customer, by the baseline's own scale and centroids."""
    standard = (matrix - np.array(baseline.center)) / np.array(baseline.scale)
    return CentroidSegmenter(baseline, HALF_LIFE_MS).model.predict_many(standard)


def test_clusters_that_are_there_are_found():
    matrix, truth = blobs()
    baseline = fit(matrix)
    assert adjusted_rand_score(truth, labels_of(baseline, matrix)) == 1.0
    assert baseline.silhouette > 0.8
    assert [each.customers for each in baseline.segments] == [30, 30, 30]


def test_a_baseline_says_what_it_is_of():
    matrix, _ = blobs()
    baseline = fit(matrix)
    assert (baseline.baseline, baseline.status, baseline.k, baseline.created_at) == (7, "approved", 3, NOW)
    assert baseline.features == RFM
    assert baseline.center == pytest.approx(matrix.mean(axis=0))
    assert baseline.scale == pytest.approx(matrix.std(axis=0))
    standard = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    nearest = np.array([each.centroid for each in baseline.segments])[labels_of(baseline, matrix)]
    assert baseline.inertia == pytest.approx(((standard - nearest) ** 2).sum())


def test_segments_carry_the_ids_of_their_names_so_that_the_tiers_customers_may_stay():
    baseline = fit(blobs()[0])
    for each in baseline.segments:
        assert each.segment_id == f"s{SEGMENT_NAMES.index(each.segment) + 1}"
    assert len({each.segment_id for each in baseline.segments}) == 3


def test_profiles_are_the_means_of_the_members_in_units_for_people():
    matrix, truth = blobs()
    segments = {each.segment: each for each in fit(matrix).segments}
    loyal = segments["High-Value Loyalists"]
    for j, name in enumerate(RFM):
        assert loyal.profile[name] == pytest.approx(np.expm1(matrix[truth == 0, j]).mean())


def test_the_same_customers_and_seed_give_the_same_baseline():
    matrix, _ = blobs()
    assert fit(matrix) == fit(matrix.copy())


@pytest.mark.parametrize("k", range(2, 7))
def test_every_k_gives_as_many_different_segments(k):
    matrix = np.random.default_rng(k).gamma(2.0, 1.0, (200, 3))
    baseline = fit(matrix, k=k)
    assert len({each.segment for each in baseline.segments}) == len(baseline.segments) == k
    assert sum(each.customers for each in baseline.segments) == 200


def test_a_missing_value_counts_as_the_mean_and_not_in_the_scale_or_the_profile():
    matrix, _ = blobs()
    matrix[::10, 0] = np.nan
    baseline = fit(matrix)
    assert baseline.center[0] == pytest.approx(np.nanmean(matrix[:, 0]))
    assert baseline.scale[0] == pytest.approx(np.nanstd(matrix[:, 0]))
    assert all(np.isfinite(list(each.profile.values())).all() for each in baseline.segments)


def test_a_feature_that_is_the_same_for_everyone_is_left_unscaled():
    matrix, truth = blobs()
    matrix[:, 1] = 2.0
    baseline = fit(matrix)
    assert (baseline.center[1], baseline.scale[1]) == (2.0, 1.0)
    assert adjusted_rand_score(truth, labels_of(baseline, matrix)) == 1.0


def test_a_feature_that_nobody_has_neither_matters_nor_appears():
    matrix, truth = blobs()
    matrix[:, 2] = np.nan
    baseline = fit(matrix)
    assert (baseline.center[2], baseline.scale[2]) == (0.0, 1.0)
    assert all(set(each.profile) == {"recency", "frequency"} for each in baseline.segments)
    assert adjusted_rand_score(truth, labels_of(baseline, matrix)) == 1.0


def test_fewer_different_customers_than_segments_are_refused():
    same = np.repeat(BLOBS[:2], 50, axis=0)
    with pytest.raises(TooFewCustomers, match="100 customers, 2 of them different, cannot make 3 segments"):
        fit(same)
    with pytest.raises(TooFewCustomers, match="0 customers cannot make 3 segments"):
        fit(np.empty((0, 3)))


def test_as_many_customers_as_segments_can_be_fitted_though_no_silhouette_exists():
    baseline = fit(BLOBS)
    assert [each.customers for each in baseline.segments] == [1, 1, 1]
    assert baseline.silhouette is None


def test_a_cluster_too_small_for_the_silhouettes_sample_does_not_stop_the_fit():
    """One far customer makes a cluster of its own; of 20,000 the sample of 5,000 will often not hold it."""
    matrix = np.random.default_rng(0).normal(3.0, 0.1, (20_000, 3))
    matrix[0] = 300.0
    baseline = fit(matrix, k=2)
    assert sorted(each.customers for each in baseline.segments) == [1, 19_999]
    assert baseline.silhouette is None or baseline.silhouette > 0.9


def test_a_baseline_can_be_segmented_by_as_it_is():
    baseline = fit(blobs()[0])
    segmenter = CentroidSegmenter(type(baseline).model_validate_json(baseline.model_dump_json()), HALF_LIFE_MS)
    assert segmenter.distances(blank_rows(1), np.zeros((1, 3)), 0).shape == (1, 3)
