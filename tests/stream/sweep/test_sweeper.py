"""The sweep: which silent customers are due and why; and on a real Redis, a partition swept chunk by chunk."""

import numpy as np
import pytest

from consumers.runtime.commit import SegmentCommitter
from consumers.runtime.partition_batch import SegmentResult
from events.segment_changes import decode_change
from state.customers.current_segment_keys import SegmentViews
from state.customers.records import CustomerBatch, blank_rows
from state.model.baselines import BaselineStore
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import Fenced, PartitionStore
from state.store import keys
from stream.customers.wall_or_event_time import SegmentClock
from stream.model.baseline_zero import RfmTiers
from stream.model.live_segmenter import LiveSegmenter
from stream.model.segmenter import CentroidSegmenter
from stream.moves.hysteresis import Hysteresis
from stream.moves.segmentation import BaselineOutdated, SegmentationBatch, resegment
from stream.settings import StreamSettings
from stream.sweep.missing_views import MissingViews
from stream.sweep.sweeper import Sweeper
from tests.building import (
    DAY_MS,
    HALF_LIFE_MS,
    NOW_MS,
    Sink,
    equal_sums,
    ints,
    make_baseline,
    make_model,
    names,
    shoppers,
)

N = 60
SETTINGS = StreamSettings(hysteresis=0.1, learn_tolerance=0.02, sweep_s=0.1, sweep_chunk=10)


class Feed:
    """Where models and baselines would come in."""

    def poll(self, live, timeout_s=0.0):
        return False


def batch_of(rows):
    batch = CustomerBatch.blank(names(len(rows)))
    batch.rows, batch.known = rows, np.ones(len(rows), np.bool_)
    return batch


def settled(segmenter, rows, at_ms=NOW_MS):
    """Rows as they stand once everyone was evaluated at a time."""
    sums = ModelSums.zeros(len(segmenter.segments), segmenter.dimensions)
    causes = np.full(len(rows), "activity", object)
    customers = SegmentationBatch(names(len(rows)), rows, rows, causes, at_ms)
    return resegment(segmenter, Hysteresis.uniform(0.1), customers, sums).rows


def moves(segmenter, rows, now_ms):
    """Who would be in another segment."""
    return settled(segmenter, rows, now_ms)["segment"] != rows["segment"]


def due(segmenter, rows, now_ms=NOW_MS, settings=SETTINGS, earlier=None):
    """The positions that `_select` chooses, with their causes."""
    sweeper = Sweeper(None, None, None, None, None, settings)
    chosen, causes = sweeper._select(batch_of(rows), segmenter, now_ms, earlier=earlier)
    return dict(zip(chosen.tolist(), causes.tolist(), strict=True))


class TestDue:
    segmenters = pytest.mark.parametrize(
        "new_segmenter",
        [lambda: RfmTiers(HALF_LIFE_MS), lambda: CentroidSegmenter(make_baseline(), HALF_LIFE_MS)],
        ids=["tiers", "centroids"],
    )

    @segmenters
    def test_nobody_is_due_at_once_after_everyone_was_evaluated(self, new_segmenter):
        segmenter = new_segmenter()
        assert due(segmenter, settled(segmenter, shoppers(N))) == {}

    @segmenters
    def test_nobody_is_due_in_an_empty_partition(self, new_segmenter):
        assert due(new_segmenter(), blank_rows(0)) == {}

    @segmenters
    def test_whoever_would_move_is_due_because_of_time(self, new_segmenter):
        segmenter = new_segmenter()
        rows = settled(segmenter, shoppers(N))
        later_ms = NOW_MS + 200 * DAY_MS
        moved = np.flatnonzero(settled(segmenter, rows, later_ms)["segment"] != rows["segment"]).tolist()
        chosen = due(segmenter, rows, later_ms)
        assert len(moved) > 5
        assert {i: chosen[i] for i in moved} == dict.fromkeys(moved, "time")

    def test_under_the_tiers_only_those_who_would_move_are_due(self):
        segmenter = RfmTiers(HALF_LIFE_MS)
        rows = settled(segmenter, shoppers(N))
        later_ms = NOW_MS + 200 * DAY_MS
        moved = np.flatnonzero(settled(segmenter, rows, later_ms)["segment"] != rows["segment"]).tolist()
        assert list(due(segmenter, rows, later_ms)) == moved

    def test_a_customer_whose_features_moved_by_more_than_the_tolerance_is_learned_again(self):
        segmenter = CentroidSegmenter(make_baseline(centroids=[[0.0] * 3]), HALF_LIFE_MS)
        rows = settled(segmenter, shoppers(N))
        later_ms = NOW_MS + 2 * DAY_MS
        drift = np.abs(segmenter.vectors(rows, later_ms) - segmenter.vectors(rows, NOW_MS))
        drifted = np.flatnonzero(np.nan_to_num(drift).max(axis=1) > 0.02).tolist()
        assert 0 < len(drifted) < N
        assert list(due(segmenter, rows, later_ms)) == drifted
        generous = StreamSettings(learn_tolerance=1.0)
        assert due(segmenter, rows, later_ms, generous) == {}

    def test_a_feature_that_appeared_or_vanished_makes_a_customer_due(self):
        segmenter = CentroidSegmenter(
            make_baseline(centroids=[[0.0, 0.0]], features=["age", "frequency"]), HALF_LIFE_MS
        )

        class Forgetful(CentroidSegmenter):
            """Knows no age of anyone at the present."""

            def vectors(self, rows, at_ms):
                vectors = super().vectors(rows, at_ms)
                if np.ndim(at_ms) == 0:
                    vectors[:, 0] = np.nan
                return vectors

        rows = settled(segmenter, shoppers(N))
        forgetful = Forgetful(make_baseline(centroids=[[0.0, 0.0]], features=["age", "frequency"]), HALF_LIFE_MS)
        assert list(due(forgetful, rows)) == np.flatnonzero(~np.isnan(rows["profile_numbers"][:, 0])).tolist()

    def test_moves_that_the_new_centroids_alone_would_make_are_the_models(self):
        segmenter = CentroidSegmenter(make_baseline(), HALF_LIFE_MS)
        rows = settled(segmenter, shoppers(N))
        segmenter.follow(make_model(1, [[1.0, -1.0, -1.0], [0.0, 0.0, 0.0], [-1.0, 1.0, 1.0]]))
        moved = np.flatnonzero(settled(segmenter, rows)["segment"] != rows["segment"]).tolist()
        chosen = due(segmenter, rows)
        assert len(moved) > 20
        assert {i: chosen[i] for i in moved} == dict.fromkeys(moved, "model")

    def test_who_would_move_as_time_passes_all_the_same_moves_because_of_time(self):
        """The new borders alone would take them there too, but so would time alone."""
        segmenter = CentroidSegmenter(make_baseline(), HALF_LIFE_MS)
        rows, earlier = settled(segmenter, shoppers(600)), segmenter.border_model
        later_ms = NOW_MS + 20 * DAY_MS
        time_would = moves(segmenter, rows, later_ms)
        segmenter.follow(make_model(1, [[-1.3, 1.2, 1.2], [-0.5, 0.3, 0.3], [0.6, -0.8, -0.8]]))
        model_would, moved = moves(segmenter, rows, NOW_MS), moves(segmenter, rows, later_ms)
        chosen = due(segmenter, rows, later_ms, earlier=earlier)
        causes = {i: chosen[i] for i in np.flatnonzero(moved).tolist()}
        assert set(causes.values()) == {"model", "time"}
        assert (moved & model_would & time_would).any()
        assert causes == {i: "model" if model_would[i] and not time_would[i] else "time" for i in causes}

    def test_who_was_held_back_by_the_dwell_moves_because_of_time(self):
        """The borders stood still, so that it is not they who moved the customer once the dwell is over."""
        settings = SETTINGS.model_copy(update={"dwell_days": 30.0, "learn_tolerance": 1.0})
        segmenter = CentroidSegmenter(make_baseline(), HALF_LIFE_MS)
        rows = settled(segmenter, shoppers(N))
        rows["segment"], rows["since"] = np.where(rows["segment"] == 1, 3, 1), NOW_MS - 29 * DAY_MS
        held_back = due(segmenter, rows, NOW_MS, settings)
        later = due(segmenter, rows, NOW_MS + 2 * DAY_MS, settings)
        assert held_back == {}
        assert len(later) > 20
        assert set(later.values()) == {"time"}

    def test_a_customer_whose_own_cluster_changed_is_due_though_the_segment_stays(self):
        """Else the counts of the model would lag behind for as long as the hysteresis holds."""
        segmenter = CentroidSegmenter(make_baseline(centroids=[[0.0] * 3, [1.0] * 3]), HALF_LIFE_MS)
        rows = settled(segmenter, shoppers(N))
        rows["cluster"][[3, 8]] = 1 - rows["cluster"][[3, 8]]
        assert list(due(segmenter, rows)) == [3, 8]

    def test_a_customer_whose_segment_lagged_is_due_once_the_margin_is_passed(self):
        """Neither the own cluster nor the features have changed; the centroids came nearer."""
        segmenter = CentroidSegmenter(make_baseline(centroids=[[0.0] * 3, [9.0] * 3]), HALF_LIFE_MS)
        rows = settled(segmenter, shoppers(N)[:1])
        vector = segmenter.vectors(rows, NOW_MS)[0]
        rows["cluster"], rows["segment"] = 0, 2
        segmenter.follow(make_model(1, [vector + 0.95, vector - 1.0]))
        assert due(segmenter, rows) == {}
        segmenter.follow(make_model(2, [vector + 0.85, vector - 1.0]))
        assert due(segmenter, rows) == {0: "model"}

    def test_everyone_is_due_because_of_a_new_baseline(self):
        rows = settled(CentroidSegmenter(make_baseline(1), HALF_LIFE_MS), shoppers(N))
        chosen = due(CentroidSegmenter(make_baseline(2), HALF_LIFE_MS), rows, NOW_MS + 200 * DAY_MS)
        assert chosen == dict.fromkeys(range(N), "baseline")

    def test_a_customer_who_moved_over_already_is_not_due_again(self):
        second = CentroidSegmenter(make_baseline(2), HALF_LIFE_MS)
        rows = settled(CentroidSegmenter(make_baseline(1), HALF_LIFE_MS), shoppers(N))
        rows[:20] = settled(second, rows[:20])
        assert list(due(second, rows)) == list(range(20, N))


class TestSweeping:
    """The sweeper with the real store, views and committer; only Kafka is a list."""

    partition = 1

    @pytest.fixture
    def shop(self, redis):
        return Shop(redis, self.partition)

    def test_a_baseline_that_goes_live_takes_everyone_over(self, shop):
        live = shop.live.follow_baseline(make_baseline(1))
        assert live
        assert shop.owned.swept_baseline == 0
        shop.sweep()
        rows = shop.rows()
        assert (rows["baseline"] == 1).all()
        assert (shop.owned.baseline, shop.owned.swept_baseline) == (1, 1)
        assert equal_sums(shop.owned.sums, shop.recomputed())
        assert {change.cause for change in shop.changes()} == {"baseline"}
        shop.assert_told_to_the_world()

    def test_it_takes_one_chunk_at_a_time_so_that_events_never_wait_long(self, shop):
        shop.live.follow_baseline(make_baseline(1))
        assert shop.sweeper.run([shop.owned])
        under = int((shop.rows()["baseline"] == 1).sum())
        assert 10 <= under < N
        assert shop.owned.swept_baseline == 0
        assert equal_sums(shop.owned.sums, shop.recomputed())

    def test_a_sweep_that_was_interrupted_is_taken_up_by_the_next_owner(self, shop):
        shop.live.follow_baseline(make_baseline(1))
        shop.sweeper.run([shop.owned])
        BaselineStore(shop.redis).approve(make_baseline(1))
        heir = Shop(shop.redis, self.partition, begin=False)
        heir.sweep()
        assert (heir.rows()["baseline"] == 1).all()
        assert heir.owned.swept_baseline == 1
        assert equal_sums(heir.owned.sums, heir.recomputed())

    def test_a_worker_that_has_only_an_older_baseline_does_not_take_a_partition(self, shop):
        shop.live.follow_baseline(make_baseline(1))
        shop.sweep()
        with pytest.raises(BaselineOutdated, match="under baseline 1, this worker has only baseline 0"):
            Shop(shop.redis, self.partition, begin=False)

    def test_a_second_baseline_during_a_sweep_starts_it_again(self, shop):
        shop.live.follow_baseline(make_baseline(1))
        shop.sweeper.run([shop.owned])
        shop.live.follow_baseline(make_baseline(2, [[0.5] * 3, [-0.5] * 3]))
        shop.sweep()
        assert (shop.rows()["baseline"] == 2).all()
        assert shop.owned.swept_baseline == 2
        assert equal_sums(shop.owned.sums, shop.recomputed())

    def test_silent_customers_move_as_time_passes(self, shop):
        before = shop.rows()["segment"]
        shop.now_ms += 200 * DAY_MS
        shop.seconds += 2 * SETTINGS.sweep_s
        shop.sweep()
        assert (shop.rows()["segment"] != before).sum() > 5
        assert {change.cause for change in shop.changes()} == {"time"}
        shop.assert_told_to_the_world()

    def test_who_falls_silent_is_told_of_by_the_first_sweep_after_the_moment_and_by_no_other(self, shop):
        """The moment is found by bisection: when the model itself first says so."""
        shop.live.follow_baseline(make_baseline(1))
        shop.sweep()
        rows, segmenter = shop.rows(), shop.live.segmenter
        later = moves(segmenter, rows, NOW_MS + 200 * DAY_MS) & ~moves(segmenter, rows, NOW_MS)
        who = int(np.flatnonzero(later)[0])

        def moved_by(at_ms):
            return bool(moves(segmenter, shop.rows()[who : who + 1], at_ms)[0])

        early, late = NOW_MS, NOW_MS + 200 * DAY_MS
        while late - early > 1:
            middle = (early + late) // 2
            early, late = (early, middle) if moved_by(middle) else (middle, late)

        def told():
            return [change for change in shop.changes() if change.customer_id == names(N)[who]]

        shop.sink.sent.clear()
        shop.sweep_at(early)
        assert told() == []
        for _ in range(3):
            shop.sweep_at(late)
        (change,) = told()
        assert (change.cause, change.previous) == ("time", f"s{rows['segment'][who]}")

    def test_sweeps_take_their_share_while_events_arrive_and_half_under_a_new_baseline(self, shop):
        shop.seconds += 2 * SETTINGS.sweep_s
        assert shop.sweeper.due([shop.owned]) == SETTINGS.sweep_share == 0.03
        shop.sweep()
        assert shop.sweeper.due([shop.owned]) == 0.0
        shop.live.follow_baseline(make_baseline(1))
        assert shop.sweeper.due([shop.owned]) == 0.5

    def test_between_two_sweeps_nothing_is_done(self, redis):
        shop = Shop(redis, self.partition, settings=SETTINGS.model_copy(update={"sweep_s": 600.0}))
        shop.now_ms += 200 * DAY_MS
        assert not shop.sweeper.run([shop.owned])
        assert shop.sink.sent == []

    @pytest.mark.parametrize("days", [0, 200], ids=["nobody moves", "some move"])
    def test_views_that_redis_lost_are_put_back_as_they_were(self, shop, days):
        shop.sweep_at(shop.now_ms)
        before = {name: shop.redis.get(keys.segment(name)) for name in names(N)}
        shop.redis.delete(*map(keys.segment, names(N)[::2]))
        shop.sweep_at(shop.now_ms)
        assert {name: shop.redis.get(keys.segment(name)) for name in names(N)} == before
        shop.redis.delete(*map(keys.segment, names(N)[::2]))
        shop.sweep_at(shop.now_ms + days * DAY_MS)
        for name, row in zip(names(N), shop.rows(), strict=True):
            assert shop.views.read(name).change_id == f"{name}:{row['change_number']}"

    def test_who_was_overtaken_puts_no_view_back(self, shop):
        shop.redis.delete(*map(keys.segment, names(N)))
        PartitionStore(shop.redis, keys.SEGMENTS_GROUP).claim(self.partition)
        with pytest.raises(Fenced):
            shop.sweep_at(shop.now_ms)
        assert shop.views.missing(names(N)) == names(N)

    def test_while_nothing_moved_nothing_is_written(self, shop):
        shop.seconds += 2 * SETTINGS.sweep_s
        before = shop.redis.hgetall(keys.customers(self.partition))
        shop.sweep()
        assert shop.redis.hgetall(keys.customers(self.partition)) == before
        assert shop.sink.sent == []

    def test_a_partition_without_customers_is_complete_at_once(self, redis):
        shop = Shop(redis, 5, begin=False)
        shop.live.follow_baseline(make_baseline(1))
        shop.sweep()
        assert shop.owned.swept_baseline == 1
        assert equal_sums(shop.owned.sums, ModelSums.zeros(3, 3))

    def test_partitions_behind_the_baseline_come_before_those_that_are_due(self, shop):
        other = Shop(shop.redis, 2, begin=False)
        shop.sweeper.claimed(other.owned)
        shop.live.follow_baseline(make_baseline(1))
        shop.owned.swept_baseline = 1
        shop.seconds += 2 * SETTINGS.sweep_s
        shop.sweeper.run([shop.owned, other.owned])
        assert other.owned.swept_baseline == 1


class Shop:
    """A partition with N customers under the tiers, and a sweeper that owns it."""

    def __init__(self, redis, partition, *, begin=True, settings=SETTINGS):
        self.redis, self.partition, self.now_ms, self.seconds = redis, partition, NOW_MS, 1_000.0
        self.store, self.views, self.sink = PartitionStore(redis, keys.SEGMENTS_GROUP), SegmentViews(redis), Sink()
        self.live = LiveSegmenter(redis, HALF_LIFE_MS)
        committer = SegmentCommitter(self.store, self.views, self.sink)
        clock = SegmentClock("wall", wall_ms=lambda: self.now_ms)
        missing = MissingViews(self.store, self.views)
        self.sweeper = Sweeper(
            self.store, committer, self.live, Feed(), clock, settings, views=missing, monotonic=lambda: self.seconds
        )
        self.owned = self.store.claim(partition)
        self.sweeper.claimed(self.owned)
        if begin:
            batch, tiers = batch_of(shoppers(N)), RfmTiers(HALF_LIFE_MS)
            causes = np.full(N, "activity", object)
            customers = SegmentationBatch(batch.ids, blank_rows(N), batch.rows, causes, NOW_MS)
            sums = ModelSums.zeros(len(tiers.segments), 0)
            result = resegment(tiers, Hysteresis.uniform(0.1), customers, sums)
            batch.rows, batch.known = result.rows, np.zeros(N, np.bool_)
            outcome = SegmentResult(batch, {}, 0, result.sums, result.changes, {})
            committer.commit(self.owned, outcome, {"orders": N}, {}, NOW_MS)
            self.sink.sent.clear()

    def sweep(self):
        """Sweep until nothing is due."""
        for _ in range(100):
            if not self.sweeper.run([self.owned]):
                return
        raise AssertionError("the sweep does not end")

    def sweep_at(self, now_ms):
        """Sweep once at a time, due or not."""
        self.now_ms, self.sweeper._progress[self.partition].due = now_ms, 0.0
        self.sweep()

    def rows(self):
        return self.store.load(self.partition, names(N)).rows

    def changes(self):
        return [decode_change(value) for _, _, value in self.sink.sent]

    def recomputed(self):
        segmenter, rows = self.live.segmenter, self.rows()
        rows = rows[(rows["baseline"] == segmenter.baseline) & (rows["cluster"] >= 0)]
        vectors = segmenter.vectors(rows, rows["learned_at"])
        return ModelSums.of(vectors, ints(rows["cluster"]), len(segmenter.segments))

    def assert_told_to_the_world(self):
        """Every change was sent and waited for, its view written, and the outbox is empty."""
        assert self.sink.flushed == len(self.sink.sent) > 0
        assert self.store.outbox(self.partition) == []
        rows = self.rows()
        for name, row in zip(names(N), rows, strict=True):
            assert self.views.read(name).change_id == f"{name}:{row['change_number']}"
            assert self.views.read(name).segment_id == f"s{row['segment']}"


class TestWhatASweepFinds:
    """On a real Redis: the recomputed sums, and the customers' distance to their centroids."""

    @pytest.fixture
    def sweeper(self, redis):
        store = PartitionStore(redis, keys.SEGMENTS_GROUP)
        live = LiveSegmenter(redis, HALF_LIFE_MS)
        live.follow_baseline(make_baseline())
        clock = SegmentClock("wall", wall_ms=lambda: NOW_MS)
        committer = SegmentCommitter(store, SegmentViews(redis), Sink())
        return Sweeper(store, committer, live, Feed(), clock, SETTINGS)

    @pytest.fixture
    def owned(self, redis, sweeper):
        """A partition whose customers were evaluated 30 days ago."""
        batch, owned = batch_of(shoppers(N)), sweeper._store.claim(0)
        segmenter, causes = sweeper._live.segmenter, np.full(N, "activity", object)
        customers = SegmentationBatch(batch.ids, blank_rows(N), batch.rows, causes, NOW_MS - 30 * DAY_MS)
        result = resegment(segmenter, Hysteresis.uniform(0.1), customers, ModelSums.zeros(3, 3))
        batch.rows, batch.known = result.rows, np.zeros(N, np.bool_)
        outcome = SegmentResult(batch, {}, 1, result.sums, result.changes, {})
        sweeper._committer.commit(owned, outcome, {}, {}, 0)
        sweeper.claimed(owned)
        return owned

    def sweep(self, sweeper, owned):
        sweeper._progress[0].due = 0.0
        while sweeper.run([owned]):
            pass
        (found,) = sweeper.last_results([0])
        return found

    def test_the_sums_are_right_to_the_last_bit_and_the_error_is_that_of_the_records(self, sweeper, owned):
        found = self.sweep(sweeper, owned)
        segmenter = sweeper._live.segmenter
        _, batch = sweeper._store.scan(0, 0, 1_000)
        nearest_at = np.nanmin(segmenter.distances(batch.rows, segmenter.vectors(batch.rows, NOW_MS), NOW_MS), axis=1)
        known = ~np.isnan(nearest_at)
        assert (found.sums_difference, found.customers) == (0.0, int(known.sum()))
        assert found.squared_distance == pytest.approx(float((nearest_at[known] ** 2).sum()))

    def test_sums_that_are_wrong_are_found(self, sweeper, owned):
        owned.sums = owned.sums.plus(np.array([[0.5, 0.0, 0.0]]), ints([1]))
        assert self.sweep(sweeper, owned).sums_difference == 1.0

    def test_what_events_wrote_in_between_is_not_compared(self, sweeper, owned):
        sweeper._progress[0].due = 0.0
        assert sweeper.run([owned])
        sweeper._committer.commit(owned, SegmentResult(CustomerBatch.blank([]), {}, 1, owned.sums, [], {}), {}, {}, 0)
        if sweeper._progress[0].cursor is None:
            pytest.skip("Redis gave all customers in one chunk")
        assert self.sweep(sweeper, owned).sums_difference is None
