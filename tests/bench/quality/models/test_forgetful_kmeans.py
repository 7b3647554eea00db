"""Learning by event with a time half-life: Spark's rule, under river's contract."""

import numpy as np
import pytest

from bench.quality.models.forgetful_kmeans import ForgetfulKMeans
from events.time_units import DAY_MS
from tests.building import RFM

START = np.array([[-1.0, 1.0, 1.5], [0.0, 0.0, 0.25], [1.0, -1.0, -2.0]])


def fresh(**more):
    return ForgetfulKMeans(START, RFM, half_life_ms=30.0 * DAY_MS, **more)


def test_many_batches_are_the_weighted_means_that_a_plain_loop_finds():
    """c is the mean of the start and of all events of its cluster, each weighed by its age."""
    random = np.random.default_rng(3)
    weights = np.array([5.0, 1.0, 9.0])
    model = fresh(weights=weights)
    seen = [(0, label, START[label], weight) for label, weight in enumerate(weights)]
    for day in (1, 4, 5, 40):
        batch = START[random.integers(0, 3, 20)] + random.normal(0.0, 0.1, (20, 3))
        labels = model.learn_many(batch, at_ms=day * DAY_MS)
        seen += [(day, label, vector, 1.0) for label, vector in zip(labels.tolist(), batch, strict=True)]
        for label in range(3):
            mine = [(vector, weight * 2.0 ** ((then - day) / 30.0)) for then, at, vector, weight in seen if at == label]
            mean = np.average([vector for vector, _ in mine], axis=0, weights=[weight for _, weight in mine])
            assert model.centroids[label] == pytest.approx(mean)


def test_an_event_of_a_half_life_ago_counts_half():
    model = fresh()
    model.learn_many(np.array([[0.0, 0.0, 0.0]]), at_ms=0)
    model.learn_many(np.array([[0.3, 0.3, 0.3]]), at_ms=30 * DAY_MS)
    assert model.centroids[1].tolist() == pytest.approx([0.2] * 3)


def test_events_that_come_late_do_not_turn_the_clock_back():
    late, never = fresh(at_ms=9 * DAY_MS), fresh(at_ms=9 * DAY_MS)
    late.learn_many(np.zeros((1, 3)), at_ms=2 * DAY_MS)
    never.learn_many(np.zeros((1, 3)), at_ms=9 * DAY_MS)
    assert np.array_equal(late.centroids, never.centroids)


def test_a_missing_feature_moves_nothing_and_an_unknown_customer_no_centroid():
    model = fresh(weights=np.ones(3))
    labels = model.learn_many(np.array([[np.nan, 0.2, 0.25], [np.nan] * 3]))
    assert labels.tolist() == [1, -1]
    assert model.centroids.tolist() == [START[0].tolist(), [0.0, 0.1, 0.25], START[2].tolist()]


def test_nothing_can_be_taken_out_again():
    with pytest.raises(NotImplementedError, match="nothing that could be taken out"):
        fresh().revert_many(START, np.arange(3))


def test_one_at_a_time_reads_features_by_name():
    model = fresh()
    model.learn_one({"recency": -1.0, "frequency": 2.0, "monetary": 1.5})
    assert dict(model.centers[0]) == {"recency": -1.0, "frequency": 2.0, "monetary": 1.5}
    assert model.predict_one({"recency": 1.0}) == 2
