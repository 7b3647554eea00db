"""One partition's part of a micro-batch: whose events they are, and what becomes of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.runtime import partition_batch
from consumers.runtime.partition_batch import PartitionBatch, TopicEvents
from tests.building import both_ways, examples, ints, order_columns, session_columns, topic_slice

customer_ids = st.lists(st.sampled_from(["a", "b", "c", "a\0", "", "nan", "None", "é", "e\u0301"]), max_size=12)


def events(columns, topic="orders"):
    n = len(columns)
    messages = topic_slice(topic, [(0, 10 + i, b"k", str(i).encode()) for i in range(n)])
    return TopicEvents(columns, messages, ints(range(n)))


def orders_of(ids, times=None):
    columns = order_columns([(0, 1_000 + i, 1) for i in range(len(ids))])
    return replace(columns, customer_ids=ids, times=ints(times) if times else columns.times)


def sessions_of(ids):
    return replace(session_columns([(2_000 + i, 1, 1, 0) for i in range(len(ids))]), customer_ids=ids)


way = both_ways(partition_batch)


@pytest.mark.usefixtures("way")
@given(customer_ids, customer_ids)
@examples(100)
def test_each_customer_is_listed_once_and_each_event_points_at_its_own(ordering, visiting):
    batch = PartitionBatch(0, {"orders": events(orders_of(ordering)), "web-sessions": events(sessions_of(visiting))})
    ids, slots = batch.customer_ids()
    assert ids == list(dict.fromkeys(ordering + visiting))
    assert [ids[slot] for slot in slots["orders"]] == ordering
    assert [ids[slot] for slot in slots["web-sessions"]] == visiting


def test_a_batch_without_events_has_no_customers():
    assert PartitionBatch(0).customer_ids() == ([], {})
    ids, slots = PartitionBatch(0, {"orders": events(orders_of([]))}).customer_ids()
    assert (ids, slots["orders"].tolist()) == ([], [])


def test_take_keeps_events_beside_their_messages():
    part = events(orders_of(["a", "b", "c"])).take(ints([2, 0]))
    assert part.columns.customer_ids == ["c", "a"]
    assert [part.messages.values[i] for i in part.positions.tolist()] == [b"2", b"0"]
    again = part.take(ints([1]))
    assert (again.columns.customer_ids, again.positions.tolist()) == (["a"], [0])


def test_fates_add_up_and_a_fate_of_nobody_is_not_listed():
    batch = PartitionBatch(0)
    batch.count("orders", "applied", 3)
    batch.count("orders", "applied", 4)
    batch.count("orders", "duplicate", 0)
    batch.count("web-sessions", "applied", 1)
    assert batch.outcome_counts == {"orders:applied": 7, "web-sessions:applied": 1}


@pytest.mark.parametrize(
    ("parts", "latest"),
    [
        ({}, 0),
        ({"orders": []}, 0),
        ({"orders": [5, 9, 7]}, 9),
        ({"orders": [5], "web-sessions": [11, 3]}, 11),
        ({"orders": [5], "web-sessions": []}, 5),
    ],
)
def test_the_latest_time_is_the_largest_of_all_topics(parts, latest):
    made = {topic: events(orders_of(["a"] * len(times), times or None), topic) for topic, times in parts.items()}
    assert PartitionBatch(0, made).latest_ms() == latest
