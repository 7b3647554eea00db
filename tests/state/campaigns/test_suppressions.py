"""Suppressions on a real Redis."""

import pytest

from state.campaigns.suppressions import ALL, SuppressionStore, campaign_scope, segment_scope

SPRING, LOYAL = campaign_scope("spring"), segment_scope("s3")


@pytest.fixture
def store(redis):
    return SuppressionStore(redis)


def test_customers_are_left_out_and_let_in_again(store):
    assert store.add(ALL, ["a", "b", "a"]) == 2
    assert store.add(ALL, ["b", "ünï code"]) == 1
    assert set(store.members(ALL)) == {"a", "b", "ünï code"}
    assert store.remove(ALL, ["a", "stranger"]) == 1
    assert store.are_suppressed(["a", "b", "ünï code", "stranger"]) == [False, True, True, False]


def test_a_person_is_let_in_again_under_all_ids(store):
    store.add(ALL, ["visitor", "other"])
    store.add(SPRING, ["visitor"])
    assert store.remove_people(ALL, [["anna", "visitor"], ["stranger"]]) == 1
    assert store.are_any_suppressed([["anna", "visitor"], ["other"]]) == [False, True]
    assert store.scopes_of("visitor") == [SPRING]
    assert store.remove_people(ALL, []) == 0


def test_scopes_are_apart(store):
    store.add(ALL, ["a"])
    store.add(SPRING, ["b", "c"])
    store.add(LOYAL, ["c"])
    assert store.scopes() == {"all": 1, "campaign:spring": 2, "segment:s3": 1}
    assert store.are_suppressed(["a", "b", "c", "d"], [ALL, SPRING]) == [True, True, True, False]
    assert store.are_suppressed(["a", "b", "c", "d"], [LOYAL]) == [False, False, True, False]
    assert store.scopes_of("c") == ["campaign:spring", "segment:s3"]
    store.remove(LOYAL, ["c"])
    assert store.scopes() == {"all": 1, "campaign:spring": 2}


def test_nobody_and_no_scope_are_answered_without_asking(store):
    assert store.are_suppressed([]) == []
    assert store.are_suppressed(["a"], []) == [False]
    assert store.add(ALL, []) == 0
    assert store.scopes() == {}
    assert list(store.members(ALL)) == []


def test_a_forgotten_customer_is_in_no_scope(redis, store):
    for scope in (ALL, SPRING, LOYAL):
        store.add(scope, ["a", "b"])
    assert store.remove_everywhere("a") == 3
    assert store.scopes_of("a") == []
    assert store.scopes_of("b") == ["all", "campaign:spring", "segment:s3"]
    assert not any(redis.sismember(key, "a") for key in redis.keys("suppressed:*"))


def test_a_long_list_is_stored_and_checked_whole(store):
    ids = [f"c{number}" for number in range(12_345)]
    assert store.add(SPRING, iter(ids)) == 12_345
    assert store.are_suppressed([*ids, "d"], [SPRING]) == [True] * 12_345 + [False]
    assert sorted(store.members(SPRING)) == sorted(ids)
    assert store.remove(SPRING, ids[1:]) == 12_344
    assert list(store.members(SPRING)) == ["c0"]
