"""What every segmenter promises, and what following a model means."""

import numpy as np
import pytest

from state.customers.records import blank_rows
from stream.customers.features import FEATURES
from stream.model.baseline_zero import RfmTiers
from stream.model.kmeans import nearest
from stream.model.segmenter import CentroidSegmenter, segment_number
from tests.building import (
    DAY_MS,
    GRID,
    HALF_LIFE_MS,
    NOW_MS,
    RFM,
    ints,
    make_baseline,
    make_model,
    rows_with,
    same,
    shoppers,
)

FIVE = [*RFM, "engagement", "age"]
SEGMENTERS = {
    "tiers": lambda: RfmTiers(HALF_LIFE_MS),
    "centroids": lambda: CentroidSegmenter(make_baseline(), HALF_LIFE_MS),
    "centroids of five features": lambda: CentroidSegmenter(
        make_baseline(7, np.random.default_rng(5).normal(size=(4, 5)), FIVE, ids=[9, 2, 5, 1]), HALF_LIFE_MS
    ),
    "centroids of demographics": lambda: CentroidSegmenter(
        make_baseline(2, [[-1.0, 0.0], [1.0, 0.5]], ["age", "income"]), HALF_LIFE_MS
    ),
    "bounded and apply_powers, with a declared attribute": lambda: CentroidSegmenter(
        make_baseline(3, [[-1.0, 0.0, 0.0], [1.0, 0.5, 1.0]], ["recency", "age", "score"]).model_copy(
            update={
                "attributes": ["score"],
                "lower": [None, 20.0, None],
                "upper": [6.0, 70.0, None],
                "power": [0.4, None, 1.7],
            }
        ),
        HALF_LIFE_MS,
    ),
}


@pytest.fixture(params=SEGMENTERS.values(), ids=SEGMENTERS.keys())
def segmenter(request):
    return request.param()


@pytest.fixture
def rows():
    return shoppers(301)


class TestContract:
    def test_every_segment_has_an_id_a_name_and_a_number_of_its_own(self, segmenter):
        for attribute in ("segment_id", "name", "number"):
            values = [getattr(each, attribute) for each in segmenter.segments]
            assert len(set(values)) == len(values)
            assert all(values), "0 and the empty text mean no segment"
        assert [segment_number(each.segment_id) for each in segmenter.segments] == [
            each.number for each in segmenter.segments
        ]

    @pytest.mark.parametrize("n", [0, 1, 301])
    def test_shapes_follow_the_customers(self, segmenter, rows, n):
        vectors = segmenter.vectors(rows[:n], NOW_MS)
        assert vectors.shape == (n, segmenter.dimensions)
        assert vectors.dtype == np.float64
        assert segmenter.distances(rows[:n], vectors, NOW_MS).shape == (n, len(segmenter.segments))

    def test_a_customer_is_near_one_of_the_segments_or_of_none_at_all(self, segmenter, rows):
        distances = segmenter.distances(rows, segmenter.vectors(rows, NOW_MS), NOW_MS)
        unknown = np.isnan(distances)
        assert (unknown.all(axis=1) == unknown.any(axis=1)).all()
        assert (distances[~unknown] >= 0).all()
        clusters = nearest(distances)
        assert set(clusters.tolist()) <= set(range(-1, len(segmenter.segments)))
        assert len(set(clusters.tolist())) > 1, "the made-up customers are not all the same"

    def test_vectors_do_not_depend_on_the_other_customers_or_their_order(self, segmenter, rows):
        """The sums stay exact only if a vector that is taken out is the one that was put in."""
        random = np.random.default_rng(1)
        whole = segmenter.vectors(rows, NOW_MS)
        for positions in (
            random.permutation(301),
            random.choice(301, 17, replace=False),
            ints([300]),
            ints(range(0, 301, 2)),
        ):
            assert same(segmenter.vectors(rows[positions], NOW_MS), whole[positions])
        for i in range(301):
            assert same(segmenter.vectors(rows[i : i + 1], NOW_MS), whole[i : i + 1])

    def test_distances_do_not_depend_on_the_other_customers_or_their_order(self, segmenter, rows):
        order = np.random.default_rng(2).permutation(301)
        whole = segmenter.distances(rows, segmenter.vectors(rows, NOW_MS), NOW_MS)
        shuffled = segmenter.distances(rows[order], segmenter.vectors(rows[order], NOW_MS), NOW_MS)
        assert np.allclose(shuffled, whole[order], rtol=1e-12, atol=0, equal_nan=True)

    def test_a_time_for_each_customer_gives_what_one_time_for_all_gives(self, segmenter, rows):
        times = NOW_MS + np.random.default_rng(3).integers(0, 900, 301) * DAY_MS
        each = segmenter.vectors(rows, times)
        for i in range(0, 301, 7):
            assert same(segmenter.vectors(rows[i : i + 1], int(times[i])), each[i : i + 1])
        assert same(segmenter.vectors(rows, np.full(301, NOW_MS)), segmenter.vectors(rows, NOW_MS))

    def test_rows_are_only_read(self, segmenter, rows):
        before = rows.copy()
        segmenter.distances(rows, segmenter.vectors(rows, NOW_MS), NOW_MS)
        assert same(rows, before)

    def test_a_customer_without_events_can_be_asked_about(self, segmenter):
        rows = blank_rows(2)
        distances = segmenter.distances(rows, segmenter.vectors(rows, NOW_MS), NOW_MS)
        assert np.isnan(distances).all() or nearest(distances).min() >= 0


def test_vectors_are_standardised_on_the_grid_within_a_hundred_deviations():
    baseline = make_baseline()
    segmenter = CentroidSegmenter(baseline, HALF_LIFE_MS)
    rows = shoppers(100)
    vectors = segmenter.vectors(rows, NOW_MS)
    steps = vectors[~np.isnan(vectors)] / GRID
    assert (steps == np.rint(steps)).all()
    raw = np.stack([FEATURES[name].compute(rows, NOW_MS, HALF_LIFE_MS) for name in RFM], axis=1)
    expected = (raw - np.array(baseline.center)) / np.array(baseline.scale)
    assert np.allclose(vectors, expected, rtol=0, atol=GRID, equal_nan=True)


def test_a_far_outlier_is_held_at_a_hundred_deviations():
    baseline = make_baseline().model_copy(update={"scale": [1e-9, 1e-9, 1e-9]})
    vectors = CentroidSegmenter(baseline, HALF_LIFE_MS).vectors(shoppers(100), NOW_MS)
    assert set(np.abs(vectors[~np.isnan(vectors)]).tolist()) == {100.0}


def test_features_are_bounded_then_bent_then_scaled():
    baseline = make_baseline(1, [[0.0, 0.0]], ["age", "score"]).model_copy(
        update={"attributes": ["visits", "score"], "lower": [20.0, None], "upper": [None, 9.0], "power": [None, 0.0]}
    )
    rows = rows_with(2, profile_numbers=[[10, 0, 5, 100, 0, 0], [40, 0, 5, np.nan, 0, 0]])
    vectors = CentroidSegmenter(baseline, HALF_LIFE_MS).vectors(rows, NOW_MS)
    center, scale = baseline.center, baseline.scale
    expected = [
        [(20 - center[0]) / scale[0], (np.log(10) - center[1]) / scale[1]],
        [(40 - center[0]) / scale[0], np.nan],
    ]
    assert np.allclose(vectors, expected, rtol=0, atol=GRID, equal_nan=True)


def test_it_begins_with_the_centroids_of_the_baseline_and_follows_newer_ones():
    segmenter = CentroidSegmenter(make_baseline(centroids=[[0.0] * 3, [1.0] * 3]), HALF_LIFE_MS)
    vector = np.array([[0.6, 0.6, 0.6]])
    assert nearest(segmenter.distances(blank_rows(1), vector, NOW_MS)).tolist() == [1]
    assert segmenter.follow(make_model(3, [[0.5] * 3, [9.0] * 3]))
    assert segmenter.version == 3
    assert nearest(segmenter.distances(blank_rows(1), vector, NOW_MS)).tolist() == [0]


@pytest.mark.parametrize(("version", "baseline"), [(3, 1), (2, 1), (9, 2)])
def test_an_older_model_or_one_of_another_baseline_is_not_followed(version, baseline):
    segmenter = CentroidSegmenter(make_baseline(1), HALF_LIFE_MS)
    segmenter.follow(make_model(3, [[0.5] * 3] * 3))
    assert not segmenter.follow(make_model(version, [[7.0] * 3] * 3, baseline=baseline))
    assert segmenter.version == 3
    assert (segmenter.model.centroids == 0.5).all()


def test_following_a_model_moves_no_vector():
    segmenter, rows = CentroidSegmenter(make_baseline(), HALF_LIFE_MS), shoppers(50)
    before = segmenter.vectors(rows, NOW_MS)
    segmenter.follow(make_model(1, [[0.5] * 3] * 3))
    assert same(segmenter.vectors(rows, NOW_MS), before)
