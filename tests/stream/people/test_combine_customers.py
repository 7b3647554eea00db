"""Two records that turn out to be one person's: the same, to the last bit, as if all events had been told of one."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.customers import ProfileInput
from consumers.inputs.orders import CANCELLED, PLACED, REFUNDED, OrderColumns
from consumers.inputs.web_sessions import SessionColumns
from state.customers.profile_documents import without_field_times
from state.customers.records import CustomerBatch, pack, unpack
from stream.customers.fold import Fold, merge
from stream.people.combine_customers import combine_customers
from tests.building import HALF_LIFE_MS, examples, ints
from tests.service import EVENT_FIELDS

START = 1_700_000_000_000
FAR_MS = 4_000_000_000_000
EVERYTHING = Fold(HALF_LIFE_MS, 1_000, 1_000, 1_000)
SPREAD = np.uint64(0x9E3779B97F4A7C15)


def hashes(numbers):
    return np.array(numbers, np.uint64) * SPREAD


def orders_of(events):
    ids, kinds, times, amounts, orders = zip(*events, strict=True)
    return OrderColumns(
        ["c"] * len(ids), hashes(ids), START + ints(times), np.array(kinds, np.int8), ints(amounts), hashes(orders)
    )


def sessions_of(events):
    ids, sessions, ends, pages = zip(*events, strict=True)
    ends = START + 60_000 * ints(ends)
    return SessionColumns(
        ["c"] * len(ids), hashes(ids), ends, hashes(sessions), ints(pages), 30 * ints(pages), ints(pages) // 2
    )


def profiles_of(events):
    values = [
        json.dumps({"event_id": f"p{i}", "customer_id": "c", "occurred_at": f"2026-01-{at:02}T00:00:00Z"} | fields)
        for i, at, fields in events
    ]
    return ProfileInput(1 << 20).decode([value.encode() for value in values], FAR_MS).columns


def person(told, customer_id="c", fold=EVERYTHING):
    """The record of one customer to whom this was told, as it is after it was stored and read."""
    customers = CustomerBatch.blank([customer_id])
    for columns_of, events in zip((orders_of, sessions_of, profiles_of), told, strict=True):
        if events:
            columns = columns_of(events)
            customers.rows = merge(customers.rows, fold(customers, columns, np.zeros(len(events), np.int64)).rows)
    return stored(customers)


def stored(customers):
    read = unpack(customers.ids, pack(customers))
    read.profiles = customers.profiles
    return read


def combined(one, other, fold=EVERYTHING):
    made = combine_customers(one, other, np.zeros(1, np.int64), other.profiles, fold)
    one.rows = merge(one.rows, made.rows)
    return stored(one), int(made.matched[0])


kinds = st.sampled_from([PLACED, PLACED, CANCELLED, REFUNDED])
amounts = st.sampled_from([0, 1, 9_990, 59_900, 120_000])
order_events = st.tuples(kinds, st.integers(0, 4), amounts, st.integers(0, 4)).map(
    lambda each: each if each[3] else (REFUNDED, *each[1:])
)
session_events = st.tuples(st.integers(1, 3), st.integers(0, 9), st.integers(0, 40))
fields = st.fixed_dictionaries(
    {},
    optional={
        "age": st.sampled_from([None, 30, 40]),
        "city": st.sampled_from([None, "Porto", "Lisboa"]),
        "consent": st.sampled_from([None, {"marketing": True}, {"marketing": False}]),
        "attributes": st.sampled_from([None, {"tier": "gold"}, {"tier": None, "size": 3}]),
    },
)
profile_events = st.tuples(st.integers(1, 5), fields)


def numbered(events):
    return [(i, *each) for i, each in enumerate(events, 1)]


everything = st.tuples(
    st.lists(order_events, max_size=10).map(numbered),
    st.lists(session_events, max_size=6).map(numbered),
    st.lists(profile_events, max_size=5).map(numbered),
)


@given(everything, st.data())
@examples(300)
def test_two_records_together_are_the_record_of_all_their_events(told, data):
    which = [[data.draw(st.booleans()) for _ in events] for events in told]
    mine, theirs = (
        [
            [each for each, chosen in zip(events, flags, strict=True) if chosen is mine]
            for events, flags in zip(told, which, strict=True)
        ]
        for mine in (True, False)
    )
    found, _ = combined(person(mine), person(theirs, "visitor"))
    right = person(told)
    for name in EVENT_FIELDS:
        assert found.rows[name].tobytes() == right.rows[name].tobytes(), name
    for mine, expected in zip(found.lists, right.lists, strict=True):
        assert sorted(mine.values.tolist()) == sorted(expected.values.tolist())
    assert [without_field_times(each) for each in found.profiles.values()] == [
        without_field_times(each) for each in right.profiles.values()
    ]


def test_a_refund_finds_its_order_in_the_other_book():
    visitor = person([[(1, PLACED, 0, 80_000, 7)], [], []])
    account = person([[(2, REFUNDED, 1, 20_000, 7)], [], []])
    found, matched = combined(account, visitor)
    assert matched == 1
    assert (found.rows["placed"][0], found.rows["gross"][0], found.rows["refunded"][0]) == (1, 80_000, 20_000)


def test_an_order_that_has_left_one_book_counts_once():
    small = Fold(HALF_LIFE_MS, 2, 2, 100)
    log = [(i, PLACED, i, 1_000, i) for i in range(1, 6)]
    busy = person([log, [], []], fold=small)
    for one, other in ((busy, person([log[:1], [], []])), (person([log[:1], [], []]), busy)):
        found, _ = combined(stored(one), other, small)
        assert (found.rows["placed"][0], found.rows["gross"][0]) == (5, 5_000)
        assert found.orders.lengths.tolist() == [2]


def test_a_session_that_has_left_one_list_counts_once():
    small = Fold(HALF_LIFE_MS, 2, 2, 100)
    log = [(i, i, i, 10) for i in range(1, 6)]
    busy = person([[], log, []], fold=small)
    for one, other in ((busy, person([[], log[:1], []])), (person([[], log[:1], []]), busy)):
        found, _ = combined(stored(one), other, small)
        assert (found.rows["sessions"][0], found.rows["pages"][0]) == (5, 50)


def test_two_customers_take_in_two_others_at_once():
    customers = CustomerBatch.joined([person([[(1, PLACED, 0, 1_000, 1)], [], []], name) for name in ("a", "b", "c")])
    incoming = CustomerBatch.joined([person([[(2, PLACED, 0, 500, 2)], [], []], name) for name in ("x", "y")])
    made = combine_customers(customers, incoming, ints([2, 0]), {}, EVERYTHING)
    assert merge(customers.rows, made.rows)["gross"].tolist() == [1_500, 1_000, 1_500]


def test_the_profile_of_both_is_under_the_id_that_stays():
    visitor = person([[], [], [(1, 3, {"city": "Porto", "consent": {"marketing": False}})]], "visitor")
    account = person([[], [], [(2, 4, {"age": 40})]])
    found, _ = combined(account, visitor)
    (document,) = found.profiles.values()
    kept = without_field_times(document)
    assert (kept["age"], kept["city"], kept["consent"]) == (40, "Porto", {"marketing": False})
    newest_of_visitor = person([[], [], [(3, 9, {"city": "Faro"})]], "visitor")
    (document,) = combined(found, newest_of_visitor)[0].profiles.values()
    assert without_field_times(document)["customer_id"] == "c"
