"""Sums of vectors by cluster: exact on the grid, in any order, and as stored."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.partitions.model_sums import ModelSums
from tests.building import GRID, equal_sums, examples, ints

K, D = 3, 2

on_grid = st.integers(-100 * 2**20, 100 * 2**20).map(lambda steps: steps * GRID)
vectors = st.tuples(*[on_grid | st.just(math.nan)] * D)
members = st.lists(st.tuples(vectors, st.integers(0, K - 1)), max_size=20)


def arrays(some):
    return np.array([vector for vector, _ in some], np.float64).reshape(-1, D), ints([label for _, label in some])


@given(members)
@examples(100)
def test_the_sums_are_what_a_loop_adds_up(some):
    sums = ModelSums.of(*arrays(some), K)
    for label in range(K):
        mine = [vector for vector, its in some if its == label]
        assert sums.counts[label] == len(mine)
        for j in range(D):
            present = [vector[j] for vector in mine if not math.isnan(vector[j])]
            assert sums.weights[label, j] == len(present)
            assert sums.sums[label, j] == math.fsum(present)


@given(members, members, st.randoms(use_true_random=False))
@examples(100)
def test_adding_and_taking_out_is_exact_in_any_order(staying, leaving, random):
    """Each step is a customer put in or taken out; those who leave are put in before, in between, or after."""
    steps = [(1, member) for member in staying + leaving] + [(-1, member) for member in leaving]
    random.shuffle(steps)
    sums = ModelSums.zeros(K, D)
    for sign, member in steps:
        sums = sums.plus(*arrays([member])) if sign > 0 else sums.minus(*arrays([member]))
    assert equal_sums(sums, ModelSums.of(*arrays(staying), K))


@given(members, st.integers(0, 20))
@examples(50)
def test_partitions_add_up_to_the_whole_and_can_be_taken_off_again(some, cut):
    left, right = ModelSums.of(*arrays(some[:cut]), K), ModelSums.of(*arrays(some[cut:]), K)
    whole = ModelSums.of(*arrays(some), K)
    assert equal_sums(left + right, whole)
    assert equal_sums(whole - right, left)


@given(members)
@examples(50)
def test_what_is_stored_is_read_back(some):
    sums = ModelSums.of(*arrays(some), K)
    read = ModelSums.from_fields({name.encode(): value for name, value in sums.to_fields().items()})
    assert equal_sums(read, sums)
    assert [read.sums.dtype, read.weights.dtype, read.counts.dtype] == [np.float64, np.int64, np.int64]
    assert read.plus(*arrays(some)).counts.sum() == 2 * len(some)


def test_without_features_only_the_members_are_counted():
    sums = ModelSums.of(np.empty((3, 0)), ints([1, 1, 0]), 2)
    assert sums.counts.tolist() == [1, 2]
    assert sums.sums.shape == sums.weights.shape == (2, 0)
    read = ModelSums.from_fields({name.encode(): value for name, value in sums.to_fields().items()})
    assert equal_sums(read, sums)
    assert equal_sums(sums.minus(np.empty((3, 0)), ints([1, 1, 0])), ModelSums.zeros(2, 0))


def test_a_mean_leaves_out_members_without_the_feature():
    sums = ModelSums.of(np.array([[1.0, np.nan], [4.0, 7.0]]), ints([0, 0]), 2)
    assert sums.means(np.full((2, 2), -9.0)).tolist() == [[2.5, 7.0], [-9.0, -9.0]]


def test_sums_are_values_that_no_operation_changes():
    one = ModelSums.of(np.array([[1.0, 2.0]]), ints([0]), K)
    one.plus(np.array([[5.0, 5.0]]), ints([0]))
    _ = one + one
    assert one.sums[0].tolist() == [1.0, 2.0]
    with pytest.raises(AttributeError):
        one.counts = ints([9, 9, 9])
