"""An erasure while the experiment consumer runs: it learns of it, and cannot write back what was erased."""

import numpy as np
import pytest

from state.customers.secondary_data_erasure import erase_secondary_data
from state.erasures.erased_customers import read_erased_customers
from state.experiments.purchase_logs import ENTRY, PurchaseLogs
from state.experiments.tally_partitions import TallyPartitions, TallyRequest, TallyUpdate
from state.partitions.partition_fence import StateMismatch
from state.store import keys


@pytest.fixture
def store(redis):
    return TallyPartitions(redis)


def opened(store, owned):
    return store.open_all([TallyRequest(owned, ["anna"], np.empty(0, np.int64))])[0]


def save(store, owned):
    entries = np.array([(1, 2, 3, 4)], ENTRY)
    logs = PurchaseLogs(["anna"], np.ones(1, bool), np.zeros(1, np.int64), entries, np.array([0, 1]))
    store.save_all([(owned, TallyUpdate(logs, {}, {}, {}, 0))])


def entomb(redis, customer_id):
    redis.sadd(keys.erased(0), read_erased_customers(redis, 0).digest(customer_id))


def test_invariant_11_an_erasure_is_seen_by_a_consumer_that_runs(redis, store):
    owned = store.claim(0)
    opened(store, owned)
    assert "anna" not in owned.erased
    entomb(redis, "anna")
    opened(store, owned)
    assert "anna" in owned.erased
    assert "bert" not in owned.erased


@pytest.mark.parametrize("known", [True, False])
def test_invariant_11_what_was_read_before_an_erasure_is_not_written_after_it(redis, store, known):
    owned = store.claim(0)
    if known:
        opened(store, owned)
        save(store, owned)
    opened(store, owned)
    entomb(redis, "anna")
    erase_secondary_data(redis, "anna", 1)
    with pytest.raises(StateMismatch):
        save(store, owned)
    assert not redis.hexists(keys.purchases(0), "anna")


def test_invariant_11_what_was_read_between_tombstone_and_removal_is_not_written_after_it(redis, store):
    owned = store.claim(0)
    opened(store, owned)
    save(store, owned)
    entomb(redis, "anna")
    opened(store, owned)
    erase_secondary_data(redis, "anna", 1)
    with pytest.raises(StateMismatch):
        save(store, owned)
    assert not redis.hexists(keys.purchases(0), "anna")
