"""Stages and learned segments together: one assignment for events and sweeps, and moves that say why."""

from itertools import pairwise

import numpy as np
import pytest

from events.schema.outputs import Lifecycle
from state.customers.records import blank_rows
from state.partitions.model_sums import ModelSums
from stream.customers.lifecycle import STAGES, stages_of
from stream.model.baseline_zero import SEGMENT_NAMES
from stream.model.kmeans import nearest
from stream.model.segmenter import CentroidSegmenter
from stream.moves.explanation import explain_change
from stream.moves.hysteresis import Hysteresis, PerSegment
from stream.moves.segmentation import SegmentationBatch, resegment
from tests.building import DAY_MS, HALF_LIFE_MS, NOW_MS, equal_sums, make_model, names, rows_with, shoppers
from tests.staged_baseline import staged_baseline as baseline_with_stages

K = 3
ORDER = [
    *("High-Value Loyalists", "Frequent Buyers", "Occasional Shoppers"),
    *("New Customers", "One-Time Buyers", "At-Risk Customers", "Inactive", "No Order Yet"),
]
SLOW = Hysteresis(PerSegment(0.3), PerSegment(30.0), PerSegment(30.0))


def segmenter():
    return CentroidSegmenter(baseline_with_stages(), HALF_LIFE_MS)


def evaluated(rules, before, after, now_ms, *, cause="activity", sums=None, hysteresis=None):
    batch = SegmentationBatch(names(len(after)), before, after, np.full(len(after), cause, object), now_ms)
    sums = sums or ModelSums.zeros(len(rules.segments), rules.dimensions)
    return resegment(rules, hysteresis or Hysteresis.uniform(0.05), batch, sums)


def names_of(rows):
    return [SEGMENT_NAMES[number - 1] for number in rows["segment"].tolist()]


def test_every_customer_of_a_stage_is_in_its_segment_and_the_others_are_in_the_nearest_learned_one():
    rules, rows = segmenter(), shoppers(500)
    vectors = rules.vectors(rows, NOW_MS)
    found = nearest(rules.distances(rows, vectors, NOW_MS))
    stages = stages_of(rows, NOW_MS, Lifecycle())
    assert found[stages >= 0].tolist() == (K + stages[stages >= 0]).tolist()
    learned = rules.model.distances_many(vectors)[:, :K].argmin(axis=1)
    assert found[stages < 0].tolist() == learned[stages < 0].tolist()
    assert len(set(found.tolist())) == K + len(STAGES), "the made-up customers are everywhere"


def test_events_and_a_sweep_put_everyone_where_a_fresh_look_at_the_records_does():
    rules, rows = segmenter(), shoppers(400)
    streamed = evaluated(rules, blank_rows(400), rows, NOW_MS)
    swept = evaluated(rules, streamed.rows, streamed.rows, NOW_MS + 90 * DAY_MS, cause="time", sums=streamed.sums)
    fresh = evaluated(rules, blank_rows(400), rows, NOW_MS + 90 * DAY_MS)
    assert swept.rows["cluster"].tolist() == fresh.rows["cluster"].tolist()
    assert equal_sums(swept.sums, fresh.sums)
    assert fresh.sums.counts.sum() == 400, "everyone is counted, those of the stages too"


def test_borders_that_are_kept_leave_the_stages_alone():
    rules, rows = segmenter(), shoppers(300)
    moved = make_model(1, [[9.0, 9.0]] * (K + len(STAGES)), features=rules.features)
    kept = [each.centroid for each in baseline_with_stages().segments]
    rules.follow(moved.model_copy(update={"borders": kept}))
    vectors = rules.vectors(rows, NOW_MS)
    distances = rules.distances(rows, vectors, NOW_MS)
    borders = rules.border_distances(vectors, distances)
    before = segmenter()
    assert np.array_equal(borders, before.distances(rows, vectors, NOW_MS))


def test_who_orders_for_the_first_time_is_new_at_once_whatever_the_dwell():
    rules = segmenter()
    before = evaluated(rules, blank_rows(1), rows_with(sessions=3), NOW_MS).rows
    after = before.copy()
    after["placed"], after["first_order"], after["last_order"] = 1, NOW_MS + 1, NOW_MS + 1
    found = evaluated(rules, before, after, NOW_MS + 1, hysteresis=SLOW)
    assert names_of(before) == ["No Order Yet"]
    assert names_of(found.rows) == ["New Customers"]
    (change,) = found.changes
    assert (change.previous_segment, change.segment, change.cause) == ("No Order Yet", "New Customers", "activity")
    assert (change.distance, change.previous_distance) == (None, None)
    assert explain_change(change) == "ordered today; first order"


def test_silence_takes_everyone_down_and_nobody_up():
    rules, rows = segmenter(), shoppers(400)
    now = evaluated(rules, blank_rows(400), rows, NOW_MS)
    sums, seen = now.sums, [now.rows]
    for day in range(10, 800, 10):
        now = evaluated(rules, seen[-1], seen[-1], NOW_MS + day * DAY_MS, cause="time", sums=sums)
        sums = now.sums
        seen.append(now.rows)
    moves = {
        (ORDER.index(one), ORDER.index(other))
        for before, after in pairwise(seen)
        for one, other in zip(names_of(before), names_of(after), strict=True)
        if one != other
    }
    assert len(moves) > 3
    assert all(before < after for before, after in moves), moves
    assert not any(after < K for _, after in moves), "between learned segments silence moves nobody"


@pytest.mark.parametrize(
    ("silent", "said"), [(0, None), (45, "no order for 45 days; usually every 10"), (400, "no order for 400 days")]
)
def test_a_move_by_time_says_how_long_the_silence_is_and_what_is_usual(silent, said):
    rules = segmenter()
    rows = rows_with(placed=5, first_order=NOW_MS - 40 * DAY_MS, last_order=NOW_MS, decayed_orders=1.0)
    now = evaluated(rules, blank_rows(1), rows, NOW_MS)
    later = evaluated(rules, now.rows, now.rows, NOW_MS + silent * DAY_MS, cause="time", sums=now.sums)
    changes = list(later.changes)
    assert bool(changes) == bool(said)
    if said:
        assert explain_change(changes[0]).startswith(said)
