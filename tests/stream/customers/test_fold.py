"""The fold: whatever the order and the grouping of events, the record is the same to the last bit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.columns import Columns
from consumers.inputs.orders import CANCELLED, PLACED, REFUNDED
from state.customers.records import NEVER_FIRST, NEVER_LAST, PROFILE_NUMBERS, blank_rows
from stream.customers.decay import LANDMARK_MS
from stream.customers.fold import fold, merge
from stream.customers.fold_profiles import fold_profiles
from tests.building import (
    DAY_MS,
    HALF_LIFE_MS,
    NOW_MS,
    examples,
    hashes_of,
    ints,
    order_columns,
    profile_columns,
    rows_with,
    same,
    session_columns,
)

N = 3
BUILDERS = {"order": order_columns, "session": session_columns, "profile": profile_columns}

who = st.integers(0, N - 1)
times = st.integers(NOW_MS - int(5 * HALF_LIFE_MS), NOW_MS)
an_order = st.tuples(
    st.just("order"),
    who,
    st.tuples(st.sampled_from([PLACED, PLACED, REFUNDED]), times, st.integers(0, 2**20)),
)
a_session = st.tuples(
    st.just("session"),
    who,
    st.tuples(times, st.integers(0, 1_000), st.integers(0, 604_800), st.integers(0, 50)),
)
# Few times, so that profiles of the same time are frequent; the age tells which of them was taken.
a_profile = st.tuples(
    st.just("profile"),
    who,
    st.tuples(st.integers(NOW_MS - 3, NOW_MS), st.integers(1, 40)).map(lambda pair: (*pair, pair[1])),
)
events = st.lists(an_order | a_session | a_profile, max_size=40)


def folded(some):
    """Partial records of events of all topics, given as (topic, customer, entry)."""
    rows = blank_rows(N)
    for topic, build in BUILDERS.items():
        mine = [each for each in some if each[0] == topic]
        if mine:
            slots = ints([each[1] for each in mine])
            rows = merge(rows, fold(build([each[2] for each in mine]), slots, N, HALF_LIFE_MS))
    return rows


@given(events, st.lists(st.integers(0, 5), min_size=40, max_size=40), st.randoms(use_true_random=False))
@examples(100)
def test_any_grouping_merged_in_any_order_gives_the_same_record(some, group_of, random):
    groups = {}
    for each, group in zip(random.sample(some, len(some)), group_of, strict=False):
        groups.setdefault(group, []).append(each)
    parts = random.sample([folded(group) for group in groups.values()], len(groups))
    merged = blank_rows(N)
    for part in parts:
        merged = merge(merged, part) if random.random() < 0.5 else merge(part, merged)
    assert same(merged, folded(some))


@given(events)
@examples(50)
def test_one_event_at_a_time_gives_the_same_record_as_all_at_once(some):
    rows = blank_rows(N)
    for each in some:
        rows = merge(rows, folded([each]))
    assert same(rows, folded(some))


@given(events, events, events)
@examples(50)
def test_merging_is_associative_and_commutative(one, two, three):
    a, b, c = folded(one), folded(two), folded(three)
    assert same(merge(merge(a, b), c), merge(a, merge(b, c)))
    assert same(merge(a, b), merge(b, a))


def test_a_late_order_gives_the_same_record():
    early = ("order", 0, (PLACED, NOW_MS - 100 * DAY_MS, 5_000))
    later = ("order", 0, (PLACED, NOW_MS, 7_000))
    in_time, late = merge(folded([early]), folded([later])), merge(folded([later]), folded([early]))
    assert same(in_time, late)
    assert late["first_order"][0] == NOW_MS - 100 * DAY_MS
    assert late["last_order"][0] == NOW_MS


def plain_record(some):
    """What the documentation says a record of these events holds, in plain Python."""
    orders = [entry for topic, _, entry in some if topic == "order"]
    sessions = [entry for topic, _, entry in some if topic == "session"]
    placed = [entry for entry in orders if entry[0] == PLACED]
    notes = [entry for entry in orders if entry[0] == REFUNDED]  # they name no order
    return {
        "placed": len(placed),
        "cancelled": 0,
        "refunds": 0,
        "credit_notes": len(notes),
        "gross": sum(amount for _, _, amount in placed),
        "cancelled_amount": 0,
        "refunded": 0,
        "credited": sum(amount for _, _, amount in notes),
        "first_order": min((at for _, at, _ in placed), default=NEVER_FIRST),
        "last_order": max((at for _, at, _ in placed), default=NEVER_LAST),
        "sessions": len(sessions),
        "pages": sum(entry[1] for entry in sessions),
        "duration_s": sum(entry[2] for entry in sessions),
        "cart_adds": sum(entry[3] for entry in sessions),
        "first_session": min((entry[0] for entry in sessions), default=NEVER_FIRST),
        "last_session": max((entry[0] for entry in sessions), default=NEVER_LAST),
        "profile_at": max((entry[0] for topic, _, entry in some if topic == "profile"), default=NEVER_LAST),
    }


def plain_decayed(some):
    """For each decayed field the exact sum, and the sum of its absolute terms (to which the rounding is relative)."""

    def weight(at):
        return 2.0 ** ((at - LANDMARK_MS) / HALF_LIFE_MS)

    sign = {PLACED: 1, REFUNDED: -1}
    orders = [entry for topic, _, entry in some if topic == "order"]
    terms = {
        "decayed_amount": [sign[kind] * amount * weight(at) for kind, at, amount in orders],
        "decayed_orders": [sign[kind] * weight(at) for kind, at, _ in orders if kind != REFUNDED],
        "decayed_sessions": [weight(entry[0]) for topic, _, entry in some if topic == "session"],
    }
    return {name: (math.fsum(values), math.fsum(map(abs, values))) for name, values in terms.items()}


@given(events)
@examples(100)
def test_a_record_holds_what_a_plain_loop_finds(some):
    rows = folded(some)
    for customer in range(N):
        mine = [each for each in some if each[1] == customer]
        row = rows[customer]
        expected = plain_record(mine)
        assert {name: int(row[name]) for name in expected} == expected
        for name, (exact, size) in plain_decayed(mine).items():
            assert abs(float(row[name]) - exact) <= size * 2**-16
        profiles = [entry for topic, _, entry in mine if topic == "profile"]
        newest = max(profiles, key=lambda entry: entry[:2], default=None)
        assert row["profile_event"] == (newest[1] if newest else 0)
        assert row["profile_numbers"][0] == newest[2] if newest else np.isnan(row["profile_numbers"]).all()


def test_cancelled_and_refunded_orders_do_not_move_the_order_times():
    entries = [(PLACED, 50, 100, 1), (CANCELLED, 90, 100, 1), (REFUNDED, 10, 30, 1)]
    row = fold(order_columns(entries), ints([0, 0, 0]), 1, HALF_LIFE_MS)[0]
    assert (row["first_order"], row["last_order"]) == (50, 50)


def test_an_order_cancelled_at_once_leaves_nothing_in_the_decayed_sums():
    entries = [(PLACED, NOW_MS, 4_999, 1), (CANCELLED, NOW_MS, 4_999, 1)]
    row = fold(order_columns(entries), ints([0, 0]), 1, HALF_LIFE_MS)[0]
    assert (row["decayed_orders"], row["decayed_amount"]) == (0.0, 0.0)


def test_a_refund_takes_its_amount_but_no_order_out_of_the_decayed_sums():
    both = fold(order_columns([(PLACED, 0, 8_192, 1), (REFUNDED, 0, 4_096, 1)]), ints([0, 0]), 1, HALF_LIFE_MS)[0]
    one = fold(order_columns([(PLACED, 0, 4_096)]), ints([0]), 1, HALF_LIFE_MS)[0]
    assert both["decayed_orders"] == one["decayed_orders"]
    assert both["decayed_amount"] == one["decayed_amount"]


def test_large_amounts_are_exact_to_the_thousandth():
    amounts = [999_999_999_999_999, 1, 3]
    row = fold(order_columns([(PLACED, 0, amount) for amount in amounts]), ints([0] * 3), 1, HALF_LIFE_MS)[0]
    assert row["gross"] == sum(amounts)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_the_newest_profile_wins_and_of_the_same_time_the_larger_hash(order):
    entries = [(10, 9, 1.0), (20, 5, 2.0), (20, 7, 3.0)]
    at_once = fold_profiles(profile_columns([entries[i] for i in order]), ints([0, 0, 0]), 1).rows
    assert at_once["profile_numbers"][0, 0] == 3.0
    merged = blank_rows(1)
    for i in order:
        merged = merge(merged, fold_profiles(profile_columns([entries[i]]), ints([0]), 1).rows)
    assert same(merged, at_once)


def test_the_record_that_knows_the_newer_profile_event_has_the_columns():
    older = rows_with(signed_up=5, profile_at=10, profile_event=1, profile_numbers=7.0)
    newer = rows_with(profile_at=11, profile_event=1)
    merged = merge(older, newer)
    assert same(merged, merge(newer, older))
    assert merged["signed_up"][0] == NEVER_FIRST
    assert np.isnan(merged["profile_numbers"]).all()
    assert merged["profile_numbers"].shape == (1, PROFILE_NUMBERS)


def test_merging_keeps_what_the_segmentation_wrote():
    written = {"cluster": 3, "segment": 4, "baseline": 5, "change_number": 6, "learned_at": 7, "since": 8}
    left = rows_with(**written, placed=1)
    merged = merge(left, folded([("order", 0, (PLACED, 9, 10))])[:1])
    assert {name: int(merged[name][0]) for name in written} == written
    assert merged["placed"][0] == 2


def test_merging_changes_neither_side():
    left, right = (
        folded([("profile", 0, (1, 2, 3))]),
        folded([("order", 0, (PLACED, 9, 10)), ("profile", 0, (5, 2, 3))]),
    )
    copies = left.copy(), right.copy()
    merge(left, right)
    assert same(left, copies[0])
    assert same(right, copies[1])


def test_events_without_an_owner_leave_the_others_blank():
    rows = fold(session_columns([(10, 1, 2, 3)]), ints([1]), 3, HALF_LIFE_MS)
    assert same(rows[[0, 2]], blank_rows(2))


@pytest.mark.parametrize("build", BUILDERS.values())
def test_no_events_are_blank_records(build):
    assert same(fold(build([]), ints([]), 2, HALF_LIFE_MS), blank_rows(2))


def test_columns_of_an_unknown_kind_are_refused():
    with pytest.raises(TypeError, match="no fold for Columns"):
        fold(Columns(["a"], hashes_of(1), ints([0])), ints([0]), 1, HALF_LIFE_MS)
