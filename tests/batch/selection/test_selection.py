"""Comparing clusterings: figures that are what they say, and the rule by which one is chosen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from batch.clustering.elbow import elbow
from batch.errors import NoCandidate
from batch.fit_options import FitOptions
from batch.selection.candidate_metrics import CandidateMetrics
from batch.selection.candidate_scoring import score_candidates
from batch.selection.gap_statistic import gap_statistic
from batch.selection.selection_rule import best_candidate, selection_reason
from batch.selection.silhouette import Silhouettes, silhouette_of
from batch.selection.stability import stability
from tests.building import RFM, examples


def blobs(centres, n=80, spread=0.15, seed=0):
    random = np.random.default_rng(seed)
    return np.concatenate([centre + random.normal(0, spread, (n, len(centre))) for centre in np.array(centres, float)])


FOUR = blobs([[0, 0], [4, 0], [0, 4], [4, 4]])


@pytest.fixture(scope="module")
def tried():
    options = FitOptions(k_max=6, algorithms=("k-means", "gaussian-mixture"))
    return score_candidates(FOUR, range(2, 7), options, ["a", "b"], seed=1)


class TestElbow:
    def test_it_is_where_the_curve_bends(self):
        x = np.arange(2.0, 11.0)
        y = np.where(x <= 5, 100 - 20 * (x - 2), 40 - 2 * (x - 5))
        assert x[elbow(x, y)] == 5

    def test_a_straight_or_a_flat_line_has_none(self):
        x = np.arange(5.0)
        assert elbow(x, 10 - 2 * x) is None
        assert elbow(x, np.ones(5)) is None
        assert elbow(x[:2], np.array([2.0, 1.0])) is None

    @given(st.floats(0.1, 1e6), st.floats(-1e6, 1e6))
    @examples(50)
    def test_units_do_not_matter(self, scale, shift):
        x, y = np.arange(2.0, 9.0), np.array([90.0, 50.0, 20.0, 15.0, 12.0, 10.0, 9.0])
        assert elbow(x * scale, y * scale + shift) == elbow(x, y)


class TestFigures:
    def test_every_algorithm_has_figures_for_every_k(self, tried):
        assert [(each.algorithm, each.k) for each in tried] == [
            (name, k) for name in ("k-means", "gaussian-mixture") for k in range(2, 7)
        ]

    @pytest.mark.parametrize(
        ("figure", "better"),
        [("silhouette", max), ("davies_bouldin", min), ("calinski_harabasz", max), ("stability", max)],
    )
    def test_four_blobs_are_best_as_four(self, tried, figure, better):
        own = [each for each in tried if each.algorithm == "k-means" and getattr(each, figure) is not None]
        assert better(own, key=lambda each: getattr(each, figure)).k == 4

    def test_stability_is_computed_for_those_that_may_win_only(self, tried):
        top = max(each.silhouette for each in tried)
        for each in tried:
            assert (each.stability is not None) == (each.silhouette >= top - 0.1)

    def test_the_sum_of_squares_bends_and_the_mixture_is_most_likely_at_four(self, tried):
        assert [each.k for each in tried if each.elbow] == [4, 4]
        assert min((each for each in tried if each.bic is not None), key=lambda each: each.bic).k == 4

    def test_the_gap_says_four(self, tried):
        own = {each.k: each for each in tried if each.algorithm == "k-means"}
        first = next(k for k in range(2, 6) if own[k].gap >= own[k + 1].gap - own[k + 1].gap_error)
        assert first == 4

    def test_a_rule_of_rfm_is_judged_where_there_are_recency_frequency_monetary(self):
        points = np.random.default_rng(1).normal(size=(300, 3))
        options = FitOptions(k=3, algorithms=("k-means", "rfm-rules"))
        assert [each.algorithm for each in score_candidates(points, [3], options, RFM, 1)] == ["k-means", "rfm-rules"]
        assert [each.algorithm for each in score_candidates(points, [3], options, ["a", "b", "c"], 1)] == ["k-means"]

    def test_silhouettes_by_distances_are_those_of_the_points(self):
        labels = np.repeat([0, 1, 1, 2], 80)
        labels[:3] = -1
        known = labels >= 0
        expected = silhouette_score(FOUR[known], labels[known])
        assert Silhouettes(FOUR, 1).of(labels) == pytest.approx(expected, abs=1e-5)
        assert silhouette_of(FOUR, labels, 1) == pytest.approx(expected)

    def test_one_cluster_and_nothing_but_single_customers_have_no_silhouette(self):
        for labels in (np.zeros(320, np.int64), np.arange(320)):
            assert Silhouettes(FOUR, 1).of(labels) is None
            assert silhouette_of(FOUR, labels, 1) is None

    def test_noise_is_less_stable_than_blobs(self):
        noise = np.random.default_rng(1).normal(size=(320, 2))
        assert stability("k-means", FOUR, 4, 1, ["a", "b"]) == pytest.approx(1.0)
        assert stability("k-means", noise, 4, 1, ["a", "b"]) < 0.9

    def test_the_gap_of_identical_customers_can_be_computed(self):
        assert np.isfinite(gap_statistic(np.zeros((20, 2)), [1], 1)[1]).all()


def figures(k, silhouette, algorithm="k-means", **more):
    return CandidateMetrics(algorithm, k, silhouette=silhouette, **more)


class TestRule:
    def test_the_largest_silhouette_wins(self):
        tried = [figures(3, 0.4), figures(4, 0.6), figures(5, 0.5)]
        assert best_candidate(tried).k == 4
        assert "largest silhouette, 0.600, of the 3" in selection_reason(best_candidate(tried), tried, None)

    def test_two_segments_have_to_be_strong(self):
        weak = [figures(2, 0.55), figures(3, 0.4)]
        assert best_candidate(weak).k == 3
        assert "only from 0.71 on" in selection_reason(best_candidate(weak), weak, None)
        assert best_candidate([figures(2, 0.75), figures(3, 0.4)]).k == 2
        assert best_candidate([figures(2, 0.75), figures(3, 0.6)]).k == 3
        assert best_candidate([figures(2, 0.3)]).k == 2

    def test_what_was_refused_is_taken_only_where_nothing_else_is(self):
        tried = [figures(3, 0.7, refused="its smallest segment is too small"), figures(4, 0.5)]
        assert best_candidate(tried).k == 4
        assert "has 0.700, but its smallest segment is too small" in selection_reason(
            best_candidate(tried), tried, None
        )
        assert "although its smallest" in selection_reason(tried[0], tried[:1], None)
        assert best_candidate(tried[:1]).k == 3

    def test_silhouettes_that_a_sample_cannot_tell_apart_leave_it_to_the_other_figures(self):
        better = {"davies_bouldin": 0.5, "calinski_harabasz": 900.0, "stability": 0.95, "elbow": True}
        worse = {"davies_bouldin": 0.7, "calinski_harabasz": 700.0, "stability": 0.7}
        assert best_candidate([figures(6, 0.505, **worse), figures(5, 0.5, **better)]).k == 5
        assert best_candidate([figures(6, 0.55, **worse), figures(5, 0.5, **better)]).k == 6

    def test_of_algorithms_that_agree_the_first_is_named(self):
        tried = [figures(4, 0.6, stability=0.9), figures(4, 0.6, "ward", stability=0.99)]
        assert best_candidate(tried).algorithm == "k-means"

    def test_the_number_asked_for_counts_before_everything(self):
        tried = [figures(4, 0.3, refused="unstable"), figures(6, 0.8, "hdbscan")]
        assert best_candidate(tried, asked=4).k == 4
        assert best_candidate(tried, asked=5).k == 6
        assert "all that came out where 5 were asked for" in selection_reason(best_candidate(tried, 5), tried, 5)

    def test_without_two_clusters_anywhere_nothing_is_chosen(self):
        with pytest.raises(NoCandidate, match="choose other features"):
            best_candidate([CandidateMetrics("k-means", 1), CandidateMetrics("dbscan", 0)])

    def test_where_only_dense_groups_were_looked_for_it_is_not_said_that_customers_hardly_differ(self):
        with pytest.raises(NoCandidate, match=r"^hdbscan found 1 cluster, dbscan found 0 clusters: .* let k-means"):
            best_candidate([CandidateMetrics("hdbscan", 1), CandidateMetrics("dbscan", 0)])
