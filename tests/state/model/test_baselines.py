"""Baselines and models on a real Redis: numbers, what is live, and a version that only moves forward."""

import numpy as np
import pytest

from state.customers.records import CustomerBatch
from state.model.baselines import BaselineStore, ModelStore
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from tests.building import MeddledRedis, equal_sums, ints, make_baseline, make_model, names

CENTROIDS = [[1.0, 0.0, 0.5], [-1.0, 0.25, 1 / 3]]


def put(redis, partition, customers, baseline, swept, sums):
    store = PartitionStore(redis, "segments")
    save = PartitionUpdate(CustomerBatch.blank(names(customers)), {}, baseline, sums, swept, {"orders": 1}, {}, 0, [])
    store.save(store.claim(partition), save)


def sums_of(label):
    return ModelSums.of(np.array([[0.5, np.nan]]), ints([label]), 2)


def test_no_two_baselines_get_the_same_number(redis):
    one, other = BaselineStore(redis), BaselineStore(redis)
    assert [one.next_number(), other.next_number(), one.next_number()] == [1, 2, 3]


def test_there_is_no_baseline_before_the_first(redis):
    assert BaselineStore(redis).current() is None


def test_the_baseline_approved_last_is_live_and_the_earlier_stays_readable(redis):
    store = BaselineStore(redis)
    first, second = make_baseline(1), make_baseline(2, CENTROIDS, ids=[4, 2])
    store.approve(first)
    store.approve(second)
    assert store.current() == second
    assert store.get(1) == first.model_copy(update={"status": "retired"})
    assert store.get(2) == second


def test_there_is_no_model_before_the_first(redis):
    assert ModelStore(redis).current() is None


def test_a_model_advances_to_a_later_version_only(redis):
    store = ModelStore(redis)
    assert store.advance(make_model(2, CENTROIDS))
    assert not store.advance(make_model(2, [[9.0] * 3] * 2))
    assert not store.advance(make_model(1, [[9.0] * 3] * 2))
    assert store.current() == make_model(2, CENTROIDS)
    assert store.advance(make_model(4, [[8.0] * 3] * 2))
    assert store.current().version == 4


def test_of_two_leaders_that_advance_at_once_one_is_refused(redis):
    other = ModelStore(redis)
    meddled = MeddledRedis.beside(redis, lambda: other.advance(make_model(1, [[7.0] * 3] * 2)))
    assert not ModelStore(meddled).advance(make_model(1, CENTROIDS))
    assert ModelStore(redis).current() == make_model(1, [[7.0] * 3] * 2)


def test_a_model_keeps_its_centroids_to_the_last_bit(redis):
    centroids = np.random.default_rng(1).normal(size=(2, 3)).tolist()
    ModelStore(redis).advance(make_model(1, centroids))
    assert ModelStore(redis).current().centroids == centroids


def test_each_partition_with_state_gives_its_sums_and_what_they_are_under(redis):
    put(redis, 0, 2, baseline=1, swept=1, sums=sums_of(0))
    put(redis, 2, 3, baseline=2, swept=1, sums=sums_of(1))
    found = ModelStore(redis).partition_sums(4)
    assert [(part.baseline, part.swept_baseline) for part in found] == [(1, 1), (2, 1)]
    assert equal_sums(found[0].sums, sums_of(0))
    assert equal_sums(found[1].sums, sums_of(1))


@pytest.mark.parametrize(("partitions", "expected"), [(2, [2, 0]), (4, [2, 0, 3, 0])])
def test_customers_are_counted_by_partition(redis, partitions, expected):
    put(redis, 0, 2, baseline=1, swept=1, sums=sums_of(0))
    put(redis, 2, 3, baseline=1, swept=1, sums=sums_of(0))
    assert ModelStore(redis).customers(partitions) == expected
