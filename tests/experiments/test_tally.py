import dataclasses
import functools
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import Tallies, Tally

CUSTOMERS = st.lists(
    st.tuples(st.integers(-(10**12), 10**12), st.integers(0, 20), st.integers(0, 10**12), st.booleans()), max_size=30
)
TALLIES = st.builds(Tally, **dict.fromkeys(Tally.names(), st.integers(-(10**30), 10**30)))
CELLS = st.dictionaries(st.tuples(st.sampled_from("AB"), st.sampled_from(["New", "Inactive"])), TALLIES)


def of(customer):
    revenue, orders, before, converted = customer
    return Tally.of_customer(revenue=revenue, orders=orders, pre_revenue=before, converted=converted)


@given(CUSTOMERS, st.randoms())
def test_neither_order_nor_grouping_matters(customers, chance):
    straight = functools.reduce(operator.add, map(of, customers), Tally())
    shuffled = list(customers)
    chance.shuffle(shuffled)
    cut = chance.randint(0, len(shuffled))
    parts = [functools.reduce(operator.add, map(of, part), Tally()) for part in (shuffled[:cut], shuffled[cut:])]
    assert parts[0] + parts[1] == parts[1] + parts[0] == straight


@given(CUSTOMERS)
def test_arrays_give_the_same_sums_as_customers_one_by_one(customers):
    revenue, orders, before = (np.array([each[k] for each in customers], dtype=np.int64) for k in range(3))
    converted = np.array([each[3] for each in customers], dtype=bool)
    whole = Tally.of_customers(
        revenue, orders, pre_revenue=before, converted=converted, retained=np.zeros(len(customers), dtype=bool)
    )
    assert whole == sum(map(of, customers), start=Tally())


@given(TALLIES, TALLIES)
def test_what_was_added_can_be_taken_out_again(one, other):
    assert one + other - other == one
    assert Tally(*one.values()) == one


@given(CELLS, CELLS, CELLS)
def test_tallies_by_cell_merge_in_any_grouping(first, second, third):
    a, b, c = map(Tallies, (first, second, third))
    assert ((a + b) + c).cells == (a + (b + c)).cells
    assert (a + b).cells == (b + a).cells
    assert (a + b).arm("A") == a.arm("A") + b.arm("A")


def test_a_segment_and_the_rest_are_the_whole():
    cells = {("A", "New"): Tally(exposed=1), ("A", "Old"): Tally(exposed=10), ("B", "Old"): Tally(exposed=100)}
    tallies = Tallies(cells)
    assert tallies.segments == ("New", "Old")
    assert tallies.of_segment("Old").arm("A").exposed == 10
    assert (tallies.of_segment("Old") + tallies.without_segment("Old")).cells == cells


def test_a_second_order_is_retention_unless_told_otherwise():
    tally = Tally.of_customers(np.array([0, 5, 9, 9]), np.array([0, 1, 2, 3]))
    assert (tally.exposed, tally.converted, tally.retained, tally.orders) == (4, 3, 2, 6)


def test_sums_that_int64_cannot_hold_are_exact():
    revenue = np.full(3, 2**62, dtype=np.int64) // 1000 * 999
    whole = Tally.of_customers(revenue, np.ones(3, dtype=np.int64))
    assert whole.revenue_squares == 3 * int(revenue[0]) ** 2
    assert whole.revenue == 3 * int(revenue[0])


def test_a_tally_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tally().exposed = 1
