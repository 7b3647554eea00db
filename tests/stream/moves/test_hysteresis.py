"""Hysteresis by segment, dwell and cool-down: who is held back, for how long, and who is not."""

import numpy as np
import pytest

from events.time_units import DAY_MS
from state.customers.recent_segments import push_current_segment
from state.partitions.model_sums import ModelSums
from stream.model.segmenter import CentroidSegmenter
from stream.moves.hysteresis import Hysteresis, PerSegment
from stream.moves.segmentation import SegmentationBatch, published_cluster, resegment
from stream.settings import StreamSettings
from tests.building import HALF_LIFE_MS, NOW_MS, ints, make_baseline, names, rows_with, shoppers


def segmenter():
    return CentroidSegmenter(make_baseline(), HALF_LIFE_MS)


def shown(rows, distances, hysteresis, now_ms=NOW_MS):
    """The segment numbers to publish."""
    return (1 + published_cluster(segmenter(), np.array(distances), rows, now_ms, hysteresis)).tolist()


def held(segment, since_ms, **columns):
    return rows_with(1, segment=segment, since=since_ms, baseline=1, **columns)


@pytest.mark.parametrize("key", ["s2", "Frequent Buyers"])
def test_a_segment_may_be_harder_to_leave_than_the_others_by_id_or_name(key):
    hysteresis = Hysteresis(PerSegment(0.1, {key: 0.5}))
    rows = rows_with(2, segment=[1, 2], baseline=1)
    assert shown(rows, [[1.0, 9.0, 0.7], [9.0, 1.0, 0.7]], hysteresis) == [3, 2]
    assert shown(rows, [[1.0, 9.0, 0.7], [9.0, 1.0, 0.4]], hysteresis) == [3, 3]


@pytest.mark.parametrize(("days", "seen"), [(0, 1), (6.99, 1), (7, 2), (30, 2)])
def test_a_customer_stays_in_a_segment_for_the_dwell(days, seen):
    rows = held(1, NOW_MS - round(days * DAY_MS))
    assert shown(rows, [[1.0, 0.1, 2.0]], Hysteresis(dwell=PerSegment(7.0))) == [seen]


@pytest.mark.parametrize(("days", "seen"), [(1, 2), (9.99, 2), (10, 1)])
def test_a_customer_does_not_come_back_before_the_cooldown(days, seen):
    rows = held(1, NOW_MS - 100 * DAY_MS)
    push_current_segment(rows, ints([0]))
    rows["segment"], rows["since"] = 2, NOW_MS - round(days * DAY_MS)
    assert shown(rows, [[0.1, 1.0, 2.0]], Hysteresis(cooldown=PerSegment(10.0))) == [seen]


def test_the_cooldown_holds_for_the_segment_that_was_left_and_no_other():
    rows = held(1, NOW_MS - 100 * DAY_MS)
    push_current_segment(rows, ints([0]))
    rows["segment"], rows["since"] = 2, NOW_MS - DAY_MS
    assert shown(rows, [[2.0, 1.0, 0.1]], Hysteresis(cooldown=PerSegment(10.0))) == [3]


def test_the_cooldown_counts_from_when_the_segment_was_left_last_of_several_times():
    rows = held(1, NOW_MS - 50 * DAY_MS)
    for segment, days in ((2, 40), (3, 20), (2, 1)):
        push_current_segment(rows, ints([0]))
        rows["segment"], rows["since"] = segment, NOW_MS - days * DAY_MS
    hysteresis = Hysteresis(cooldown=PerSegment(45.0, {"s3": 0.5}))
    assert shown(rows, [[0.1, 1.0, 2.0]], hysteresis) == [2], "s1 was left 40 days ago"
    assert shown(rows, [[2.0, 1.0, 0.1]], hysteresis) == [3], "s3 was left a day ago"
    assert shown(rows, [[0.1, 1.0, 2.0]], hysteresis, NOW_MS + 5 * DAY_MS) == [1]


def test_a_new_baseline_and_a_first_segment_wait_for_nothing():
    hysteresis = Hysteresis(dwell=PerSegment(30.0), cooldown=PerSegment(30.0))
    rows = rows_with(3, segment=[1, 9, 0], since=NOW_MS, baseline=[0, 1, 1])
    assert shown(rows, [[1.0, 0.1, 2.0]] * 3, hysteresis) == [2, 2, 2]


def test_whoever_is_held_back_moves_when_the_time_has_come():
    rows, hysteresis = shoppers(200), Hysteresis(PerSegment(0.1), dwell=PerSegment(20.0))
    sums, model = ModelSums.zeros(3, 3), segmenter()
    causes = np.full(200, "time", object)

    def at(now_ms, rows, sums, hysteresis):
        return resegment(model, hysteresis, SegmentationBatch(names(200), rows, rows, causes, now_ms), sums)

    first = at(NOW_MS, rows, sums, hysteresis)
    free = at(NOW_MS + 19 * DAY_MS, first.rows, first.sums, Hysteresis.uniform(0.1))
    held_back = at(NOW_MS + 19 * DAY_MS, first.rows, first.sums, hysteresis)
    assert len(list(free.changes)) > 0
    assert len(list(held_back.changes)) == 0
    assert (held_back.rows["cluster"] == free.rows["cluster"]).all(), "the model is not held back"
    later = at(NOW_MS + 20 * DAY_MS, held_back.rows, held_back.sums, hysteresis)
    assert set(np.flatnonzero(later.rows["segment"] != first.rows["segment"])) >= set(
        np.flatnonzero(free.rows["segment"] == later.rows["segment"]).tolist()
    ) & set(np.flatnonzero(free.rows["segment"] != first.rows["segment"]).tolist())
    assert len(list(later.changes)) > 0


def test_settings_say_all_of_it():
    settings = StreamSettings(
        hysteresis=0.2, hysteresis_by_segment={"s1": 0.4}, dwell_days=3.0, cooldown_days_by_segment={"New": 9.0}
    )
    hysteresis = Hysteresis.from_settings(settings)
    assert hysteresis.margin.of(segmenter().segments).tolist() == [0.4, 0.2, 0.2]
    assert hysteresis.dwell.of(segmenter().segments).tolist() == [3.0] * 3
    assert hysteresis.cooldown == PerSegment(0.0, {"New": 9.0})


def test_nothing_is_held_back_by_default_but_by_the_hysteresis():
    hysteresis = Hysteresis.from_settings(StreamSettings())
    assert not hysteresis.dwell
    assert not hysteresis.cooldown
    assert isinstance(hysteresis.margins(segmenter().segments), float)
