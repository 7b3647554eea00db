"""Drift and starvation: the leader's alarms, what it keeps for the next leader, and frozen centroids."""

import time

import numpy as np
import pytest

from events.time_units import DAY_MS
from state.customers.records import CustomerBatch
from state.model.baselines import BaselineStore, ModelStore
from state.model.drift_alarm import DriftAlarms
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from state.store import keys
from stream.customers.wall_or_event_time import SegmentClock
from stream.model.drift_monitor import DriftMonitor
from stream.model.model_lag import ModelLagMonitor
from stream.model.model_publisher import ModelPublisher
from stream.model.segmenter import CentroidSegmenter
from tests.building import HALF_LIFE_MS, NOW, NOW_MS, Sink, make_baseline, make_model


class Shop:
    """One partition's sums, written as a worker would, and days that pass."""

    def __init__(self, redis, customers=(100, 100, 100)):
        self.redis, self.store, self.day = redis, PartitionStore(redis, keys.SEGMENTS_GROUP), 0
        fitted = make_baseline()
        segments = [
            each.model_copy(update={"customers": count}) for each, count in zip(fitted.segments, customers, strict=True)
        ]
        BaselineStore(redis).approve(fitted.model_copy(update={"segments": segments}))
        self.owned = self.store.claim(0)

    def stand(self, counts, mean=0.0):
        labels = np.repeat(np.arange(3), counts)
        vectors = np.full((len(labels), 3), mean)
        sums = ModelSums.of(vectors, labels, 3)
        self.store.save(self.owned, PartitionUpdate(CustomerBatch.blank([]), {}, 1, sums, 1, {}, {}, 0, []))

    def monitor(self, **options):
        clock = SegmentClock("wall", wall_ms=lambda: NOW_MS + self.day * DAY_MS)
        return DriftMonitor(self.redis, 1, clock, **{"days": 1.0, "starving_share": 0.1, **options})

    def leader(self, sink=None):
        return ModelPublisher(BaselineStore(self.redis), ModelStore(self.redis), sink or Sink(), 1, starving_share=0.1)


@pytest.fixture
def shop(redis):
    return Shop(redis)


def pass_days(shop, monitor, days):
    found = []
    for _ in range(days):
        shop.day += 1
        found += monitor.check()
    return found


def test_a_share_that_moves_for_good_raises_an_alarm_once_and_one_that_wavers_none(shop):
    monitor = shop.monitor()
    for day in range(60):
        shop.stand((100 + day % 3, 100, 100 - day % 2))
        assert pass_days(shop, monitor, 1) == []
    shop.stand((40, 160, 100))
    reasons = pass_days(shop, monitor, 8)
    assert any("share of High-Value Loyalists went from 33% to 13%" in reason for reason in reasons)
    alarm = DriftAlarms(shop.redis).current()
    assert (alarm.baseline, alarm.reason) == (1, monitor.alarm)
    assert alarm.at_ms > NOW_MS + 60 * DAY_MS


def test_features_that_move_raise_an_alarm_though_the_shares_stay(shop):
    monitor = shop.monitor()
    shop.stand((100, 100, 100))
    pass_days(shop, monitor, 40)
    shop.stand((100, 100, 100), mean=0.5)
    assert any("mean of recency" in reason for reason in pass_days(shop, monitor, 10))


def test_the_error_is_that_of_the_workers_last_sweeps(shop):
    monitor, registry = shop.monitor(), WorkerRegistry(shop.redis)

    def beat(squared, baseline=1):
        registry.beat(
            WorkerHeartbeat(
                worker="w", at_ms=time.time_ns() // 1_000_000, partitions=[0], events=0, swept=0, baseline=baseline,
                model_version=1, leader=True, measured=300, squared_distance=squared,
            )
        )  # fmt: skip

    shop.stand((100, 100, 100))
    beat(150.0)
    pass_days(shop, monitor, 40)
    beat(300.0, baseline=2)
    assert pass_days(shop, monitor, 20) == [], "a worker under another baseline measures something else"
    beat(300.0)
    (reason,) = pass_days(shop, monitor, 5)
    assert reason.startswith("the mean squared distance to the centroids went from 0.5")


def test_a_day_is_observed_once_and_a_new_leader_goes_on_where_the_last_one_stopped(shop):
    shop.stand((100, 100, 100))
    first = shop.monitor()
    pass_days(shop, first, 40)
    assert [first.check(), first.check()] == [[], []]
    assert shop.redis.llen(keys.DRIFT_OBSERVATIONS) == 40
    shop.stand((40, 160, 100))
    assert pass_days(shop, shop.monitor(), 8), "a monitor without the 40 days would only begin to learn what is usual"


def test_a_segment_that_starves_is_frozen_where_it_was_and_told_of_once(shop):
    monitor, leader = shop.monitor(), shop.leader()
    shop.stand((100, 100, 100), mean=0.25)
    leader.publish(NOW)
    monitor.check()
    shop.stand((100, 2, 198), mean=3.0)
    model = leader.publish(NOW)
    assert model.centroids == [[3.0] * 3, [0.25] * 3, [3.0] * 3]
    (reason,) = monitor.check()
    assert reason == ("segment Frequent Buyers (s2) starves: 2 of 300 customers, 100 of 300 when it was fitted")
    assert (monitor.starving, monitor.check()) == (["s2"], [])
    assert DriftAlarms(shop.redis).current().reason == reason
    shop.stand((100, 50, 150), mean=3.0)
    assert leader.publish(NOW).centroids[1] == [3.0] * 3, "it thaws"
    assert (monitor.check(), monitor.starving) == ([], [])


def test_a_segment_without_any_member_stays_where_it_was_last_not_where_it_was_fitted(shop):
    leader = shop.leader()
    shop.stand((100, 100, 100), mean=0.25)
    leader.publish(NOW)
    shop.stand((150, 0, 150), mean=1.0)
    assert leader.publish(NOW).centroids[1] == [0.25] * 3


def test_a_small_segment_that_stays_small_does_not_starve(redis):
    shop = Shop(redis, customers=(9_960, 36, 4))
    monitor = shop.monitor()
    shop.stand((9_960, 36, 4))
    assert (monitor.check(), monitor.starving) == ([], [])


class TestBehind:
    def look(self, behind, version, newest, baseline=1):
        segmenter = CentroidSegmenter(make_baseline(baseline), HALF_LIFE_MS)
        segmenter.version = version
        return behind.measure(segmenter, make_baseline(1), make_model(newest, [[0.0] * 3] * 3))

    @pytest.fixture
    def now(self):
        return [0.0]

    @pytest.fixture
    def behind(self, now):
        return ModelLagMonitor(10.0, lambda: now[0])

    def test_a_worker_is_behind_while_its_version_stays_and_a_newer_one_is_there(self, behind, now):
        assert self.look(behind, 4, 4) == (0.0, False)
        self.look(behind, 4, 5)
        now[0] = 9.0
        assert self.look(behind, 4, 7) == (9.0, False)
        now[0] = 10.5
        assert self.look(behind, 4, 9) == (10.5, True)
        assert self.look(behind, 9, 9) == (0.0, False)

    def test_one_that_goes_along_one_version_later_is_not(self, behind, now):
        for version in range(1, 60):
            now[0] += 1.0
            assert not self.look(behind, version, version + 1).too_long

    def test_the_tiers_are_behind_a_baseline(self, behind, now):
        class Tiers:
            baseline, version = 0, 0

        behind.measure(Tiers(), make_baseline(1), None)
        now[0] = 11.0
        assert behind.measure(Tiers(), make_baseline(1), None) == (11.0, True)
        assert behind.measure(Tiers(), None, None) == (0.0, False)
