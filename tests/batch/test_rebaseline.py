"""A proposal against the live baseline: identities, the preview against what workers do, and what the guard sees."""

import numpy as np
import pytest

from batch.identity.move_preview import moved_share, preview_moves
from batch.promotion.approval_guard import guard_violations
from batch.settings import BatchSettings
from events.segment_changes import segment_number
from state.partitions.model_sums import ModelSums
from stream.model.segmenter import CentroidSegmenter
from stream.moves.hysteresis import Hysteresis
from stream.moves.segmentation import SegmentationBatch, resegment
from tests.batch.proposing import CENTRES, customers, proposal_of
from tests.building import HALF_LIFE_MS, NOW_MS, make_baseline, names, rows_with, shoppers


def moved_over(rows, baseline):
    """Re-evaluate customers under a baseline as a worker does when it goes live; return their rows and changes."""
    segmenter = CentroidSegmenter(baseline, HALF_LIFE_MS)
    sums = ModelSums.zeros(baseline.k, segmenter.dimensions)
    causes = np.full(len(rows), "baseline", object)
    done = resegment(
        segmenter, Hysteresis.uniform(0.1), SegmentationBatch(names(len(rows)), rows, rows, causes, NOW_MS), sums
    )
    return done.rows, done.changes


def test_the_preview_is_what_workers_then_do():
    first = proposal_of(customers(), k=4).baseline
    rows, _ = moved_over(customers(), first)
    rows["profile_numbers"][:30, 1:3] = (50_000.0, 50.0)  # some have moved to the middle since
    second = proposal_of(rows, first, k=5, number=2, last_number=first.last_segment).baseline
    _, changes = moved_over(rows, second)
    foretold = {(each.source, each.target): each.customers for each in second.moves if each.source != each.target}
    done: dict = {}
    for change in changes:
        done[change.previous, change.segment_id] = done.get((change.previous, change.segment_id), 0) + 1
    assert foretold == done
    assert foretold
    assert sum(each.customers for each in second.moves) == second.customers == len(rows)
    assert second.metrics["moved_share"] == pytest.approx(len(changes) / len(rows))


def test_customers_of_whom_nothing_is_known_are_not_previewed():
    baseline = proposal_of(customers()).baseline
    preview = preview_moves(baseline, HALF_LIFE_MS, [(rows_with(3), np.full(3, NOW_MS))])
    assert preview.moves(CentroidSegmenter(baseline, HALF_LIFE_MS), Hysteresis.uniform(0.1)) == []


def test_chunks_give_the_same_crowd_as_all_at_once():
    baseline, rows = make_baseline(), shoppers(500)
    rows["segment"] = np.arange(500) % 4
    times = np.full(500, NOW_MS)
    whole = preview_moves(baseline, HALF_LIFE_MS, [(rows, times)])
    parts = preview_moves(baseline, HALF_LIFE_MS, [(rows[i : i + 7], times[i : i + 7]) for i in range(0, 500, 7)])
    centroids = np.array([each.centroid for each in baseline.segments])
    one, other = whole.overlap([1, 2, 3], centroids), parts.overlap([1, 2, 3], centroids)
    np.testing.assert_array_equal(one.shared, other.shared)
    np.testing.assert_allclose(one.distance, other.distance)
    assert one.old_sizes.tolist() == [125, 125, 125]
    assert one.new_sizes.sum() == 500


def test_the_same_customers_and_another_seed_keep_ids_and_names():
    first = proposal_of(customers()).baseline
    rows, _ = moved_over(customers(), first)
    for seed in (1, 2, 3):
        again = proposal_of(rows, first, seed=seed, number=2, last_number=first.last_segment).baseline
        assert {each.segment_id: each.segment for each in again.segments} == {
            each.segment_id: each.segment for each in first.segments
        }
        assert moved_share(again.moves) < 0.02
        assert {each.kind for each in again.lineage} == {"kept"}


def test_a_group_that_falls_apart_gets_a_new_id_and_the_old_one_is_never_used_again():
    first = proposal_of(customers((50, 50, 50), CENTRES[:3]), k=3).baseline
    rows, _ = moved_over(customers((50, 50, 50), CENTRES[:3]), first)
    rows["profile_numbers"][100:125, 1:3] = (150_000.0, 20.0)
    second = proposal_of(rows, first, k=4, number=2, last_number=first.last_segment).baseline
    fresh = {each.segment_id for each in second.segments} - {each.segment_id for each in first.segments}
    assert [segment_number(each) for each in fresh] == [first.last_segment + 1]
    assert sorted(each.kind for each in second.lineage) == ["kept", "kept", "split", "split"]
    rows, _ = moved_over(rows, second)
    rows["profile_numbers"][100:125, 1:3] = (80_000.0, 20.0)
    third = proposal_of(rows, second, k=3, number=3, last_number=second.last_segment).baseline
    assert "retired" in {each.kind for each in third.lineage}
    rows, _ = moved_over(rows, third)
    rows["profile_numbers"][100:125, 1:3] = (150_000.0, 20.0)
    fourth = proposal_of(rows, third, k=4, number=4, last_number=third.last_segment).baseline
    assert fourth.last_segment == second.last_segment + 1


def test_a_first_baseline_has_ids_beside_those_of_the_tiers():
    baseline = proposal_of(customers()).baseline
    assert sorted(segment_number(each.segment_id) for each in baseline.segments) == [9, 10, 11, 12]
    assert {each.kind for each in baseline.lineage} == {"born", "retired"}
    assert baseline.follows == 0
    assert "live_silhouette" not in baseline.metrics


def guarded(**metrics):
    found = {"silhouette": 0.5, "live_silhouette": 0.5, "moved_share": 0.05, "smallest_share": 0.1} | metrics
    known = {name: value for name, value in found.items() if value is not None}
    return make_baseline(2).model_copy(update={"status": "proposed", "follows": 1, "metrics": known})


def test_the_guard_holds_where_nothing_is_worse():
    assert guard_violations(guarded(), BatchSettings()) == []
    assert guard_violations(guarded(silhouette=0.485), BatchSettings()) == []


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"silhouette": 0.4}, "its silhouette is 0.400, the live baseline's on the same customers 0.500"),
        ({"silhouette": None}, "its silhouette is not known"),
        ({"live_silhouette": None}, "the silhouette of the live baseline is not known"),
        ({"moved_share": 0.4}, "it moves 40.0% of the customers, more than 25.0%"),
        ({"smallest_share": 0.001}, "its smallest segment has 0.10% of the customers, less than 1.00%"),
    ],
)
def test_the_guard_says_what_speaks_against_a_baseline(metrics, said):
    assert guard_violations(guarded(**metrics), BatchSettings()) == [said]
