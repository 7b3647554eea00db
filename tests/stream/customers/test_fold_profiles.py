"""The columns of a record that come from its customer's profile, and what an event of any age changes in them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.customers import ProfileInput
from state.customers.records import NEVER_FIRST, NEVER_LAST, CustomerBatch, blank_rows
from stream.customers.fold import Fold, merge
from stream.customers.fold_profiles import fold_profiles
from tests.building import HALF_LIFE_MS, NOW_MS, examples, ints, profile_document, same

NAMES = ("nps", "visits")
PROFILES = ProfileInput(1 << 20)
tellings = st.fixed_dictionaries(
    {},
    optional={
        "age": st.none() | st.integers(0, 99),
        "income": st.none() | st.floats(0, 1e6),
        "signed_up_at": st.none() | st.sampled_from(["2020-01-01T00:00:00Z", "2021-06-01T02:00:00+02:00"]),
        "attributes": st.none()
        | st.dictionaries(st.sampled_from(NAMES), st.none() | st.booleans() | st.integers(0, 9)),
    },
)


def columns_of(*documents):
    return PROFILES.decode(documents, NOW_MS * 2).columns


def numbers_of(*documents, attributes=NAMES):
    """The numbers of the profile, None where absent."""
    row = fold_profiles(columns_of(*documents), ints([0] * len(documents)), 1, attributes).rows["profile_numbers"][0]
    return [None if np.isnan(number) else number for number in row.tolist()]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), tellings), max_size=10), st.randoms())
@examples(150)
def test_any_order_split_and_repetition_gives_the_same_profiles_and_columns(history, chance):
    events = [(who, profile_document(f"e{i}", NOW_MS + at, **told)) for i, (who, at, told) in enumerate(history)]
    at_once = fold_profiles(columns_of(*(each for _, each in events)), ints([who for who, _ in events]), 3, NAMES)
    sent = events + chance.choices(events, k=3) if events else []
    chance.shuffle(sent)
    customers, fold = CustomerBatch.blank(["a", "b", "c"]), Fold(HALF_LIFE_MS, 9, 9, 2, lambda: NAMES)
    kept = {}
    while sent:
        part = [sent.pop() for _ in range(min(len(sent), chance.randint(1, 4)))]
        # As in a worker, the profiles of those only who have an event in the batch are read, and written back.
        customers.profiles = {who: kept[who] for who, _ in part if who in kept}
        folded = fold(customers, columns_of(*(each for _, each in part)), ints([who for who, _ in part]))
        customers.rows = merge(customers.rows, folded.rows)
        kept |= customers.profiles
    assert kept == at_once.documents
    assert same(customers.rows, merge(blank_rows(3), at_once.rows))


def test_absent_means_unchanged_and_null_means_cleared():
    first = profile_document("1", NOW_MS, age=40, income=1_000, attributes={"nps": 9, "visits": 3})
    assert numbers_of(first, profile_document("2", NOW_MS + 1, city="Berlin")) == [40, 1_000, 9, 3, None, None]
    cleared = profile_document("2", NOW_MS + 1, age=None, attributes={"nps": None})
    assert numbers_of(cleared, first) == [None, 1_000, None, 3, None, None]
    assert numbers_of(profile_document("2", NOW_MS + 1, attributes=None), first) == [40, 1_000, *[None] * 4]


def test_an_older_event_fills_what_newer_ones_do_not_tell():
    newer = profile_document("2", NOW_MS + 1, age=41)
    older = profile_document("1", NOW_MS, age=40, signed_up_at="2020-01-01T00:00:00Z")
    folded = fold_profiles(columns_of(older), ints([0]), 1, (), {0: newer})
    assert folded.rows["profile_numbers"][0, 0] == 41
    assert (folded.rows["signed_up"][0], folded.rows["profile_at"][0]) == (1_577_836_800_000, NOW_MS + 1)
    assert json.loads(folded.documents[0])["event_id"] == "2"


def test_declared_attributes_are_numbers_beside_age_and_income():
    value = profile_document("e", age=1, attributes={"visits": 3, "tier": "gold", "ratio": 0.5, "other": 9})
    assert numbers_of(value, attributes=("ratio", "tier", "absent", "visits")) == [1.0, None, 0.5, None, None, 3.0]
    assert numbers_of(value, attributes=()) == [1.0, None, None, None, None, None]


@pytest.mark.parametrize("value", [True, False, None, "4", [4], {"a": 4}, 1e39, -1e300, 10**400])
def test_what_is_no_number_or_too_large_for_the_record_counts_as_absent(value):
    told = profile_document("e", age=30, attributes={"nps": value, "visits": 2})
    assert numbers_of(told) == [30.0, None, None, 2.0, None, None]
    (document,) = fold_profiles(columns_of(told), ints([0]), 1).documents.values()
    assert json.loads(document)["attributes"]["nps"] == value


def test_a_true_zero_is_not_absent():
    assert numbers_of(profile_document("e", age=0, income=0))[:2] == [0.0, 0.0]


def test_a_repeated_event_is_a_duplicate_and_changes_nothing():
    customers, fold = CustomerBatch.blank(["a"]), Fold(HALF_LIFE_MS, 9, 9, 9)
    columns = columns_of(profile_document("1", NOW_MS, age=40))
    first = fold(customers, columns, ints([0]))
    assert (first.outcomes.tolist(), first.active.tolist(), list(customers.profiles)) == ([0], [True], [0])
    kept = dict(customers.profiles)
    again = fold(customers, columns, ints([0]))
    assert (again.outcomes.tolist(), again.active.tolist(), customers.profiles) == ([1], [False], kept)
    assert same(merge(first.rows, again.rows), first.rows)


def test_no_profiles_leave_records_blank():
    folded = fold_profiles(columns_of(), ints([]), 2, NAMES)
    assert same(folded.rows, blank_rows(2))
    assert folded.documents == {}
    assert (blank_rows(1)["signed_up"][0], blank_rows(1)["profile_at"][0]) == (NEVER_FIRST, NEVER_LAST)
