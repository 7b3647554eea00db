"""BorderPolicy of the published segments: held while following does not pay, and what that means for each customer."""

import time

import numpy as np
import pytest

from state.customers.records import CustomerBatch
from state.model.baselines import BaselineStore, ModelStore
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from stream.model.border_update_policy import (
    BorderCost,
    BorderPolicy,
    allowed_excess,
    common_borders_version,
    cost_from_heartbeats,
    cost_of_sweeps,
)
from stream.model.model_publisher import ModelPublisher
from stream.model.segmenter import CentroidSegmenter, borders_version
from stream.model.sweep_measurement import SweepResult
from stream.moves.hysteresis import Hysteresis
from stream.moves.segmentation import SegmentationBatch, resegment
from tests.building import HALF_LIFE_MS, NOW_MS, Sink, ints, make_baseline, make_model, names, shoppers

FITTED = [[-1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, -1.0, -1.0]]
MOVED = [[-0.9, 1.0, 1.0], [0.1, 0.0, 0.0], [1.0, -1.0, -0.9]]


def held(version, centroids, borders, of):
    return make_model(version, centroids).model_copy(update={"borders": borders, "borders_version": of})


def put(redis, *values):
    """Save sums of a partition in which each cluster has one member, with this value of every feature."""
    store, sums = (
        PartitionStore(redis, "segments"),
        ModelSums.of(np.array([[each] * 3 for each in values]), ints(range(3)), 3),
    )
    store.save(store.claim(0), PartitionUpdate(CustomerBatch.blank([]), {}, 1, sums, 1, {}, {}, 0, []))


def swept(borders, squared, worse, baseline=1, customers=10_000):
    return SweepResult(baseline, customers, squared, borders, worse, 0.0)


COUNTS = ints([100, 100, 100])
WANTED = (make_baseline(), held(7, MOVED, FITTED, 2), np.array(MOVED), COUNTS)


class TestTheRule:
    def rule(self, cost):
        return BorderPolicy(0.01, lambda baseline, version: cost if (baseline, version) == (1, 2) else BorderCost())

    @pytest.mark.parametrize(("worse", "stays"), [(1.0, True), (1.0129, True), (1.0131, False), (2.0, False)])
    def test_borders_stay_while_they_cost_less_than_the_tolerance_and_what_chance_makes(self, worse, stays):
        """Ten times k / n is 0.003 here."""
        found = self.rule(BorderCost(10_000, 500.0, 500.0 * worse)).kept(*WANTED)
        assert found == ((FITTED, 2) if stays else None)

    def test_before_the_first_version_they_are_the_baselines(self):
        assert self.rule(BorderCost()).kept(make_baseline(), None, np.array(MOVED), COUNTS) == (FITTED, 0)

    def test_a_version_without_borders_of_its_own_is_what_the_next_holds_on_to(self):
        assert self.rule(BorderCost()).kept(make_baseline(), make_model(2, MOVED), np.array(MOVED), COUNTS) == (
            MOVED,
            2,
        )

    def test_without_a_tolerance_they_follow_every_version(self):
        assert BorderPolicy().kept(*WANTED) is None

    @pytest.mark.parametrize(("step", "stays"), [(0.0, True), (0.5, True), (3.0, False)])
    def test_centroids_that_are_far_away_are_followed_before_any_sweep_has_measured_it(self, step, stays):
        """300 customers may cost 11% of their mean squared distance (1); ten times that is a step of 1.05."""
        baseline = make_baseline().model_copy(update={"inertia": 3.0})  # of three customers
        centroids = np.array(FITTED) + np.array([step, 0.0, 0.0])
        found = BorderPolicy(0.01).kept(baseline, held(7, MOVED, FITTED, 2), centroids, COUNTS)
        assert found == ((FITTED, 2) if stays else None)

    def test_few_customers_wander_further(self):
        assert allowed_excess(0.01, 5, 500) > 5 * allowed_excess(0.01, 5, 50_000) > 0.01

    def test_sweeps_of_other_borders_or_another_baseline_say_nothing(self):
        found = [swept(2, 10.0, 20.0), swept(1, 10.0, 90.0), swept(2, 10.0, 90.0, baseline=3), swept(-1, 1.0, 9.0)]
        assert cost_of_sweeps(found, 1, 2) == BorderCost(10_000, 10.0, 20.0)
        assert common_borders_version(found) == -1
        assert common_borders_version(found[:1]) == 2

    def test_workers_that_are_gone_say_nothing(self, redis):
        registry = WorkerRegistry(redis)
        told = {"partitions": [0], "events": 1, "baseline": 1, "borders_version": 2, "measured": 5}
        told |= {"squared_distance": 4.0, "squared_to_borders": 5.0}
        now_ms = time.time_ns() // 1_000_000
        registry.beat(WorkerHeartbeat(worker="alive", at_ms=now_ms, **told))
        registry.beat(WorkerHeartbeat(worker="gone", at_ms=now_ms - 60_000, **told))
        assert cost_from_heartbeats(registry)(1, 2) == BorderCost(5, 4.0, 5.0)
        assert cost_from_heartbeats(registry)(1, 3) == BorderCost()


class TestFollowing:
    def test_borders_stay_at_their_version_while_the_centroids_move_on(self):
        segmenter = CentroidSegmenter(make_baseline(), HALF_LIFE_MS)
        segmenter.follow(held(1, MOVED, FITTED, 0))
        assert segmenter.model.centroids.tolist() == MOVED
        assert segmenter.border_centroids.tolist() == FITTED
        assert segmenter.borders_version == 0
        segmenter.follow(make_model(2, MOVED))
        assert segmenter.border_centroids.tolist() == MOVED
        assert segmenter.borders_version == 2
        segmenter.follow(held(3, FITTED, MOVED, 2))
        assert (segmenter.model.centroids.tolist(), segmenter.border_centroids.tolist()) == (FITTED, MOVED)

    def test_a_worker_that_starts_late_goes_by_the_same_borders(self):
        early, late = (CentroidSegmenter(make_baseline(), HALF_LIFE_MS) for _ in range(2))
        for model in (make_model(1, MOVED), held(2, FITTED, MOVED, 1)):
            early.follow(model)
        late.follow(held(2, FITTED, MOVED, 1))
        assert early.border_centroids.tolist() == late.border_centroids.tolist()
        assert early.borders_version == late.borders_version == borders_version(held(2, FITTED, MOVED, 1))

    def test_the_own_cluster_goes_by_the_centroids_and_the_published_segment_by_the_borders(self):
        """Invariant 12 holds to the last bit, though the world is told by other centroids."""
        rows, segmenter = shoppers(40), CentroidSegmenter(make_baseline(), HALF_LIFE_MS)
        segmenter.follow(held(1, FITTED[::-1], FITTED, 0))
        causes = np.full(40, "activity", object)
        customers = SegmentationBatch(names(40), rows, rows, causes, NOW_MS)
        result = resegment(segmenter, Hysteresis.uniform(0.0), customers, ModelSums.zeros(3, 3))
        vectors = segmenter.vectors(rows, NOW_MS)
        assert (result.rows["cluster"] == segmenter.model.predict_many(vectors)).all()
        assert (result.rows["segment"] == 1 + segmenter.border_model.predict_many(vectors)).all()
        assert (result.rows["segment"] != 1 + result.rows["cluster"]).any()


class TestTheLeader:
    @pytest.fixture
    def stage(self, redis):
        baseline, sink, costs = make_baseline(), Sink(), {}
        BaselineStore(redis).approve(baseline)
        borders = BorderPolicy(0.01, lambda _baseline, version: costs.get(version, BorderCost()))
        return redis, ModelPublisher(BaselineStore(redis), ModelStore(redis), sink, 1, borders=borders), costs, sink

    def test_a_version_tells_the_centroids_and_the_borders_until_these_are_let_go(self, stage):
        redis, leader, costs, _ = stage
        put(redis, 1.0, 2.0, 3.0)
        first = leader.publish()
        assert (first.centroids, first.borders, first.borders_version) == ([[1.0] * 3, [2.0] * 3, [3.0] * 3], FITTED, 0)
        costs[0] = BorderCost(1_000_000, 1.0, 1.5)
        second = leader.publish()
        assert (second.version, second.centroids, second.borders) == (2, first.centroids, None)

    def test_borders_that_were_let_go_are_held_from_then_on_without_another_version(self, stage):
        redis, leader, costs, sink = stage
        put(redis, 1.0, 2.0, 3.0)
        leader.publish()
        costs[0] = BorderCost(1_000_000, 1.0, 1.5)
        leader.publish()
        assert [leader.publish() for _ in range(3)] == [None] * 3
        assert len(sink.sent) == 2
        put(redis, 1.5, 2.0, 3.0)
        third = leader.publish()
        assert (third.borders, third.borders_version) == ([[1.0] * 3, [2.0] * 3, [3.0] * 3], 2)


def test_a_model_of_an_earlier_release_has_no_borders_and_goes_by_its_centroids():
    model = make_model(3, MOVED)
    segmenter = CentroidSegmenter(make_baseline(), HALF_LIFE_MS)
    segmenter.follow(type(model).model_validate_json(model.model_dump_json(exclude={"borders", "borders_version"})))
    assert (segmenter.border_centroids.tolist(), segmenter.borders_version) == (MOVED, 3)
