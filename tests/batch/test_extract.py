"""Reading customers of all partitions from a real Redis into one table."""

import numpy as np
import pytest

from batch.extract import Extract, extract_customers, features_of
from state.partition_store import PartitionStore, Save
from state.records import NEVER_FIRST, CustomerBatch, blank_rows
from state.sums import ModelSums
from stream.clock import SegmentClock
from stream.features import feature_matrix

from ..building import DAY_MS, HALF_LIFE_MS, NOW_MS, RFM, ints, names, rows_with, same, shoppers

EVERYONE = 10**6
WALL = SegmentClock("wall", wall_ms=lambda: NOW_MS)
EVENT = SegmentClock("event", wall_ms=lambda: NOW_MS)


@pytest.fixture
def store(redis):
    return PartitionStore(redis, "segments")


def put(store, partition, rows, ids=None):
    batch = CustomerBatch.blank(ids or names(len(rows)))
    batch.rows = rows
    store.save(store.claim(partition), Save(batch, {}, 0, ModelSums.zeros(6, 0), 0, {}, {}, 0, []))


def test_customers_of_all_partitions_are_read_whole(store):
    one, two = shoppers(30, seed=1), shoppers(20, seed=2)
    put(store, 0, one, sorted(names(30)))
    put(store, 3, two, sorted(names(20)))
    extract = extract_customers(store, dict.fromkeys(range(4), 0), WALL, EVERYONE, seed=1)
    assert same(extract.rows, np.concatenate([one, two]))


def test_the_same_state_gives_the_same_table_however_redis_keeps_it(store, redis):
    rows, order = shoppers(300), np.random.default_rng(1).permutation(300)
    put(store, 0, rows)
    put(store, 1, rows[order], [names(300)[i] for i in order])
    one, two = (extract_customers(store, {partition: 0}, WALL, EVERYONE, seed=1) for partition in (0, 1))
    assert same(one.rows, two.rows)


def test_more_customers_than_one_scan_returns_are_read_once_each(store):
    rows = rows_with(12_000, placed=np.arange(12_000))
    put(store, 0, rows)
    extract = extract_customers(store, {0: 0}, WALL, EVERYONE, seed=1)
    assert sorted(extract.rows["placed"].tolist()) == list(range(12_000))


def test_each_customer_is_seen_at_the_present_of_its_partition(store):
    put(store, 0, shoppers(2))
    put(store, 1, shoppers(3))
    watermarks = {0: NOW_MS - 40 * DAY_MS, 1: NOW_MS - 50 * DAY_MS, 2: NOW_MS}
    extract = extract_customers(store, watermarks, EVENT, EVERYONE, seed=1)
    assert extract.now_ms.tolist() == [watermarks[0]] * 2 + [watermarks[1]] * 3
    assert extract_customers(store, watermarks, WALL, EVERYONE, seed=1).now_ms.tolist() == [NOW_MS] * 5


def test_of_too_many_customers_each_partition_keeps_its_share_without_repeats(store):
    put(store, 0, rows_with(100, placed=np.arange(100)))
    put(store, 1, rows_with(10, placed=np.arange(100, 110)))
    extract = extract_customers(store, {0: 0, 1: 0}, WALL, limit=60, seed=1)
    placed = extract.rows["placed"].tolist()
    assert sum(value < 100 for value in placed) == 30
    assert sorted(value for value in placed if value >= 100) == list(range(100, 110))
    assert len(set(placed)) == len(placed) == len(extract.now_ms) == 40


def test_the_seed_chooses_the_sample(store):
    put(store, 0, rows_with(1_000, placed=np.arange(1_000)))
    samples = [extract_customers(store, {0: 0}, WALL, 50, seed).rows["placed"].tolist() for seed in (1, 1, 2)]
    assert samples[0] == samples[1] != samples[2]


def test_an_empty_shop_is_an_empty_table(store):
    extract = extract_customers(store, {0: 0, 1: 0}, WALL, EVERYONE, seed=1)
    assert (len(extract.rows), len(extract.now_ms), extract.history_days) == (0, 0, 0.0)
    assert features_of(extract, RFM, HALF_LIFE_MS).shape == (0, 3)


def test_history_reaches_from_the_first_order_of_all_to_the_present():
    rows = rows_with(3, first_order=[NOW_MS - 10 * DAY_MS, NEVER_FIRST, NOW_MS - 400 * DAY_MS])
    times = ints([NOW_MS, NOW_MS, NOW_MS - 300 * DAY_MS])
    assert Extract(rows, times).history_days == 400.0
    assert Extract(blank_rows(3), times).history_days == 0.0


def test_features_are_those_of_each_customers_own_present():
    rows = shoppers(4)
    times = NOW_MS + ints([0, 10, 20, 30]) * DAY_MS
    matrix = features_of(Extract(rows, times), RFM, HALF_LIFE_MS)
    for i in range(4):
        assert same(matrix[i : i + 1], feature_matrix(rows[i : i + 1], RFM, int(times[i]), HALF_LIFE_MS))
