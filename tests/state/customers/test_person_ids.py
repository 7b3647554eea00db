"""The ids of a person on a real Redis: whichever id is asked for, all that went up in one another are found."""

import itertools

import pytest

from events.topics.partitioning import partition_of
from state.customers.current_segment_keys import SegmentViews
from state.customers.person_ids import PersonIds, PersonIdsReader
from state.store import keys
from tests.building import change_of, merge_of

PARTITIONS = 4


@pytest.fixture
def reader(redis):
    return PersonIdsReader(redis, PARTITIONS)


def went_up(redis, survivor, *ids):
    redis.sadd(keys.aliases(partition_of(survivor, PARTITIONS), survivor), *ids)


def test_whoever_was_never_merged_is_a_person_of_one_id(reader):
    assert reader.one("anna") == PersonIds("anna", [])
    assert reader.many([]) == []


def test_each_id_of_a_chain_leads_to_the_whole_person(redis, reader):
    SegmentViews(redis).write([merge_of("a", 2, "b"), merge_of("b", 1, "c"), change_of("c", 1), change_of("d", 1)])
    went_up(redis, "c", "a", "b")
    whole = PersonIds("c", ["a", "b"])
    assert reader.many(["a", "b", "c", "d"]) == [whole, whole, whole, PersonIds("d", [])]
    assert whole.all == ["c", "a", "b"]


def test_a_cookie_that_was_renewed_each_day_for_a_year_leads_to_the_person(redis, reader):
    names = [f"v{day}" for day in range(400)]
    SegmentViews(redis).write([merge_of(old, 2, new) for old, new in itertools.pairwise(names)])
    SegmentViews(redis).write([change_of(names[-1], 1)])
    assert reader.one("v0").customer_id == "v399"
    assert SegmentViews(redis).read("v0").change_id == "v399:1"


def test_an_id_whose_record_is_on_its_way_is_one_of_the_person_already(redis, reader):
    SegmentViews(redis).write([merge_of("visitor", 1, "anna")])
    assert reader.one("visitor") == PersonIds("anna", ["visitor"])
