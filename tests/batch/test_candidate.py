"""A candidate: the segments that are there, the same ones again, and a clear word where none can be made."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, confusion_matrix

from batch.candidate import build_candidate
from batch.data.customer_table import CustomerTable
from batch.errors import AlgorithmUnknown, FeatureMissing, NoCustomers, TooFewCustomers
from batch.fit_options import FitOptions
from events.schema.outputs import Baseline
from state.customers.records import blank_rows
from stream.customers.features import FeatureUnknown
from stream.customers.lifecycle import stages_of
from stream.model.kmeans import nearest
from stream.model.model_validation import published_baseline
from stream.model.name_truth import name_counts, name_share
from stream.model.segmenter import CentroidSegmenter
from tests.batch.known_groups import FEATURES, leaving_shop_table, shop_table
from tests.building import DAY_MS, HALF_LIFE_MS, NOW, NOW_MS, RFM, names, rows_with, shoppers

QUICK = FitOptions(features=tuple(RFM), algorithms=("k-means",), lifecycle=None)
"""The clustering alone; the stages that come before it are in `TestLifecycle`."""


def table_of(rows, attributes=()):
    n = len(rows)
    return CustomerTable(
        np.array(names(n), object), rows, np.full(n, NOW_MS), HALF_LIFE_MS, tuple(attributes), population=n
    )


def build(table, options=QUICK, seed=1):
    return build_candidate(table, options, number=3, seed=seed, now=NOW)


def mall(seed=0):
    """200 customers like those of the mall: five groups by income (k$) and spending score, profiles only."""
    random = np.random.default_rng(seed)
    centres = np.repeat([[55, 50], [87, 82], [88, 17], [26, 79], [26, 21]], [80, 40, 35, 22, 23], axis=0)
    rows = blank_rows(200)
    rows["profile_numbers"][:, 0] = random.integers(18, 70, 200)
    rows["profile_numbers"][:, 1:3] = centres + random.normal(0, 7, (200, 2))
    return table_of(rows, ["spending_score"])


MALL = replace(QUICK, features=("income", "spending_score"))


@pytest.fixture(scope="module")
def shop():
    return build(shop_table()[0], replace(QUICK, features=FEATURES))


@pytest.mark.slow
class TestSegmentsThatAreThere:
    def test_the_groups_of_a_simulated_shop_are_found(self, shop):
        _, truth = shop_table()
        assert shop.k == 4
        assert adjusted_rand_score(truth, shop.labels) >= 0.9

    def test_so_they_are_with_every_algorithm_compared(self):
        table, truth = shop_table()
        found = build(table, FitOptions(features=FEATURES, lifecycle=None))
        assert adjusted_rand_score(truth, found.labels) >= 0.9
        assert {each.algorithm for each in found.tried} == {"k-means", "ward", "gaussian-mixture", "hdbscan"}

    def test_customers_known_by_profile_only_make_segments_with_readable_names(self):
        found = build(mall(), MALL)
        assert (found.k, len(found.labels)) == (5, 200)
        assert {each.name for each in found.segments} == {
            "Average income, average spending",
            "High income, high spending",
            "High income, low spending",
            "Low income, high spending",
            "Low income, low spending",
        }
        assert found.silhouette > 0.5
        assert (found.labels >= 0).all()

    @pytest.mark.parametrize("k", [2, 7, 20])
    def test_as_many_segments_as_asked_for_with_different_names(self, k):
        found = build(table_of(shoppers(600)), replace(QUICK, k=k))
        assert len({each.name for each in found.segments}) == found.k == k
        assert f"{k} segments, as asked for" in found.reason


class TestTheSameAgain:
    def test_the_same_customers_and_seed_give_the_same_segments(self, shop):
        again = build(shop_table()[0], replace(QUICK, features=FEATURES))
        ids = [f"s{place}" for place in range(shop.k)]
        assert again.baseline(ids) == shop.baseline(ids)
        assert again.reason == shop.reason
        assert np.array_equal(again.labels, shop.labels)

    @pytest.mark.parametrize("seed", [2, 3])
    def test_another_seed_moves_under_two_percent(self, shop, seed):
        other = build(shop_table()[0], replace(QUICK, features=FEATURES), seed=seed)
        shared = confusion_matrix(shop.labels, other.labels)
        rows, columns = linear_sum_assignment(-shared)
        assert shared[rows, columns].sum() >= 0.98 * len(shop.labels)

    def test_segments_are_numbered_from_the_largest(self, shop):
        sizes = [each.customers for each in shop.segments]
        assert sizes == sorted(sizes, reverse=True)
        assert sum(sizes) == len(shop.labels)


class TestLive:
    @pytest.mark.parametrize("skew", ["keep", "yeo-johnson"])
    @pytest.mark.parametrize("outliers", ["winsorise", "isolate"])
    def test_the_worker_puts_every_customer_where_the_candidate_does(self, skew, outliers):
        rows = shoppers(500)
        rows["decayed_amount"][3] *= 1e9
        options = replace(QUICK, k=4, features=("recency", "monetary", "income"), skew=skew, outliers=outliers)
        table = table_of(rows)
        found = build(table, options)
        baseline = found.baseline(["s1", "s2", "s3", "s4"], status="approved")
        segmenter = CentroidSegmenter(Baseline.model_validate_json(baseline.model_dump_json()), HALF_LIFE_MS)
        vectors = segmenter.vectors(table.rows, NOW_MS)
        live = nearest(segmenter.distances(table.rows, vectors, NOW_MS))
        assert (live == found.labels).mean() > 0.998  # the grid of the live vectors decides on a border
        assert np.array_equal(found.assign(table), found.labels)

    def test_declared_attributes_are_live_too(self):
        table = mall()
        baseline = build(table, MALL).baseline([f"s{place}" for place in range(5)], status="approved")
        segmenter = CentroidSegmenter(baseline, HALF_LIFE_MS)
        live = nearest(segmenter.distances(table.rows, segmenter.vectors(table.rows, NOW_MS), NOW_MS))
        assert np.bincount(live).tolist() == [each.customers for each in baseline.segments]

    def test_centroids_are_the_means_of_their_members(self, shop):
        standard = shop.scale.apply(shop_table()[0].matrix(FEATURES))
        for place in range(shop.k):
            assert np.nanmean(standard[shop.labels == place], axis=0) == pytest.approx(shop.centroids[place])


class TestWhatIsSaidOfASegment:
    def test_sizes_and_money_add_up(self, shop):
        assert sum(each.share for each in shop.segments) == pytest.approx(1.0)
        assert sum(each.revenue_share for each in shop.segments) == pytest.approx(1.0)

    def test_means_are_those_of_the_members_with_an_interval_that_holds_them(self, shop):
        rows = shop_table()[0].rows
        for place, segment in enumerate(shop.segments):
            mine = rows[shop.labels == place]
            number = next(each for each in segment.numbers if each.name == "orders")
            orders = mine["placed"].astype(float) - mine["cancelled"]
            assert number.mean == pytest.approx(orders.mean())
            assert number.median == pytest.approx(np.median(orders))
            assert number.low < number.mean < number.high
            assert number.index == pytest.approx(
                100 * orders.mean() / (rows["placed"].astype(float) - rows["cancelled"]).mean()
            )

    def test_countries_and_categories_are_named_with_their_index(self, shop):
        words = shop.segments[0].words
        assert {"country", "acquisition_source", "top_category"} <= words.keys()
        assert all(0 < each.share <= 1 and each.index > 0 for shares in words.values() for each in shares)

    def test_every_segment_has_a_play_and_a_rule(self, shop):
        assert all(each.play.action and each.play.because for each in shop.segments)
        assert all(each.rule.precision > 0.9 for each in shop.segments)
        assert shop.fidelity > 0.9

    def test_there_is_lifetime_value_where_customers_came_back_and_left(self):
        shop = build(leaving_shop_table(), replace(QUICK, features=FEATURES))
        assert np.isfinite(shop.lifetime.values.value[~np.isnan(shop.lifetime.values.value)]).all()
        assert "lifetime_value" in shop.segments[0].means

    def test_where_nobody_ever_left_it_is_refused_with_the_reason(self, shop):
        """The fit would say of everybody that they are customers for ever (a = 6e-06, b = 149,000)."""
        assert "do not show which customers have left" in shop.lifetime.reason
        assert "lifetime_value" not in shop.segments[0].means

    def test_the_picture_shows_customers_with_their_segment(self, shop):
        assert shop.picture.points.shape == (len(shop.picture.positions), 2)
        assert np.array_equal(shop.picture.labels, shop.labels[shop.picture.positions])
        assert shop.picture.explained.sum() == pytest.approx(1.0)


class TestBadStates:
    def test_no_customers(self):
        with pytest.raises(NoCustomers, match="no customers yet"):
            build(table_of(blank_rows(0)))

    def test_fewer_customers_than_segments(self):
        with pytest.raises(TooFewCustomers, match="3 customers cannot make 5 segments"):
            build(table_of(shoppers(3)), replace(QUICK, k=5, features=("frequency",)))

    def test_all_identical(self):
        rows = rows_with(50, last_order=NOW_MS, first_order=NOW_MS, placed=1, gross=1_000)
        with pytest.raises(TooFewCustomers, match="50 customers, 1 of them different in these features"):
            build(table_of(rows))

    def test_one_feature_constant(self):
        table = mall()
        table.rows["profile_numbers"][:, 0] = 40.0
        found = build(table, replace(QUICK, features=("income", "spending_score", "age")))
        assert found.k == 5
        assert [row.feature for row in found.quality if row.step == "constant"] == ["age"]

    def test_a_feature_that_is_missing_everywhere(self):
        with pytest.raises(FeatureMissing, match="none of the 200 customers has a value of 'recency'"):
            build(mall())

    def test_some_missing_values(self):
        table = mall()
        table.rows["profile_numbers"][::9, 1] = np.nan
        table.rows["profile_numbers"][5, 1:3] = np.nan
        found = build(table, MALL)
        assert (np.flatnonzero(found.labels < 0).tolist(), np.isfinite(found.centroids).all()) == ([5], True)

    def test_one_order_of_a_billion(self):
        table, truth = shop_table()
        rows = table.rows.copy()
        rows["gross"][17] += 10**12
        rows["decayed_amount"][17] *= 1e8
        found = build(replace(table, rows=rows), replace(QUICK, features=FEATURES))
        assert adjusted_rand_score(truth, found.labels) >= 0.9
        assert any(row.step == "outliers" and str(table.ids[17]) in row.examples for row in found.quality)

    def test_unknown_names(self):
        with pytest.raises(FeatureUnknown, match="no feature 'love'"):
            build(mall(), replace(QUICK, features=("love",)))
        with pytest.raises(AlgorithmUnknown, match="no algorithm 'k-median'; choose from k-means"):
            build(mall(), replace(MALL, algorithms=("k-median",)))


STAGED = FitOptions(algorithms=("k-means",), k=3)


@pytest.fixture(scope="module")
def staged():
    return build(shop_table()[0], STAGED)


class TestLifecycle:
    def test_the_stages_come_after_the_learned_segments_and_everybody_is_somewhere(self, staged):
        assert (staged.k, len(staged.segments)) == (3, 8)
        assert [each.name for each in staged.segments[3:]] == [
            *("No Order Yet", "New Customers", "One-Time Buyers", "At-Risk Customers", "Inactive")
        ]
        assert np.bincount(staged.labels, minlength=8).tolist() == [each.customers for each in staged.segments]

    def test_learned_segments_hold_only_those_who_have_ordered_twice_and_are_not_late(self, staged):
        table = shop_table()[0]
        stages = stages_of(table.rows, table.now_ms, staged.lifecycle)
        assert ((staged.labels < 3) == (stages < 0)).all()
        assert np.nanmean(staged.scale.apply(table.matrix(staged.features))[stages < 0], axis=0) == pytest.approx(
            [0, 0], abs=0.02
        )

    def test_the_worker_puts_every_customer_where_the_candidate_does(self, staged):
        table = shop_table()[0]
        baseline = staged.baseline([f"s{place + 1}" for place in range(8)], status="approved")
        read = published_baseline(b"3", baseline.model_dump_json().encode())
        segmenter = CentroidSegmenter(read, HALF_LIFE_MS)
        vectors = segmenter.vectors(table.rows, table.now_ms)
        live = nearest(segmenter.distances(table.rows, vectors, table.now_ms))
        assert (live == staged.labels).mean() > 0.998  # the grid of the live vectors decides on a border
        assert np.array_equal(staged.assign(table), staged.labels)

    def test_every_name_holds_for_nineteen_twentieths_of_the_members(self, staged):
        table = shop_table()[0]
        baseline = staged.baseline([f"s{place + 1}" for place in range(8)])
        rows = table.rows.copy()
        rows["segment"] = staged.labels + 1
        counts = name_counts(baseline, rows, int(table.now_ms[0]), HALF_LIFE_MS)
        held = {each.segment: name_share(each, counts[each.segment_id]) for each in baseline.segments}
        assert all(share is None or share >= 0.95 for share in held.values()), held

    def test_profiles_alone_have_no_lifecycle(self):
        found = build(mall(), replace(STAGED, features=("income", "spending_score"), k=5))
        assert found.lifecycle is None
        assert len(found.segments) == 5

    def test_where_everybody_is_gone_the_clock_is_doubted(self):
        rows = shoppers(200)
        rows["last_order"] -= 3_000 * DAY_MS
        rows["first_order"] -= 3_000 * DAY_MS
        with pytest.raises(TooFewCustomers, match=r"Inactive.*the newest order is 3,\d+ days old: .*SHOAL_CLOCK"):
            build(table_of(rows), STAGED)
