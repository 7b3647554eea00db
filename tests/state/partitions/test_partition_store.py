"""The partition store on a real Redis: one writer, all or nothing, and what happens when Redis came back older."""

from dataclasses import replace

import numpy as np
import pytest

from state.customers.merged_customers import Departure
from state.customers.records import RecordUnreadable
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import Fenced, PartitionStore, PartitionUpdate, StateMismatch
from state.store import keys
from tests.building import MeddledRedis, batch_of, equal_sums, everything_in, ints, names, rows_with, same

GROUP = "segments"
P = 3
OFFSETS = keys.offsets(P, GROUP)
EPOCH = keys.epoch(P, GROUP)


@pytest.fixture
def store(redis):
    return PartitionStore(redis, GROUP)


@pytest.fixture
def owned(store):
    """A partition that was claimed and saved once, with three changes in its outbox."""
    owned = store.claim(P)
    store.save(owned, save_of(["a", "b"], offset=10, changes=[b"one", b"two", b"three"], new="ab"))
    return owned


def recent_of(batch, i):
    return batch.recent.values[batch.recent.starts[i] : batch.recent.starts[i + 1]].tolist()


def customers_of(ids, placed=1, new=()):
    rows = rows_with(len(ids), placed=placed, gross=np.arange(len(ids)))
    return batch_of(ids, rows, [[2 * i + 1, 2 * i + 2] for i in range(len(ids))], [name not in new for name in ids])


def save_of(ids, offset, placed=1, changes=(), profiles=None, new=()):
    return PartitionUpdate(
        customers=customers_of(ids, placed, new),
        profiles=profiles or {},
        baseline=4,
        sums=ModelSums.of(np.array([[1.5, np.nan]]), ints([1]), 2),
        swept_baseline=3,
        offsets={"orders": offset, "customers": 7},
        outcome_counts={"orders:applied": offset, "orders:duplicate": 1},
        watermark_ms=1_000 + offset,
        changes=list(changes),
    )


def set_back_offsets(redis):
    redis.hset(OFFSETS, "orders", 9)


def drop_offsets(redis):
    redis.delete(OFFSETS)


def lose_a_customer(redis):
    redis.hdel(keys.customers(P), "b")


def add_a_topic(redis):
    redis.hset(OFFSETS, "web-sessions", 1)


def lower_the_epoch(redis):
    redis.set(EPOCH, 0)


def lose_everything(redis):
    redis.flushdb()


def claim_elsewhere(redis):
    PartitionStore(redis, GROUP).claim(P)


came_back_older = pytest.mark.parametrize(
    "becomes", [set_back_offsets, drop_offsets, add_a_topic, lower_the_epoch, lose_everything, lose_a_customer]
)
meanwhile = pytest.mark.parametrize(
    "meddle", [claim_elsewhere, set_back_offsets, lower_the_epoch, lose_everything, lose_a_customer]
)
guarded = pytest.mark.parametrize(
    "write",
    [
        lambda store, owned: store.save(
            owned, save_of(["a", "c"], 20, placed=2, changes=[b"four"], profiles={"a": b"{}"}, new="c")
        ),
        lambda store, owned: store.trim(owned, 2),
    ],
    ids=["save", "trim"],
)


def test_each_claim_bumps_the_epoch(redis, store):
    assert [store.claim(P).epoch for _ in range(3)] == [1, 2, 3]
    assert store.claim(P + 1).epoch == 1
    assert redis.get(EPOCH) == b"3"


def test_a_claim_of_a_new_partition_begins_at_nothing(store):
    owned = store.claim(P)
    assert (owned.offsets, owned.outcome_counts, owned.watermark_ms) == ({}, {}, 0)
    assert (owned.baseline, owned.swept_baseline, owned.sums) == (0, 0, None)


def test_what_is_saved_is_loaded(store, owned):
    loaded = store.load(P, ["b", "nobody", "a"])
    expected = customers_of(["a", "b"])
    assert loaded.known.tolist() == [True, False, True]
    assert same(loaded.rows[[0, 2]], expected.rows[[1, 0]])
    assert loaded.recent.values.tolist() == [3, 4, 1, 2]
    assert loaded.recent.starts.tolist() == [0, 2, 2, 4]


def test_the_next_owner_finds_what_the_last_one_saved(store, owned):
    heir = store.claim(P)
    assert heir.epoch == owned.epoch + 1
    assert heir.offsets == owned.offsets == {"orders": 10, "customers": 7}
    assert heir.outcome_counts == owned.outcome_counts == {"orders:applied": 10, "orders:duplicate": 1}
    assert heir.watermark_ms == owned.watermark_ms == 1_010
    assert (heir.baseline, heir.swept_baseline) == (owned.baseline, owned.swept_baseline) == (4, 3)
    assert equal_sums(heir.sums, owned.sums)


def test_a_second_save_replaces_records_and_adds_to_the_outbox(redis, store, owned):
    store.save(owned, save_of(["b", "c"], 20, placed=2, changes=[b"four"], profiles={"b": b'{"age":1}'}, new="c"))
    assert store.load(P, ["a", "b", "c"]).rows["placed"].tolist() == [1, 2, 2]
    assert store.outbox(P) == [b"one", b"two", b"three", b"four"]
    assert redis.hgetall(keys.profiles(P)) == {b"b": b'{"age":1}'}
    assert owned.offsets["orders"] == 20


def test_a_save_without_customers_moves_the_offsets_only(store, owned):
    store.save(owned, save_of([], offset=30))
    assert store.claim(P).offsets["orders"] == 30
    assert store.size(P) == 2


def test_all_keys_of_a_partition_share_its_hash_tag(redis, store, owned):
    store.save(owned, save_of(["a"], 20, profiles={"a": b"{}"}))
    written = set(redis.scan_iter()) - {b"format"}  # where the salt of erasures is kept
    assert len(written) == 7
    assert all(b"{3}" in key for key in written)


@guarded
def test_a_worker_that_was_overtaken_writes_nothing(redis, store, owned, write):
    claim_elsewhere(redis)
    before = everything_in(redis)
    with pytest.raises(Fenced, match=r"partition 3 has epoch 2; this worker's was 1"):
        write(store, owned)
    assert everything_in(redis) == before
    assert owned.offsets == {"orders": 10, "customers": 7}


@guarded
@came_back_older
def test_nothing_is_written_over_a_redis_that_came_back_older(redis, store, owned, write, becomes):
    becomes(redis)
    before = everything_in(redis)
    with pytest.raises(StateMismatch, match="partition 3 in Redis moved") as raised:
        write(store, owned)
    assert raised.value.retriable
    assert everything_in(redis) == before


@guarded
@meanwhile
def test_what_changes_during_a_write_stops_it(redis, owned, write, meddle):
    """The guard had looked already when another connection wrote: EXEC must see it."""
    before = []

    def meddling():
        meddle(redis)
        before.append(everything_in(redis))

    with pytest.raises(Fenced if meddle is claim_elsewhere else StateMismatch):
        write(PartitionStore(MeddledRedis.beside(redis, meddling), GROUP), owned)
    assert [everything_in(redis)] == before


@guarded
def test_a_refused_write_leaves_the_connection_fit_for_the_next(redis, store, owned, write):
    """A WATCH left behind would make a later, unrelated transaction fail."""
    with pytest.raises(StateMismatch):
        write(PartitionStore(MeddledRedis.beside(redis, lambda: set_back_offsets(redis)), GROUP), owned)
    write(store, store.claim(P))


def test_the_number_of_customers_is_saved_with_them_and_found_by_the_next_owner(redis, store, owned):
    store.save(owned, save_of(["b", "c", "d"], 20, new="cd"))
    gone = [Departure("a", "z", b"", had_record=True), Departure("y", "z", b"", had_record=False)]
    store.save(owned, replace(save_of([], 30), departures=gone))
    assert owned.customers == store.size(P) == store.claim(P).customers == 3
    lose_a_customer(redis)
    assert store.claim(P).customers == 3


def test_customers_of_an_earlier_release_are_counted_at_the_first_claim(redis, store, owned):
    redis.hdel(keys.outcome_counts(P, GROUP), "customers")
    heir = store.claim(P)
    assert heir.customers == 2
    store.save(heir, save_of(["c"], 20, new="c"))
    assert store.claim(P).customers == 3


def test_a_claim_heals_what_a_redis_that_came_back_older_stopped(redis, store, owned):
    set_back_offsets(redis)
    with pytest.raises(StateMismatch):
        store.trim(owned, 1)
    again = store.claim(P)
    assert again.offsets["orders"] == 9
    store.save(again, save_of(["a"], 15, placed=3))
    assert store.load(P, ["a"]).rows["placed"].tolist() == [3]


def test_groups_do_not_fence_each_other(redis, store, owned):
    PartitionStore(redis, "experiments").claim(P)
    store.trim(owned, 1)


def test_the_outbox_gives_the_oldest_changes_first(store, owned):
    assert store.outbox(P, count=2) == [b"one", b"two"]
    assert store.outbox(P, start=1, count=5) == [b"two", b"three"]
    assert store.outbox(P + 1) == []


@pytest.mark.parametrize(("count", "left"), [(0, [b"one", b"two", b"three"]), (2, [b"three"]), (3, []), (9, [])])
def test_trimming_drops_the_oldest_changes_only(store, owned, count, left):
    store.trim(owned, count)
    assert store.outbox(P) == left


def test_nobody_is_loaded_without_asking_redis(store):
    assert len(store.load(P, [])) == 0


@pytest.mark.parametrize("n", [0, 5, 20_000])
def test_a_scan_returns_every_customer_whole(store, n):
    owned = store.claim(P)
    store.save(owned, save_of(names(n), offset=n, new=names(n)))
    found, cursor, rounds = {}, 0, 0
    while True:
        cursor, batch = store.scan(P, cursor, 5_000)
        rounds += 1
        found |= {
            name: (int(row["gross"]), recent_of(batch, i))
            for i, (name, row) in enumerate(zip(batch.ids, batch.rows, strict=True))
        }
        if cursor == 0:
            break
    assert found == {f"c{i}": (i, [2 * i + 1, 2 * i + 2]) for i in range(n)}
    assert store.size(P) == n
    assert rounds > 1 if n > 5_000 else rounds == 1


def test_any_text_is_a_customer_id(store):
    odd = ["", "ä:ö", 'quo"ted', "{3}", "new\nline", "\0", "😀"]
    store.save(store.claim(P), save_of(odd, offset=1, new=odd))
    loaded = store.load(P, odd)
    assert loaded.known.all()
    assert sorted(store.scan(P, 0, 100)[1].ids) == sorted(odd)


def test_a_record_of_a_newer_release_is_not_guessed_at(redis, store, owned):
    redis.hset(keys.customers(P), "a", b"\x09newer")
    with pytest.raises(RecordUnreadable, match="version 9"):
        store.load(P, ["a", "b"])


def claimed_and_saved(store, *partitions):
    claimed = [store.claim(partition) for partition in partitions]
    for owned in claimed:
        mine = [f"{owned.partition}a", f"{owned.partition}b"]
        store.save(owned, save_of(mine, offset=10, new=mine))
    return claimed


@pytest.mark.parametrize("together", [0, 4_000])
def test_several_partitions_are_read_and_written_at_once(redis, store, monkeypatch, together):
    monkeypatch.setattr("state.partitions.partition_store._TOGETHER", together)
    one, two, three = claimed_and_saved(store, 0, 1, 2)
    opened = store.open_all([(one, ["0b", "new", "0a"]), (two, []), (three, ["2a"])])
    assert [each.ids for each in opened] == [["0b", "new", "0a"], [], ["2a"]]
    assert [each.known.tolist() for each in opened] == [[True, False, True], [], [True]]
    assert [each.rows["gross"].tolist() for each in opened] == [[1, 0, 0], [], [0]]
    assert [each.recent.values.tolist() for each in opened] == [[3, 4, 1, 2], [], [1, 2]]
    store.save_all([(one, save_of(["0a"], 20, placed=7)), (two, save_of([], 20)), (three, save_of(["x"], 20, new="x"))])
    assert store.load(0, ["0a"]).rows["placed"].tolist() == [7]
    assert store.load(2, ["x"]).known.all()
    assert [each.offsets["orders"] for each in (one, two, three)] == [20, 20, 20]
    store.verify([one, two, three])


@pytest.mark.parametrize("together", [0, 4_000])
def test_profiles_are_read_with_the_records_of_those_who_need_theirs(store, monkeypatch, together):
    monkeypatch.setattr("state.partitions.partition_store._TOGETHER", together)
    one, two = claimed_and_saved(store, 0, 1)
    store.save(one, save_of(["0a", "0b"], 20, profiles={"0a": b"{}", "0b": b'{"age":1}'}))
    wanted = [(one, ["0b", "new", "0a"]), (two, ["1a"])]
    assert [each.profiles for each in store.open_all(wanted, [["new", "0b"], []])] == [{0: b'{"age":1}'}, {}]
    PartitionStore(store._redis, GROUP).claim(0)
    assert [each.profiles for each in store.open_all(wanted, [["0b"], ["1a"]])] == [{}, {}]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_partition_of_several_that_was_taken_over_is_marked_and_the_others_go_on(redis, store, when):
    one, two = claimed_and_saved(store, 0, 1)
    if when == "before":
        PartitionStore(redis, GROUP).claim(1)
    opened = store.open_all([(one, ["0a"]), (two, ["1a"])])
    if when == "after":
        PartitionStore(redis, GROUP).claim(1)
    assert opened[0].known.tolist() == [True]
    store.save_all([(one, save_of(["0a"], 20, placed=7)), (two, save_of(["1a"], 20, placed=7))])
    assert (one.fenced, one.offsets["orders"]) == (None, 20)
    assert isinstance(two.fenced, Fenced)
    assert two.offsets["orders"] == 10
    assert store.load(1, ["1a"]).rows["placed"].tolist() == [1]


def test_a_redis_that_came_back_older_stops_several_at_once_and_leaves_the_connections_fit(redis, store):
    one, two = claimed_and_saved(store, 0, 1)
    redis.delete(keys.epoch(1, GROUP))
    with pytest.raises(StateMismatch, match="partition 1"):
        store.open_all([(one, ["0a"]), (two, ["1a"])])
    again = store.claim(1)
    assert [each.known.tolist() for each in store.open_all([(one, ["0a"]), (again, ["1a"])])] == [[True], [True]]
