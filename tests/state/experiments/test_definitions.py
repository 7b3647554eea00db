"""Definitions on a real Redis: an id is taken once, and of two who change a definition only one succeeds."""

import threading

import pytest

from state.experiments.definitions import ExperimentStore
from state.store import keys


@pytest.fixture
def store(redis):
    return ExperimentStore(redis)


def test_what_was_created_is_found_by_id_and_in_the_list(store):
    assert store.get("banner") is None
    assert store.all() == {}
    assert store.create("banner", '{"id":"banner"}')
    assert store.create("a.first", '{"text":"ünïcode"}')
    assert store.get("banner") == '{"id":"banner"}'
    assert list(store.all().items()) == [("a.first", '{"text":"ünïcode"}'), ("banner", '{"id":"banner"}')]


def test_an_id_that_is_taken_is_refused_and_left_as_it_is(store):
    assert store.create("banner", "1")
    assert not store.create("banner", "2")
    assert store.get("banner") == "1"
    assert store.all() == {"banner": "1"}


def test_a_definition_is_replaced_only_where_it_is_the_expected_one(store):
    store.create("banner", "1")
    assert store.replace("banner", "2", expected="1")
    assert not store.replace("banner", "3", expected="1")
    assert store.get("banner") == "2"
    assert not store.replace("nobody", "1", expected="0")
    assert store.get("nobody") is None


def test_of_many_who_change_the_same_definition_one_succeeds(store):
    store.create("banner", "old")
    start, won = threading.Barrier(8), []

    def change(mine: str) -> None:
        start.wait()
        if store.replace("banner", mine, expected="old"):
            won.append(mine)

    threads = [threading.Thread(target=change, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.get("banner") == won[0]


def test_an_id_whose_definition_was_never_written_is_not_listed(redis, store):
    redis.sadd(keys.EXPERIMENTS, "half")
    assert store.all() == {}
    assert store.create("half", "1")
    assert store.all() == {"half": "1"}
