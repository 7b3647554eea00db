"""Which new cluster is which segment: ids, names and lineage, as properties of any clusters and of known cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.identity.matching import NAME_DRIFT, Overlap, assign_identities, match_clusters, unscaled_means
from stream.customers.yeo_johnson import yeo_johnson
from tests.building import examples, make_baseline

FAR = 3.0


def overlap_of(shared, distance=None, unplaced=0):
    """An overlap of these customers; centroids lie 0 apart on the diagonal and FAR elsewhere, unless given."""
    shared = np.array(shared, np.int64)
    if distance is None:
        distance = np.where(np.eye(*shared.shape, dtype=bool), 0.0, FAR)
    return Overlap(shared, np.array(distance), shared.sum(axis=1) + unplaced, shared.sum(axis=0))


def candidate_of(k, names=None, number=2, spread=2.0):
    baseline = make_baseline(number, [(spread * i, 0.0, 0.0) for i in range(k)])
    segments = [
        each.model_copy(update={"segment_id": "?", "segment": names[i] if names else f"Rule {i}"})
        for i, each in enumerate(baseline.segments)
    ]
    return baseline.model_copy(update={"segments": segments})


def live_of(k, spread=2.0, **renamed):
    baseline = make_baseline(1, [(spread * i, 0.0, 0.0) for i in range(k)])
    segments = [
        each.model_copy(update={"segment": f"Name {i + 1}", "renamed": f"s{i + 1}" in renamed})
        for i, each in enumerate(baseline.segments)
    ]
    return baseline.model_copy(update={"segments": segments, "last_segment": k})


def kinds(baseline):
    return [(each.kind, each.segment_id, each.related) for each in baseline.lineage]


counts = st.integers(0, 500)
overlaps = st.integers(1, 6).flatmap(
    lambda new: st.integers(1, 6).flatmap(
        lambda old: st.lists(st.lists(counts, min_size=old, max_size=old), min_size=new, max_size=new)
    )
)


@examples(200)
@given(overlaps, st.integers(0, 50), st.randoms(use_true_random=False))
def test_ids_and_names_are_unique_and_new_ids_were_never_given_out(shared, retired, chance):
    shared = np.array(shared)
    distance = np.array([[chance.uniform(0, 5) for _ in row] for row in shared])
    live, last = live_of(shared.shape[1]), shared.shape[1] + retired
    found = assign_identities(
        candidate_of(len(shared), ["Inactive"] * len(shared)), live, overlap_of(shared, distance), last
    )
    ids, names = [each.segment_id for each in found.segments], [each.segment for each in found.segments]
    assert len(set(ids)) == len(set(names)) == len(ids)
    known = {each.segment_id for each in live.segments}
    fresh = [int(each[1:]) for each in ids if each not in known]
    assert fresh == list(range(last + 1, last + 1 + len(fresh)))
    assert found.last_segment == last + len(fresh)
    ends = {each.segment_id for each in found.lineage if each.kind == "retired"}
    assert ends == known - set(ids)
    assert {each.segment_id for each in found.lineage} - ends == set(ids)


@examples(100)
@given(overlaps, st.randoms(use_true_random=False))
def test_the_order_of_the_clusters_does_not_matter(shared, chance):
    shared = np.array(shared)
    distance = np.array([[chance.uniform(0.1, 5) for _ in row] for row in shared])
    distance += np.arange(distance.size).reshape(distance.shape) * 6.0  # of equally near ones either may be matched
    order = list(range(len(shared)))
    chance.shuffle(order)
    matched = match_clusters(overlap_of(shared, distance))
    shuffled = match_clusters(overlap_of(shared[order], distance[order]))
    assert {order[new]: old for new, old in shuffled.items()} == matched


def test_clusters_that_hold_the_same_customers_keep_their_ids_and_names_whatever_their_order():
    shared = [[0, 90, 5], [80, 0, 0], [5, 2, 70]]
    found = assign_identities(candidate_of(3), live_of(3), overlap_of(shared, np.full((3, 3), 1.0)), 3)
    assert [each.segment_id for each in found.segments] == ["s2", "s1", "s3"]
    assert kinds(found) == [("kept", "s2", ["s2"]), ("kept", "s1", ["s1"]), ("kept", "s3", ["s3"])]
    assert (found.follows, found.last_segment) == (1, 3)


def test_of_two_clusters_that_hold_the_same_customers_the_nearer_centroid_keeps_the_id():
    found = assign_identities(candidate_of(2), live_of(1), overlap_of([[50], [50]], [[2.0], [0.5]]), 1)
    assert [each.segment_id for each in found.segments] == ["s2", "s1"]


def test_a_segment_that_falls_apart_is_split():
    found = assign_identities(candidate_of(3), live_of(2), overlap_of([[60, 0], [0, 50], [40, 0]]), 2)
    assert kinds(found) == [("split", "s1", ["s1"]), ("kept", "s2", ["s2"]), ("split", "s3", ["s1"])]


def test_two_segments_that_become_one_are_merged_and_one_of_them_is_retired():
    found = assign_identities(candidate_of(2), live_of(3), overlap_of([[60, 0, 30], [0, 50, 1]]), 3)
    assert kinds(found) == [("merged", "s1", ["s1", "s3"]), ("kept", "s2", ["s2"]), ("retired", "s3", ["s1"])]


def test_a_cluster_of_customers_from_everywhere_is_born():
    shared = [[60, 0, 0], [0, 60, 0], [0, 0, 60], [10, 10, 10]]
    found = assign_identities(candidate_of(4), live_of(3), overlap_of(shared), 9)
    assert kinds(found)[3] == ("born", "s10", [])


def test_a_cluster_of_customers_without_a_segment_is_born():
    found = assign_identities(candidate_of(2), live_of(1), overlap_of([[60], [0]], unplaced=np.array([0, 40])), 1)
    assert kinds(found) == [("kept", "s1", ["s1"]), ("born", "s2", [])]


@pytest.mark.parametrize(("shift", "name"), [(0.0, "Name 1"), (0.9 * NAME_DRIFT, "Name 1"), (2.0, "Rule 0")])
def test_a_kept_segment_keeps_its_name_until_it_has_moved_far(shift, name):
    live, candidate = live_of(1), candidate_of(1)
    # All three features move by the same number of standard deviations, so that their root mean square is the shift.
    center = [value + shift * scale for value, scale in zip(candidate.center, candidate.scale, strict=True)]
    found = assign_identities(candidate.model_copy(update={"center": center}), live, overlap_of([[10]]), 1)
    assert found.segments[0].segment_id == "s1"
    assert found.segments[0].segment == name


def test_a_name_does_not_creep_away_in_small_steps():
    live = live_of(1)
    for step in range(1, 5):
        candidate = candidate_of(1, number=1 + step)
        center = [v + 0.3 * step * s for v, s in zip(candidate.center, candidate.scale, strict=True)]
        live = assign_identities(candidate.model_copy(update={"center": center}), live, overlap_of([[10]]), 1)
        assert live.segments[0].segment == ("Name 1" if 0.3 * step <= NAME_DRIFT else "Rule 0")
    assert live.segments[0].named_for != unscaled_means(live_of(1))[0]


def test_a_name_that_a_person_gave_stays():
    candidate = candidate_of(1)
    candidate = candidate.model_copy(update={"center": [v + 50 for v in candidate.center]})
    found = assign_identities(candidate, live_of(1, s1=True), overlap_of([[10]]), 1)
    assert (found.segments[0].segment, found.segments[0].renamed) == ("Name 1", True)


def test_a_new_cluster_does_not_take_the_name_of_a_kept_segment():
    found = assign_identities(candidate_of(2, ["Name 2", "Name 1"]), live_of(1), overlap_of([[10], [0]]), 6)
    assert [each.segment for each in found.segments] == ["Name 1", "Name 1 2"]


def test_other_features_leave_the_ids_and_give_new_names():
    candidate = candidate_of(2).model_copy(update={"features": ["age", "income", "tenure"]})
    found = assign_identities(candidate, live_of(2), overlap_of([[10, 0], [0, 10]]), 2)
    assert [(each.segment_id, each.segment) for each in found.segments] == [("s1", "Rule 0"), ("s2", "Rule 1")]


@pytest.mark.parametrize("power", [-0.7, 0.0, 0.4, 1.0, 2.0, 2.6])
def test_means_are_what_they_were_before_power_and_scale(power):
    raw = np.array([-0.4, 0.0, 0.3])
    baseline = make_baseline(1, [[0.0] * 3])
    center = yeo_johnson(raw, power).tolist()
    baseline = baseline.model_copy(update={"power": [power, None, power], "center": [center[0], raw[1], center[2]]})
    (means,) = unscaled_means(baseline)
    assert list(means.values()) == pytest.approx(raw.tolist())


def test_a_centroid_beyond_the_range_of_the_power_has_a_mean_that_json_can_hold():
    baseline = make_baseline(1, [[9.0] * 3])
    baseline = baseline.model_copy(update={"power": [-2.0, None, 0.0]})
    (means,) = unscaled_means(baseline)
    assert all(np.isfinite(each) for each in means.values())
