import hashlib

import numpy as np
import pytest
from scipy import stats

from experiments import Unassigned, assign, assign_many
from tests.experiments.tallying import experiment

MILLION = [f"customer-{number}" for number in range(1_000_000)]
SPLIT = experiment("A", "B", "C", variants=[{"name": "A", "weight": 2}, {"name": "B"}, {"name": "C", "weight": 0.5}])


@pytest.fixture(scope="module")
def places():
    return assign_many(MILLION, SPLIT)


def test_a_million_customers_fill_the_arms_by_their_weights(places):
    counts = np.bincount(places, minlength=3)
    expected = 1_000_000 * np.array([2, 1, 0.5]) / 3.5
    assert stats.chisquare(counts, expected).pvalue > 0.001


def test_two_experiments_are_independent(places):
    other = assign_many(MILLION, SPLIT.model_copy(update={"id": "price", "salt": ""}))
    table = np.zeros((3, 3))
    np.add.at(table, (places, other), 1)
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_the_holdout_is_independent_of_every_arm_and_the_same_for_all_experiments(places):
    held = [
        assign_many(MILLION, SPLIT.model_copy(update={"id": name, "holdout_share": 0.1})) for name in ("banner", "x")
    ]
    assert np.array_equal(held[0] == -1, held[1] == -1)
    out = held[0] == -1
    table = np.array([np.bincount(places[out], minlength=3), np.bincount(places[~out], minlength=3)])
    assert stats.chi2_contingency(table).pvalue > 0.001
    assert stats.binomtest(int(out.sum()), len(MILLION), 0.1).pvalue > 0.001
    assert np.array_equal(held[0][~out], places[~out])


def test_anyone_can_compute_it_again_from_the_documented_formula():
    for customer_id in [*MILLION[:2000], "", "ümläut", "客戶"]:
        number = int(hashlib.sha256(f"banner:{customer_id}".encode()).hexdigest()[:16], 16)
        share = (number // 2**11) / 2**53
        expected = "A" if share < 2 / 3.5 else "B" if share < 3 / 3.5 else "C"
        assert assign(customer_id, SPLIT).variant == expected


def test_many_is_one_by_one():
    plan = SPLIT.model_copy(update={"holdout_share": 0.2, "targeted_segments": ("New", "Inactive")})
    ids = MILLION[:3000]
    segments = [("New", "Inactive", "Loyal", None)[number % 4] for number in range(3000)]
    suppressed = np.arange(3000) % 7 == 0
    many = assign_many(ids, plan, segments=segments, suppressed=suppressed)
    single = [
        assign(customer_id, plan, segment=segment, suppressed=bool(out)).variant
        for customer_id, segment, out in zip(ids, segments, suppressed, strict=True)
    ]
    names = [*(variant.name for variant in plan.variants), None]
    assert [names[place] for place in many] == single
    assert set(single) == {"A", "B", "C", None}


def test_who_takes_no_part_is_told_why():
    plan = experiment(holdout_share=0.999, targeted_segments=["New"])
    ids = MILLION[:5000]
    free = next(each for each in ids if assign(each, plan, segment="New").variant)
    held = next(each for each in ids if not assign(each, plan, segment="New").variant)
    assert assign(held, plan, segment="New").unassigned is Unassigned.HOLDOUT
    assert assign(free, plan, segment="Inactive").unassigned is Unassigned.NOT_TARGETED
    assert assign(free, plan).unassigned is Unassigned.NOT_TARGETED
    assert assign(held, plan, segment="New", suppressed=True).unassigned is Unassigned.SUPPRESSED


def test_the_salt_and_not_the_id_decides_where_there_is_one():
    one, other = (experiment(id=name, salt="shared") for name in ("one", "other"))
    assert np.array_equal(assign_many(MILLION[:1000], one), assign_many(MILLION[:1000], other))
