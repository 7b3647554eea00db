"""`segment:<customer_id>` on a real Redis: the newest change wins in any order of writes, whatever the id is."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.customers.current_segment_keys import SegmentView, SegmentViews
from tests.building import change_of, examples

ODD_IDS = [
    *('x:5"}', ':5"}', '"change_id":"y:99"}', 'quo"te', "back\\slash", "a:b:c", "7", ":7", "new\nline", "\0"),
    *("ünïcode", "😀:3", "%d", "{tag}", "c*?[a]", " ", "x" * 128),
]


@pytest.fixture
def views(redis):
    return SegmentViews(redis)


def test_the_newest_change_wins_in_any_order_of_writes(views):
    for order in itertools.permutations([1, 2, 9, 10]):
        customer = f"c{order}"
        for number in order:
            views.write([change_of(customer, number, f"s{number}")])
        assert views.read(customer).change_id == f"{customer}:10"
        assert views.read(customer).segment_id == "s10"


@given(st.text(min_size=1, max_size=20) | st.sampled_from(ODD_IDS), st.permutations([8, 9, 10, 100]))
@examples(50)
def test_the_newest_change_wins_whatever_the_customer_is_called(redis, customer, order):
    redis.flushdb()
    views = SegmentViews(redis)
    for number in order:
        views.write([change_of(customer, number)])
    assert views.read(customer).change_id == f"{customer}:100"


@pytest.mark.parametrize("customer", ODD_IDS)
def test_the_number_is_read_from_the_end_of_any_id(views, customer):
    assert views.write([change_of(customer, 3, "s3")]) == 1
    assert views.write([change_of(customer, 2, "s2")]) == 0
    assert views.write([change_of(customer, 4, "s4")]) == 1
    assert views.read(customer).segment_id == "s4"


def test_of_several_changes_of_one_customer_in_one_call_the_last_counts(views):
    changes = [change_of("a", 1, "s1"), change_of("b", 1, "s5"), change_of("a", 2, "s2"), change_of("a", 3, "s3")]
    assert views.write(changes) == 2
    assert (views.read("a").segment_id, views.read("b").segment_id) == ("s3", "s5")


def test_a_change_sent_again_gives_the_same_view(redis, views):
    views.write([change_of("a", 1), change_of("a", 2)])
    before = redis.get("segment:a")
    assert views.write([change_of("a", 2)]) == 1
    assert redis.get("segment:a") == before


def test_a_reader_finds_all_its_fields_in_one_get(redis, views):
    views.write([change_of("a", 12, "s3", previous="s1")])
    assert json.loads(redis.get("segment:a")) == {
        "segment_id": "s3",
        "segment": "Segment s3",
        "since": "2026-01-01T00:00:00.000Z",
        "previous": "s1",
        "baseline": 1,
        "change_id": "a:12",
    }
    assert views.read("a") == SegmentView("s3", "Segment s3", "2026-01-01T00:00:00.000Z", "s1", 1, "a:12")


def test_the_change_id_stands_last_since_its_number_orders_the_writes(redis, views):
    views.write([change_of("a", 12)])
    assert redis.get("segment:a").endswith(b'"change_id":"a:12"}')


def test_an_unknown_customer_has_no_view(views):
    assert views.read("nobody") is None


def test_nothing_is_written_for_no_changes(redis, views):
    assert views.write([]) == 0
    assert redis.dbsize() == 0


def test_more_customers_than_one_script_call_takes_are_all_written(redis, views):
    assert views.write([change_of(f"c{i}", 2) for i in range(4_500)]) == 4_500
    assert views.write([change_of(f"c{i}", 1 + 2 * (i % 2)) for i in range(4_500)]) == 2_250
    assert redis.dbsize() == 4_500
    assert [views.read(f"c{i}").change_id for i in (0, 2_000, 2_001, 4_499)] == [
        *("c0:2", "c2000:2", "c2001:3", "c4499:3")
    ]
