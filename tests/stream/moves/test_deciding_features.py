"""A change names the features that made the difference, from where to where, and how far the centroids are."""

import json

import numpy as np
import pytest

from events.time_units import DAY_MS
from state.customers.records import blank_rows
from stream.customers.decay import LANDMARK_MS
from stream.model.baseline_zero import RfmTiers
from stream.model.segmenter import CentroidSegmenter
from stream.moves.hysteresis import Hysteresis
from stream.moves.segmentation import SegmentationBatch, resegment, sums_for_baseline
from tests.building import HALF_LIFE_MS, NOW_MS, make_baseline, make_model, names, rows_with, shoppers

CENTROIDS = ((-1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, -1.0, -1.0))


def moved(segmenter, before, after, now_ms=NOW_MS, cause="activity", sums=None):
    causes = np.full(len(after), cause, object)
    sums = sums_for_baseline(segmenter, segmenter.baseline, sums)
    customers = SegmentationBatch(names(len(after)), before, after, causes, now_ms)
    return resegment(segmenter, Hysteresis.uniform(0.1), customers, sums)


def buyer(days_ago=20, orders=3, **columns):
    last = NOW_MS - days_ago * DAY_MS
    return rows_with(placed=orders, first_order=last - 36 * DAY_MS, last_order=last, **columns)


def segmenter_with(centroids):
    return CentroidSegmenter(make_baseline(centroids=centroids), HALF_LIFE_MS)


def test_silence_is_what_moves_a_silent_customer():
    segmenter = segmenter_with([(-1.0, -2.0, -2.0), (0.0, -2.0, -2.0)])
    first = moved(segmenter, blank_rows(1), buyer())
    later_ms = NOW_MS + 141 * DAY_MS
    (change,) = moved(segmenter, first.rows, first.rows, later_ms, "time", first.sums).changes
    recency, _ = change.moved
    assert (change.segment_id, change.previous) == ("s2", "s1")
    assert (recency.feature, recency.before, recency.after) == ("recency", 20.0, 161.0)
    assert change.usual_gap_days == 18.0


def test_the_feature_that_counted_most_comes_first():
    segmenter = segmenter_with([(0.0, 0.0, 0.0), (0.0, 0.1, 3.0)])
    rows = buyer()
    first = moved(segmenter, blank_rows(1), rows)
    after = first.rows.copy()
    weight = np.exp2((NOW_MS - LANDMARK_MS) / HALF_LIFE_MS)
    after["decayed_amount"], after["decayed_orders"] = weight * 20_000 * 1_000, weight * 4.0
    (change,) = moved(segmenter, first.rows, after, sums=first.sums).changes
    assert [each.feature for each in change.moved] == ["monetary", "frequency"]
    assert [(each.before, each.after) for each in change.moved] == [(0.0, 20_000.0), (0.0, 4.0)]


def test_where_the_centroids_moved_it_is_the_feature_in_which_the_new_one_is_nearer():
    segmenter = segmenter_with([(0.0, 0.0, 0.0), (9.0, 9.0, 9.0)])
    first = moved(segmenter, blank_rows(1), buyer())
    vector = segmenter.vectors(first.rows, NOW_MS)[0]
    segmenter.follow(make_model(1, [(vector[0] + 0.1, vector[1] + 5.0, vector[2] + 1.0), tuple(vector + 0.2)]))
    (change,) = moved(segmenter, first.rows, first.rows, cause="model", sums=first.sums).changes
    assert [each.feature for each in change.moved] == ["frequency", "monetary"]
    assert all(each.before == each.after for each in change.moved)


def test_the_distances_are_those_to_the_new_and_the_old_centroid():
    segmenter = segmenter_with(CENTROIDS)
    rows, later_ms = shoppers(300), NOW_MS + 300 * DAY_MS
    first = moved(segmenter, blank_rows(300), rows)
    changes = moved(segmenter, first.rows, first.rows, later_ms, "time", first.sums).changes
    assert len(changes) > 20
    for change in changes:
        row = first.rows[[int(change.customer_id[1:])]]
        distances = segmenter.distances(row, segmenter.vectors(row, later_ms), later_ms)[0]
        assert change.distance == pytest.approx(distances[int(change.segment_id[1:]) - 1], rel=0.006, abs=1e-5)
        assert change.previous_distance == pytest.approx(distances[int(change.previous[1:]) - 1], rel=0.006, abs=1e-5)
        assert change.distance < 0.91 * change.previous_distance


def test_a_first_segment_has_no_distance_before_and_nothing_before():
    (change,) = moved(segmenter_with(CENTROIDS), blank_rows(1), buyer(orders=1)).changes
    assert change.previous_distance is None
    assert change.usual_gap_days is None
    assert len(change.moved) == 2
    assert [each.before for each in change.moved] == [None, None]


def test_tiers_have_no_distances_but_say_what_moved():
    tiers = RfmTiers(HALF_LIFE_MS)
    first = moved(tiers, blank_rows(1), buyer())
    (change,) = moved(tiers, first.rows, first.rows, NOW_MS + 110 * DAY_MS, "time", first.sums).changes
    assert (change.segment, change.distance, change.previous_distance) == ("At-Risk Customers", None, None)
    assert (change.moved[0].feature, change.moved[0].before, change.moved[0].after) == ("recency", 20.0, 130.0)


def test_a_segmentation_by_one_feature_names_one():
    segmenter = CentroidSegmenter(make_baseline(centroids=((-1.0,), (1.0,)), features=["recency"]), HALF_LIFE_MS)
    first = moved(segmenter, blank_rows(1), buyer(days_ago=1))
    changes = moved(segmenter, first.rows, first.rows, NOW_MS + 9_000 * DAY_MS, "time", first.sums).changes
    assert [each.feature for each in changes[0].moved] == ["recency"]
    assert json.loads(changes.encode()[0])["moved"] == [{"feature": "recency", "before": 1.0, "after": 9000.0}]
