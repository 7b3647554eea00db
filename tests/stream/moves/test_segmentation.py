"""Moving customers: hysteresis, what a change says, and a model that is always the sum of its customers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.orders import PLACED
from events.codec.instants import rfc3339
from state.customers.recent_segments import segments_held_at
from state.customers.records import blank_rows
from state.partitions.model_sums import ModelSums
from stream.customers.features import FEATURES
from stream.customers.fold import fold, merge
from stream.model.baseline_zero import SEGMENT_NAMES, RfmTiers
from stream.model.segmenter import CentroidSegmenter
from stream.moves.hysteresis import Hysteresis
from stream.moves.segmentation import SegmentationBatch, published_cluster, resegment, sums_for_baseline
from tests.building import (
    DAY_MS,
    HALF_LIFE_MS,
    NOW_MS,
    RFM,
    equal_sums,
    examples,
    ints,
    make_baseline,
    make_model,
    names,
    order_columns,
    rows_with,
    same,
    shoppers,
)

MARGIN = 0.1
NAN = float("nan")


def centroid_segmenter(number=1, **options):
    return CentroidSegmenter(make_baseline(number, **options), HALF_LIFE_MS)


def seen_by(segmenter, distances, present, margin=MARGIN):
    """The clusters to publish, of customers whose segments have these numbers."""
    rows = rows_with(len(present), segment=present, baseline=segmenter.baseline)
    return published_cluster(segmenter, distances, rows, NOW_MS, Hysteresis.uniform(margin))


def published(distances, present, margin=MARGIN, ids=(4, 2, 7)):
    """The segment numbers that the world sees, of customers at these distances; 0 where none."""
    segmenter = centroid_segmenter(ids=list(ids))
    clusters = seen_by(segmenter, np.array(distances), present, margin)
    return [segmenter.segments[cluster].number if cluster >= 0 else 0 for cluster in clusters.tolist()]


def causes(n, cause="activity"):
    return np.full(n, cause, object)


def moved_by(segmenter, rows, now_ms=NOW_MS, *, sums=None, before=None, margin=MARGIN, cause="activity", ids=None):
    sums = sums_for_baseline(segmenter, segmenter.baseline, sums)
    before = rows if before is None else before
    n = len(rows)
    customers = SegmentationBatch(ids or names(n), before, rows, causes(n, cause), now_ms)
    return resegment(segmenter, Hysteresis.uniform(margin), customers, sums)


class TestHysteresis:
    @pytest.mark.parametrize(
        ("nearest_at", "seen"),
        [(1.5, 2), (1.0, 2), (0.95, 2), (0.9, 2), (0.8999, 7), (0.0, 7)],
    )
    def test_a_customer_moves_only_where_another_centroid_is_nearer_by_the_margin(self, nearest_at, seen):
        assert published([[5.0, 1.0, nearest_at]], [2]) == [seen]

    @pytest.mark.parametrize("scale", [0.01, 5.0, 300.0])
    def test_the_margin_is_a_share_of_the_distance(self, scale):
        assert published([[9.0 * scale, scale, 0.91 * scale]], [2]) == [2]
        assert published([[9.0 * scale, scale, 0.89 * scale]], [2]) == [7]

    def test_without_a_margin_the_nearest_counts_and_a_tie_changes_nothing(self):
        assert published([[5.0, 1.0, 0.999999]], [2], margin=0.0) == [7]
        assert published([[1.0, 1.0, 1.0]], [7], margin=0.0) == [7]

    def test_a_first_segment_is_the_nearest(self):
        assert published([[5.0, 1.0, 0.99], [0.5, 1.0, 0.99]], [0, 0]) == [7, 4]

    @pytest.mark.parametrize("vanished", [1, 3, 8, 60_000])
    def test_a_segment_that_no_longer_exists_forces_a_move_to_the_nearest(self, vanished):
        assert published([[5.0, 1.0, 0.99]], [vanished]) == [7]

    def test_a_customer_of_whom_nothing_is_known_any_more_is_moved_nowhere(self):
        segmenter = centroid_segmenter(ids=[4, 2, 7])
        assert seen_by(segmenter, np.full((2, 3), NAN), [2, 0]).tolist() == [-1, -1]

    def test_each_customer_is_judged_by_the_own_segment(self):
        distances = [[1.0, 0.95, 9.0], [1.0, 0.85, 9.0], [0.95, 1.0, 9.0], [9.0, NAN, NAN]]
        assert published(distances, [4, 4, 2, 4]) == [4, 2, 2, 0]

    def test_tiers_have_no_margin(self):
        distances = np.full((1, 6), np.inf)
        distances[0, 3] = 0.0
        assert seen_by(RfmTiers(HALF_LIFE_MS), distances, [2], 0.9).tolist() == [3]

    def test_nobody_is_published_nowhere(self):
        assert seen_by(centroid_segmenter(), np.empty((0, 3)), []).tolist() == []


class TestChanges:
    """Cluster 0 is near (recency 3.5, frequency 1.5, monetary 6), 1 near (5, 1, 4), 2 near (6.5, 0.5, 2)."""

    active = rows_with(placed=3, last_order=NOW_MS - 20 * DAY_MS, first_order=NOW_MS - 20 * DAY_MS)

    def test_a_first_segment_is_change_number_1_without_a_previous(self):
        result = moved_by(centroid_segmenter(), self.active, ids=["Ann"])
        (change,) = result.changes
        assert (change.change_id, change.customer_id, change.change_number) == ("Ann:1", "Ann", 1)
        assert (change.previous, change.previous_segment) == (None, None)
        assert (change.changed_at, change.cause) == ("2026-01-01T00:00:00.000Z", "activity")
        assert (change.baseline, change.model_version) == (1, 0)
        row = result.rows[0]
        assert (change.segment_id, change.segment) == (f"s{row['segment']}", SEGMENT_NAMES[row["segment"] - 1])
        assert (row["change_number"], row["since"], row["learned_at"], row["baseline"]) == (1, NOW_MS, NOW_MS, 1)

    def test_a_customer_who_stays_makes_no_change_and_keeps_the_date(self):
        segmenter = centroid_segmenter()
        first = moved_by(segmenter, self.active)
        again = moved_by(segmenter, first.rows, NOW_MS + DAY_MS, sums=first.sums)
        assert again.changes == []
        row = again.rows[0]
        assert (row["since"], row["change_number"], row["learned_at"]) == (NOW_MS, 1, NOW_MS + DAY_MS)

    def test_a_move_counts_up_and_says_where_from_and_why(self):
        segmenter = centroid_segmenter()
        segmenter.follow(make_model(4, [[9.0] * 3, [-1.0, 0.0, 0.0], [4.0, -2.0, -2.0]]))
        first = moved_by(segmenter, self.active, ids=["Ann"])
        later_ms = NOW_MS + 3_000 * DAY_MS
        later = moved_by(segmenter, first.rows, later_ms, sums=first.sums, ids=["Ann"], cause="time")
        (one,), (two,) = first.changes, later.changes
        assert (one.segment_id, two.segment_id) == ("s2", "s3")
        assert (two.change_id, two.change_number, two.cause) == ("Ann:2", 2, "time")
        assert (two.previous, two.previous_segment) == (one.segment_id, one.segment)
        assert two.changed_at == rfc3339(later_ms)
        assert two.model_version == 4
        assert segments_held_at(later.rows, ints([NOW_MS - 1])) == ["none"]
        assert segments_held_at(later.rows, ints([later_ms - 1])) == ["s2"]
        assert segments_held_at(later.rows, ints([later_ms])) == ["s3"]

    def test_a_previous_segment_that_vanished_has_an_id_but_no_name(self):
        rows = self.active.copy()
        rows["segment"], rows["change_number"], rows["baseline"], rows["cluster"] = 9, 5, 1, 0
        (change,) = moved_by(centroid_segmenter(2), rows).changes
        assert (change.previous, change.previous_segment, change.change_number) == ("s9", None, 6)

    def test_a_segment_that_a_new_baseline_keeps_is_no_change(self):
        first = moved_by(centroid_segmenter(1, ids=[4, 2, 7]), shoppers(50))
        again = moved_by(centroid_segmenter(2, ids=[4, 2, 7]), first.rows)
        assert again.changes == []
        assert (again.rows["baseline"] == 2).all()
        assert again.sums.counts.sum() == 50

    def test_only_those_who_move_are_announced_each_with_the_own_cause(self):
        segmenter, rows = centroid_segmenter(), shoppers(50)
        rows["segment"][10:] = 99
        reasons = np.array(["activity", "time"] * 25, object)
        customers = SegmentationBatch(names(50), rows, rows, reasons, NOW_MS)
        result = resegment(segmenter, Hysteresis.uniform(MARGIN), customers, ModelSums.zeros(3, 3))
        expected = np.flatnonzero(result.rows["segment"] != rows["segment"])
        assert [change.customer_id for change in result.changes] == [f"c{i}" for i in expected]
        assert [change.cause for change in result.changes] == [reasons[i] for i in expected]
        assert len(expected) > 40

    def test_the_own_cluster_of_a_customer_is_the_nearest_though_the_segment_lags(self):
        """Two fields of the record: the first feeds the sums, the second is what the world sees."""
        segmenter = centroid_segmenter(centroids=[[0.0] * 3, [1.0] * 3])
        rows = shoppers(200)
        nearest = segmenter.model.predict_many(segmenter.vectors(rows, NOW_MS))
        rows["segment"] = np.where(nearest == 0, 2, 1)
        result = moved_by(segmenter, rows, margin=0.3)
        assert result.rows["cluster"].tolist() == nearest.tolist()
        stayed = result.rows["segment"] == rows["segment"]
        assert 0 < stayed.sum() < 200
        assert (result.rows["segment"][stayed] - 1 != nearest[stayed]).all()

    def test_a_customer_who_cannot_be_placed_is_saved_without_a_cluster(self):
        segmenter = centroid_segmenter(features=["age", "recency", "income"])
        result = moved_by(segmenter, blank_rows(2))
        assert result.changes == []
        assert result.rows["cluster"].tolist() == [-1, -1]
        assert result.rows["segment"].tolist() == [0, 0]
        assert equal_sums(result.sums, ModelSums.zeros(3, 3))

    def test_nobody_changes_nothing(self):
        result = moved_by(centroid_segmenter(), blank_rows(0))
        assert (len(result.rows), result.changes) == (0, [])

    def test_rows_and_sums_that_come_in_are_only_read(self):
        segmenter, rows = centroid_segmenter(), shoppers(30)
        first = moved_by(segmenter, rows)
        assert same(rows, shoppers(30))
        copy, sums = (
            first.rows.copy(),
            ModelSums(*(getattr(first.sums, name).copy() for name in ("sums", "weights", "counts"))),
        )
        moved_by(segmenter, first.rows, NOW_MS + 500 * DAY_MS, sums=first.sums)
        assert same(first.rows, copy)
        assert equal_sums(first.sums, sums)


class TestTheModelIsTheSumOfItsCustomers:
    n = 8
    features_of_baseline = (RFM, ["recency", "engagement", "age"], list(FEATURES))

    steps = st.lists(
        st.tuples(
            st.sampled_from(["orders", "orders", "sweep", "sweep", "model", "baseline"]),
            st.sets(st.integers(0, n - 1)),
            st.integers(0, 400),
        ),
        max_size=12,
    )

    @given(steps, st.integers(0, 1_000), st.floats(0, 0.5))
    @examples(60)
    def test_after_any_steps_the_sums_equal_a_recomputation_and_the_changes_replay_to_the_records(
        self, steps, seed, margin
    ):
        random = np.random.default_rng(seed)
        rows, now_ms = shoppers(self.n, seed), NOW_MS
        segmenter, baseline, sums = self.new_segmenter(1, random), 1, None
        world = {}
        for kind, chosen, days in [("sweep", range(self.n), 0), *steps, ("sweep", range(self.n), 30)]:
            now_ms += days * DAY_MS
            if kind == "model" and sums is not None:
                centroids = sums.means(otherwise=segmenter.model.centroids) + random.normal(
                    size=segmenter.model.centroids.shape
                )
                model = make_model(segmenter.version + 1, centroids, segmenter.baseline, segmenter.features)
                assert segmenter.follow(model)
            if kind == "baseline":
                segmenter = self.new_segmenter(segmenter.baseline + 1, random)
            positions = ints(sorted(chosen))
            before = rows[positions]
            after = merge(before, self.orders(len(positions), now_ms, random)) if kind == "orders" else before
            customers = SegmentationBatch([f"c{i}" for i in positions], before, after, causes(len(positions)), now_ms)
            result = resegment(
                segmenter, Hysteresis.uniform(margin), customers, sums_for_baseline(segmenter, baseline, sums)
            )
            rows[positions], sums, baseline = result.rows, result.sums, segmenter.baseline
            for change in result.changes:
                number, segment_id = world.get(change.customer_id, (0, None))
                assert (change.change_number, change.previous) == (number + 1, segment_id)
                world[change.customer_id] = (change.change_number, change.segment_id)
            assert equal_sums(sums, self.recomputed(segmenter, rows))
        assert (rows["baseline"] == segmenter.baseline).all()
        assert sums.counts.sum() == (rows["cluster"] >= 0).sum()
        assert world == {
            f"c{i}": (int(row["change_number"]), f"s{row['segment']}") for i, row in enumerate(rows) if row["segment"]
        }

    def new_segmenter(self, number, random):
        features = self.features_of_baseline[number % 3]
        baseline = make_baseline(
            number,
            random.normal(size=(3, len(features))),
            features[:3],
            ids=random.choice(range(1, 9), 3, replace=False).tolist(),
        )
        return CentroidSegmenter(
            baseline.model_copy(
                update={"features": features, "center": [3.0] * len(features), "scale": [1.5] * len(features)}
            ),
            HALF_LIFE_MS,
        )

    def orders(self, n, now_ms, random):
        entries = [
            (PLACED, now_ms - int(random.integers(0, 200)) * DAY_MS, int(random.integers(0, 10**6))) for _ in range(n)
        ]
        return fold(order_columns(entries), ints(range(n)), n, HALF_LIFE_MS)

    def recomputed(self, segmenter, rows):
        members = rows[(rows["baseline"] == segmenter.baseline) & (rows["cluster"] >= 0)]
        vectors = segmenter.vectors(members, members["learned_at"])
        return ModelSums.of(vectors, members["cluster"].astype(np.int64), len(segmenter.segments))

    def test_under_the_tiers_only_the_customers_are_counted(self):
        tiers, rows = RfmTiers(HALF_LIFE_MS), shoppers(40)
        first = moved_by(tiers, rows)
        assert first.sums.counts.tolist() == np.bincount(first.rows["cluster"], minlength=8).tolist()
        again = moved_by(tiers, first.rows, NOW_MS + 300 * DAY_MS, sums=first.sums)
        assert again.sums.counts.tolist() == np.bincount(again.rows["cluster"], minlength=8).tolist()
        assert len(again.changes) > 5

    def test_a_customer_votes_once_however_often_events_come(self):
        segmenter = centroid_segmenter()
        result = moved_by(segmenter, shoppers(5))
        for day in range(10):
            result = moved_by(segmenter, result.rows, NOW_MS + day * DAY_MS, sums=result.sums)
        assert result.sums.counts.sum() == 5


class TestSumsUnder:
    def test_the_sums_of_the_live_baseline_are_continued(self):
        sums = ModelSums.of(np.ones((1, 3)), ints([0]), 3)
        assert sums_for_baseline(centroid_segmenter(4), 4, sums) is sums

    @pytest.mark.parametrize("baseline", [0, 3])
    def test_another_baseline_starts_at_zero(self, baseline):
        sums = ModelSums.of(np.ones((1, 2)), ints([0]), 2)
        assert equal_sums(sums_for_baseline(centroid_segmenter(4), baseline, sums), ModelSums.zeros(3, 3))

    def test_a_new_partition_starts_at_zero(self):
        assert equal_sums(sums_for_baseline(RfmTiers(HALF_LIFE_MS), 0, None), ModelSums.zeros(8, 0))

    def test_of_tiers_that_an_earlier_release_had_fewer_of_the_counts_go_on(self):
        counts = ints([5, 4, 3, 2, 1, 7])
        earlier = ModelSums(np.zeros((6, 0)), np.zeros((6, 0), np.int64), counts)
        found = sums_for_baseline(RfmTiers(HALF_LIFE_MS), 0, earlier)
        assert found.counts.tolist() == [5, 4, 3, 2, 1, 7, 0, 0]
