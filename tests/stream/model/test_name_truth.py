"""Names are claims: for how many members they hold, and which name a segment may carry."""

import numpy as np
import pytest

from events.schema.outputs import BaselineSegment, Lifecycle, NameClaim, NameCondition
from stream.customers.lifecycle import STAGES, stages_of
from stream.model.name_guard import renamed
from stream.model.name_truth import fulfilled, name_counts, name_share, truest_name
from tests.building import DAY_MS, HALF_LIFE_MS, NOW_MS, rows_with, shoppers
from tests.staged_baseline import staged_baseline

OFTEN = NameClaim(
    name="Frequent Buyers", words="", conditions=[NameCondition(feature="orders", at_least=4.0, at_most=9.0)]
)
ANY = NameClaim(name="Regular Customers", words="", conditions=[])


def segment(**fields):
    return BaselineSegment(
        **{"segment_id": "s2", "segment": "Frequent Buyers", "centroid": [0.0], "profile": {}, "customers": 9}
        | {"claims": [OFTEN, ANY]}
        | fields
    )


def test_bounds_hold_their_ends_and_what_is_not_known_fulfils_nothing():
    rows = rows_with(4, placed=[3, 4, 9, 10])
    assert fulfilled(OFTEN, rows, NOW_MS, HALF_LIFE_MS).tolist() == [False, True, True, False]
    old = NameClaim(name="Old", words="", conditions=[NameCondition(feature="age", at_least=0.0)])
    assert fulfilled(old, rows, NOW_MS, HALF_LIFE_MS).tolist() == [False] * 4
    assert fulfilled(ANY, rows, NOW_MS, HALF_LIFE_MS).all()


@pytest.mark.parametrize(
    ("fields", "counts", "name"),
    [
        ({}, [100, 90, 100], "Frequent Buyers"),
        ({}, [100, 89, 100], "Regular Customers"),
        ({"segment": "Regular Customers"}, [100, 94, 100], "Regular Customers"),
        ({"segment": "Regular Customers"}, [100, 95, 100], "Frequent Buyers"),
        ({"renamed": True}, [100, 0, 0], "Frequent Buyers"),
        ({"segment": "Of a person"}, [100, 100, 100], "Of a person"),
        ({}, [0, 0, 0], "Frequent Buyers"),
        ({}, [], "Frequent Buyers"),
        ({"claims": []}, [100], "Frequent Buyers"),
    ],
)
def test_a_name_holds_for_nine_tenths_and_comes_back_at_nineteen_twentieths(fields, counts, name):
    assert truest_name(segment(**fields), counts) == name


def test_no_share_is_told_where_nothing_is_claimed():
    assert name_share(segment(), [8, 6, 8]) == 0.75
    assert name_share(segment(renamed=True), [8, 6, 8]) is None
    assert name_share(segment(), [0, 0, 0]) is None


def test_members_of_a_stage_are_counted_by_its_rule_and_of_learned_segments_by_the_claim():
    baseline, rows = staged_baseline(), shoppers(5_000)
    stages = stages_of(rows, NOW_MS, Lifecycle())
    numbers = np.array([int(each.segment_id[1:]) for each in baseline.segments])
    places = {each.stage: place for place, each in enumerate(baseline.segments)}
    rows["segment"] = [numbers[places[STAGES[stage]]] if stage >= 0 else numbers[0] for stage in stages]
    now = name_counts(baseline, rows, NOW_MS, HALF_LIFE_MS)
    for each in baseline.segments[3:]:
        members = int((stages == STAGES.index(each.stage)).sum())
        assert now[each.segment_id] == [members, members]
    mine = rows[stages < 0]
    many = int((mine["placed"].astype(int) - mine["cancelled"] >= 4).sum())
    assert now[baseline.segments[0].segment_id] == [len(mine), many, len(mine)]
    later = name_counts(baseline, rows, NOW_MS + 61 * DAY_MS, HALF_LIFE_MS)
    new = baseline.segments[places["new"]].segment_id
    assert later[new][0] == now[new][0] > later[new][1] == 0


def test_a_name_that_no_longer_holds_is_replaced_and_a_reason_given():
    baseline = staged_baseline()
    first, second = baseline.segments[0], baseline.segments[1]
    counts = {first.segment_id: [50, 40, 50], second.segment_id: [50, 50, 50]}
    after, reasons = renamed(baseline, counts)
    assert [each.segment for each in after.segments[:2]] == ["Regular Customers 1", second.segment]
    assert (after.baseline, after.revision) == (baseline.baseline, baseline.revision + 1)
    (reason,) = reasons
    assert "holds for 80.0% of its 50 members, 90% are needed" in reason
    assert renamed(baseline, {first.segment_id: [50, 45, 50]}) == (None, [])
