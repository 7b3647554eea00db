"""Scanning ahead on a real Redis: everybody is there, and nobody as they were before they were written."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from state.partitions.customer_scan import PrefetchingScan
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from state.store import keys
from tests.building import batch_of, names, rows_with

P, N, COUNT = 3, 12_000, 1_000


@pytest.fixture
def store(redis):
    return PartitionStore(redis, "segments")


@pytest.fixture
def owned(store):
    owned = store.claim(P)
    write(store, owned, placed=1)
    return owned


def write(store, owned, placed):
    """Save everybody with so many orders."""
    customers = batch_of(names(N), rows_with(N, placed=placed), known=bool(owned.customers))
    store.save(owned, PartitionUpdate(customers, {}, 1, None, 0, {}, {}, 0, []))


def asked(redis):
    """How many chunks Redis has been asked for."""
    return redis.info("commandstats").get("cmdstat_hscan", {"calls": 0})["calls"]


def chunks(read, cursor=0):
    """Read on to the end."""
    while True:
        cursor, batch = read(cursor)
        yield cursor, batch
        if not cursor:
            return


def test_everybody_is_found_and_each_chunk_asked_for_once(redis, owned):
    ahead, before = PrefetchingScan(redis), asked(redis)
    read = list(chunks(lambda cursor: ahead.read(owned, cursor, COUNT)))
    assert {name for _, batch in read for name in batch.ids} == set(names(N))
    assert asked(redis) - before == len(read) > 5


def test_the_next_chunk_is_asked_for_before_it_is_wanted_once_a_chunk_went_by_without_a_write(redis, owned):
    ahead, cursor, before, calls = PrefetchingScan(redis), 0, asked(redis), []
    for _ in range(3):
        cursor, _ = ahead.read(owned, cursor, COUNT)
        redis.ping()
        calls.append(asked(redis) - before)
    assert calls == [1, 3, 4]


def test_what_was_asked_for_before_a_write_is_asked_for_again(redis, store, owned):
    ahead, cursor = PrefetchingScan(redis), 0
    for _ in range(2):
        cursor, batch = ahead.read(owned, cursor, COUNT)
        assert set(batch.rows["placed"].tolist()) == {1}
    write(store, owned, placed=2)
    for _, batch in chunks(lambda at: ahead.read(owned, at, COUNT), cursor):
        assert set(batch.rows["placed"].tolist()) == {2}


def test_what_another_owner_asked_for_is_not_taken(redis, store, owned):
    ahead, cursor = PrefetchingScan(redis), 0
    for _ in range(2):
        cursor, _ = ahead.read(owned, cursor, COUNT)
    redis.delete(keys.customers(P))
    cursor, batch = ahead.read(store.claim(P), cursor, COUNT)
    assert (cursor, len(batch)) == (0, 0)


def test_after_a_lost_connection_the_next_read_goes_through(redis, owned):
    ahead, cursor, found, failures = PrefetchingScan(redis), 0, set(), 0
    for chunk in range(100):
        if chunk == 2:
            redis.client_kill_filter(_type="normal", skipme=True)
        try:
            cursor, batch = ahead.read(owned, cursor, COUNT)
        except RedisConnectionError:
            failures += 1
            continue
        found |= set(batch.ids)
        if not cursor:
            break
    assert found == set(names(N))
    assert failures == 1
