"""Reading customers of all partitions from a real Redis into one table."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.data.crm_profiles import TEXT_FIELDS
from batch.data.customer_reader import CustomerReader
from batch.data.customer_table import CustomerTable
from batch.data.reservoir_sample import Reservoir
from events.time_units import DAY_MS
from events.topics.partitioning import partitions_of
from state.customers.records import NEVER_FIRST, CustomerBatch, blank_rows
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from state.store import keys
from stream.customers.features import feature_matrix
from stream.customers.wall_or_event_time import SegmentClock
from tests.building import HALF_LIFE_MS, NOW_MS, RFM, examples, ints, names, rows_with, same, shoppers

EVERYONE = 10**6
WALL = SegmentClock("wall", wall_ms=lambda: NOW_MS)
EVENT = SegmentClock("event", wall_ms=lambda: NOW_MS)


@pytest.fixture
def store(redis):
    return PartitionStore(redis, "segments")


@pytest.fixture
def reader(redis):
    return lambda partitions=4, clock=WALL: CustomerReader(
        redis, clock, partitions=partitions, half_life_ms=HALF_LIFE_MS
    )


def put(store, partition, rows, ids=None, profiles=None, watermark_ms=0):
    batch = CustomerBatch.blank(ids or names(len(rows)))
    batch.rows = rows
    save = PartitionUpdate(batch, profiles or {}, 0, ModelSums.zeros(6, 0), 0, {}, {}, watermark_ms, [])
    store.save(store.claim(partition), save)


def numbered(n, start=0):
    return rows_with(n, placed=np.arange(start, start + n))


def test_customers_of_all_partitions_are_read_whole(store, reader):
    one, two = shoppers(30, seed=1), shoppers(20, seed=2)
    put(store, 0, one)
    put(store, 3, two, [f"d{i}" for i in range(20)])
    table = reader().table(EVERYONE, seed=1)
    kept = dict(zip(table.ids, table.rows, strict=True))
    assert len(table) == table.population == 50
    assert all(kept[f"c{i}"].tobytes() == one[i].tobytes() for i in range(30))
    assert all(kept[f"d{i}"].tobytes() == two[i].tobytes() for i in range(20))


def test_the_same_state_gives_the_same_table_however_redis_keeps_it(store, reader, redis):
    rows, order = shoppers(300), np.random.default_rng(1).permutation(300)
    put(store, 0, rows)
    one = reader(1).table(100, seed=1)
    redis.flushdb()
    put(store, 0, rows[order], [names(300)[i] for i in order])
    two = reader(1).table(100, seed=1)
    assert one.ids.tolist() == two.ids.tolist()
    assert same(one.rows, two.rows)


def test_more_customers_than_one_scan_returns_are_read_once_each(store, reader):
    put(store, 0, numbered(12_000))
    assert sorted(reader(1).table(EVERYONE, seed=1).rows["placed"].tolist()) == list(range(12_000))
    chunks = list(reader(1).chunks())
    assert len(chunks) > 1
    assert sorted(int(each) for chunk in chunks for each in chunk.rows["placed"]) == list(range(12_000))


def test_each_customer_is_seen_at_the_one_present_of_all_partitions(store, reader):
    put(store, 0, shoppers(2), ["a", "b"], watermark_ms=NOW_MS - 40 * DAY_MS)
    put(store, 1, shoppers(3), ["c", "d", "e"], watermark_ms=NOW_MS - 50 * DAY_MS)
    table = reader(2, EVENT).table(EVERYONE, seed=1)
    seen = dict(zip(table.ids, table.now_ms.tolist(), strict=True))
    assert [seen[name] for name in "abcde"] == [NOW_MS - 40 * DAY_MS] * 5
    assert reader(2, WALL).table(EVERYONE, seed=1).now_ms.tolist() == [NOW_MS] * 5


def test_of_too_many_customers_a_uniform_sample_is_kept_without_repeats(store, reader):
    put(store, 0, numbered(3_000))
    put(store, 1, numbered(1_000, 3_000), [f"d{i}" for i in range(1_000)])
    table = reader(2).table(1_000, seed=1)
    assert (len(set(table.ids)), len(table), table.population) == (1_000, 1_000, 4_000)
    # Hypergeometric: 250 of the second partition expected, standard deviation 11.9.
    assert 200 < (table.rows["placed"] >= 3_000).sum() < 300


def test_the_seed_chooses_the_sample(store, reader):
    put(store, 0, numbered(1_000))
    samples = [reader(1).table(50, seed).rows["placed"].tolist() for seed in (1, 1, 2)]
    assert samples[0] == samples[1] != samples[2]


def test_an_empty_shop_is_an_empty_table(reader):
    table = reader().table(EVERYONE, seed=1)
    assert (len(table), table.population, table.history_days) == (0, 0, 0.0)
    assert table.matrix(RFM).shape == (0, 3)
    assert list(reader().chunks()) == []


def test_what_the_crm_says_is_joined(store, reader):
    ids = ["ann", "bob", "cem"]
    homes = partitions_of(ids, 4).tolist()
    for name, home in zip(ids, homes, strict=True):
        said = {"ann": {"country": "DE", "gender": "f"}, "cem": {"country": "TR", "city": "İzmir", "age": 30}}
        documents = {name: json.dumps(said[name]).encode()} if name in said else {}
        put(store, home, shoppers(1), [name], documents)
    table = reader().table(EVERYONE, seed=1)
    found = {
        name: {
            word: table.profiles[word][place] for word in TEXT_FIELDS if isinstance(table.profiles[word][place], str)
        }
        for place, name in enumerate(table.ids)
    }
    assert found == {"ann": {"country": "DE", "gender": "f"}, "bob": {}, "cem": {"country": "TR", "city": "İzmir"}}
    assert set(table.take(np.array([True, False, True])).profiles["country"]) == {
        table.profiles["country"][0],
        table.profiles["country"][2],
    }


def test_a_shop_without_profiles_has_no_profile_columns(store, reader, redis):
    put(store, 0, shoppers(5))
    assert not redis.exists(keys.profiles(0))
    assert list(reader().table(EVERYONE, seed=1).profiles.columns) == []


def table_of(rows, times):
    return CustomerTable(np.array(names(len(rows)), object), rows, times, HALF_LIFE_MS, population=len(rows))


def test_history_reaches_from_the_first_order_of_all_to_the_present():
    rows = rows_with(3, first_order=[NOW_MS - 10 * DAY_MS, NEVER_FIRST, NOW_MS - 400 * DAY_MS])
    times = ints([NOW_MS, NOW_MS, NOW_MS - 300 * DAY_MS])
    assert table_of(rows, times).history_days == 400.0
    assert table_of(blank_rows(3), times).history_days == 0.0


def test_features_are_those_of_each_customers_own_present():
    rows = shoppers(4)
    times = NOW_MS + ints([0, 10, 20, 30]) * DAY_MS
    matrix = table_of(rows, times).matrix(RFM)
    for i in range(4):
        assert same(matrix[i : i + 1], feature_matrix(rows[i : i + 1], RFM, int(times[i]), HALF_LIFE_MS))


@given(st.integers(0, 60), st.integers(1, 40), st.integers(0, 5), st.randoms())
@examples(60)
def test_a_reservoir_does_not_depend_on_order_or_on_the_size_of_the_steps(n, limit, seed, chance):
    ids, rows, times = names(n), numbered(n), np.arange(n)
    samples = []
    for _ in range(2):
        order = list(range(n))
        chance.shuffle(order)
        reservoir = Reservoir(limit, seed)
        while order:
            step, order = order[: (size := chance.randint(1, 10))], order[size:]
            reservoir.offer(np.array([ids[i] for i in step], object), rows[step], times[step])
        kept = reservoir.sample()
        assert reservoir.seen == n
        assert len(set(kept.ids)) == len(kept.ids) == min(n, limit)
        assert [ids[i] for i in kept.now_ms.tolist()] == kept.ids.tolist()
        samples.append(kept)
    assert samples[0].ids.tolist() == samples[1].ids.tolist()
    assert same(samples[0].rows, samples[1].rows)
