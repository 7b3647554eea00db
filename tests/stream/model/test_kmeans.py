"""The online k-means: sums that come back exactly, centroids that are means, distances that leave gaps out."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import checks, cluster
from sklearn.metrics.pairwise import nan_euclidean_distances

from bench.quality.models.forgetful_kmeans import ForgetfulKMeans
from state.partitions.model_sums import ModelSums
from stream.model.kmeans import OnlineKMeans, nearest
from tests.building import GRID, RFM, equal_sums, examples, ints

K, D = 3, 3
CENTROIDS = np.array([[-1.0, 1.0, 1.5], [0.0, 0.0, 0.25], [1.0, -1.0, -2.0]])

coordinate = st.integers(-100 * 2**20, 100 * 2**20).map(lambda steps: steps * GRID)
vectors = st.lists(st.tuples(*[coordinate | st.just(np.nan)] * D), max_size=20).map(
    lambda rows: np.array(rows, np.float64).reshape(-1, D)
)
close_vectors = st.lists(st.tuples(*[st.floats(-4, 4) | st.just(np.nan)] * D), min_size=1, max_size=20).map(np.array)


def new_model():
    return OnlineKMeans(CENTROIDS, RFM)


def assert_unchanged(model, before):
    assert equal_sums(model.sums, before.sums)
    assert np.array_equal(model.centroids, before.centroids)
    assert model.centers == before.centers


@given(vectors, vectors, st.randoms(use_true_random=False))
@examples(100)
def test_what_is_learned_and_reverted_leaves_no_trace(staying, leaving, random):
    model = new_model()
    stay, leave = model.predict_many(staying), model.learn_many(leaving)
    model.learn_many(staying)
    for i in random.sample(range(len(leaving)), len(leaving)):
        model.revert_many(leaving[i : i + 1], leave[i : i + 1])
    known = stay >= 0
    assert equal_sums(model.sums, ModelSums.of(staying[known], stay[known], K))


@given(vectors)
@examples(50)
def test_reverting_all_returns_to_no_members_at_all(some):
    model = new_model()
    model.revert_many(some, model.learn_many(some))
    assert equal_sums(model.sums, ModelSums.zeros(K, D))


@given(vectors)
@examples(50)
def test_a_centroid_is_the_mean_of_its_members(some):
    model = new_model()
    labels = model.learn_many(some)
    model.recenter()
    for label in range(K):
        for j in range(D):
            members = some[labels == label, j]
            members = members[~np.isnan(members)]
            expected = members.mean() if len(members) else CENTROIDS[label, j]
            assert model.centroids[label, j] == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(vectors)
@examples(50)
def test_one_at_a_time_equals_many_while_the_centroids_stay_put(some):
    many, one = new_model(), new_model()
    labels = many.learn_many(some)
    assert [int(one.learn_many(some[i : i + 1])[0]) for i in range(len(some))] == labels.tolist()
    assert equal_sums(one.sums, many.sums)


@given(close_vectors)
@examples(100)
def test_distances_are_the_nan_euclidean_ones_of_scikit_learn(some):
    model = new_model()
    theirs = nan_euclidean_distances(some, CENTROIDS)
    mine = model.distances_many(some)
    assert np.allclose(mine, theirs, atol=1e-6, equal_nan=True)
    labels = model.predict_many(some)
    unknown = np.isnan(some).all(axis=1)
    assert (labels[unknown] == -1).all()
    # Theirs are computed in a form that loses digits, so of two centroids equally near either may be theirs.
    chosen = theirs[np.flatnonzero(~unknown), labels[~unknown]]
    assert np.allclose(chosen, theirs[~unknown].min(axis=1), atol=1e-6)
    ordered = np.sort(theirs[~unknown], axis=1)
    clear = ordered[:, 1] - ordered[:, 0] > 1e-6
    assert (labels[~unknown][clear] == theirs[~unknown].argmin(axis=1)[clear]).all()


def test_a_missing_feature_is_left_out_and_the_rest_scaled_up():
    assert new_model().distances_many(np.array([[0.0, np.nan, 0.25]])).tolist() == [
        [np.sqrt(1.5 * (1 + 1.25**2)), 0.0, np.sqrt(1.5 * (1 + 2.25**2))]
    ]


def test_a_customer_of_whom_nothing_is_known_belongs_to_no_cluster_and_is_not_learned():
    model = new_model()
    assert model.learn_many(np.full((2, D), np.nan)).tolist() == [-1, -1]
    assert equal_sums(model.sums, ModelSums.zeros(K, D))
    model.revert_many(np.full((2, D), np.nan), ints([-1, -1]))
    assert equal_sums(model.sums, ModelSums.zeros(K, D))


def test_labels_may_be_given():
    model = new_model()
    assert model.learn_many(np.array([[-1.0, 1.0, 1.5]]), ints([2])).tolist() == [2]
    assert model.sums.counts.tolist() == [0, 0, 1]


def test_a_cluster_without_members_stays_where_it_is():
    model = new_model()
    model.learn_many(np.array([[-3.0, 2.0, 2.0]]))
    model.recenter()
    assert model.centroids.tolist() == [[-3.0, 2.0, 2.0], *CENTROIDS[1:].tolist()]


def test_labels_do_not_move_before_the_centroids_do():
    model = OnlineKMeans(np.array([[0.0], [10.0]]), ["recency"])
    model.learn_many(np.array([[4.0], [4.5]]))
    assert model.predict_many(np.array([[6.0]])).tolist() == [1]
    model.recenter()
    assert model.predict_many(np.array([[6.0]])).tolist() == [0]


@pytest.mark.parametrize("x", [{"recency": 1.0}, {"unheard of": 3.0}, {}, {"recency": 1.0, "other": 2.0}])
def test_predicting_one_does_not_change_the_model(x):
    """River's own does, on keys that it has not seen."""
    model = new_model()
    model.learn_many(np.array([[1.0, 2.0, 3.0]]))
    before = copy.deepcopy(model)
    model.predict_one(x)
    assert_unchanged(model, before)


def test_one_by_one_methods_read_features_by_name_and_leave_out_the_rest():
    model = new_model()
    assert model.predict_one({"monetary": 1.4, "recency": -0.9, "other": 1e9}) == 0
    assert model.predict_one({"frequency": -1.0}) == 2
    assert model.predict_one({"other": 1.0}) == -1


def test_learning_one_by_one_moves_its_centroid_and_reverting_moves_it_back():
    model = new_model()
    model.learn_one({"recency": -1.0, "frequency": 1.0, "monetary": 2.0})
    assert model.learn_predict_one({"recency": -2.0, "frequency": 2.0, "monetary": 2.0}) == 0
    assert dict(model.centers[0]) == {"recency": -1.5, "frequency": 1.5, "monetary": 2.0}
    model.revert_many(np.array([[-2.0, 2.0, 2.0]]), np.array([0]))
    model.recenter()
    assert model.centroids[0].tolist() == [-1.0, 1.0, 2.0]
    assert model.sums.counts.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        ([[3.0, 1.0, 2.0]], [1]),
        ([[1.0, 1.0, 2.0]], [0]),
        ([[np.inf, np.inf, 0.0]], [2]),
        ([[np.nan] * 3, [5.0, 4.0, 9.0]], [-1, 1]),
        (np.empty((0, 3)), []),
        (np.empty((2, 0)), [-1, -1]),
    ],
)
def test_the_nearest_is_the_first_of_the_smallest_and_none_of_the_unknown(distances, expected):
    assert nearest(np.array(distances)).tolist() == expected


def test_nobody_has_no_labels():
    model = new_model()
    assert model.predict_many(np.empty((0, D))).tolist() == []
    assert model.learn_many(np.empty((0, D))).tolist() == []


def estimators():
    """Both ways of learning: by customer and by event."""
    return [kind(**params) for kind in (OnlineKMeans, ForgetfulKMeans) for params in kind._unit_test_params()]


@pytest.mark.parametrize(
    ("estimator", "check"),
    [(estimator, check) for estimator in estimators() for check in checks.yield_checks(estimator)],
    ids=lambda value: value.__name__ if hasattr(value, "__name__") else type(value).__name__,
)
def test_rivers_own_checks_of_an_estimator_pass(estimator, check):
    check(estimator.clone())


@given(st.lists(st.tuples(*[st.floats(-4, 4)] * D), min_size=1, max_size=60), st.floats(0.01, 0.99))
@examples(100)
def test_one_at_a_time_with_a_constant_step_it_is_rivers_k_means(points, step):
    mine, theirs = OnlineKMeans(CENTROIDS, RFM, step=step), cluster.KMeans(n_clusters=K, halflife=step, seed=1)
    for center, row in zip(theirs.centers.values(), CENTROIDS.tolist(), strict=True):
        center.update(zip(RFM, row, strict=True))
    for point in points:
        x = dict(zip(RFM, point, strict=True))
        distances = np.sort(mine.distances_many(np.array([point]))[0])
        if distances[1] - distances[0] < 1e-9:  # a tie may be broken either way
            return
        assert mine.learn_predict_one(x) == theirs.learn_predict_one(x)
        for label in range(K):
            assert mine.centers[label] == pytest.approx(dict(theirs.centers[label]), rel=1e-12, abs=1e-12)


def test_the_sums_leave_a_missing_feature_out_and_do_not_take_it_for_zero():
    model = new_model()
    model.learn_many(np.array([[1.0, np.nan, -2.0], [1.0, -3.0, -2.0]]), ints([2, 2]))
    assert model.sums.weights[2].tolist() == [2, 1, 2]
    model.recenter()
    assert model.centroids[2].tolist() == [1.0, -3.0, -2.0]
    model.revert_many(np.array([[1.0, -3.0, -2.0]]), ints([2]))
    model.recenter()
    assert model.centroids[2].tolist() == [1.0, -3.0, -2.0], "nobody has the feature now: it stays where it was"


def test_a_small_distant_group_keeps_its_centroid_among_noisy_events_of_everyone():
    """A small version of `python -m bench.quality --only vips`."""
    random = np.random.default_rng(7)
    homes = np.array([[-1.0, 0.8, 0.6], [0.4, -0.4, -0.3], [1.2, -1.0, -1.0]])[random.integers(0, 3, 2_000)]
    homes[:8] = [-1.3, 4.5, 5.5]  # 0.4%

    def seen(who):
        return np.rint((homes[who] + random.normal(0.0, 0.45, (len(who), 3))) / GRID) * GRID

    everyone = np.arange(2_000)
    vectors = seen(everyone)
    model = OnlineKMeans(np.vstack([homes[:1], [[-1.0, 0.8, 0.6], [0.4, -0.4, -0.3], [1.2, -1.0, -1.0]]]), RFM)
    labels = model.learn_many(vectors)
    for _ in range(100):
        who = random.choice(2_000, 500, replace=False)
        fresh = seen(who)
        model.revert_many(vectors[who], labels[who])
        vectors[who], labels[who] = fresh, model.learn_many(fresh)
        model.recenter()
    assert np.flatnonzero(model.predict_many(homes) == 0).tolist() == list(range(8))
    assert np.abs(model.centroids[0] - [-1.3, 4.5, 5.5]).max() < 0.5
