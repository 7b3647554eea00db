"""The order book against plain Python: whatever is told of orders, in whatever order and pieces, each counts once."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.orders import CANCELLED, PLACED, REFUNDED, OrderColumns
from state.customers.order_entries import LARGE_AMOUNT
from state.customers.records import CustomerBatch, blank_rows, pack, unpack
from stream.customers.fold import Fold, merge
from stream.customers.outcomes import APPLIED, DUPLICATE, SETTLED, UNMATCHED
from tests.building import examples, ints, names

HALF_LIFE_MS = 90 * 86_400_000.0
EVERYTHING = Fold(HALF_LIFE_MS, 1_000, 1_000, 1_000)
START = 1_700_000_000_000
COUNTED = ("placed", "gross", "refunds", "refunded", "cancelled", "cancelled_amount", "credit_notes", "credited")


def told(kind, order, at=0, amount=10_000, event=None, customer=0):
    """An event: (customer, event, kind, time, amount, order), `order` 0 for a credit note."""
    return (customer, event if event is not None else hash((kind, order, at, amount)) & 0xFFFF, kind, at, amount, order)


def columns(events):
    customers, ids, kinds, times, amounts, orders = zip(*events, strict=True) if events else [()] * 6
    spread = np.uint64(0x9E3779B97F4A7C15)
    return OrderColumns(
        [f"c{i}" for i in customers],
        np.array(ids, np.uint64) * spread + np.uint64(1),
        START + ints(times),
        np.array(kinds, np.int8),
        ints(amounts),
        np.array(orders, np.uint64) * spread,
    )


def folded(batches, n=2, fold=EVERYTHING):
    """The records after these batches, each stored and read again, and what became of the events."""
    customers, outcomes = CustomerBatch.blank(names(n)), []
    for events in batches:
        made = fold(customers, columns(events), ints([each[0] for each in events]))
        customers.rows = merge(customers.rows, made.rows)
        outcomes += made.outcomes.tolist()
        customers = unpack(customers.ids, pack(customers))
    return customers, outcomes


def expected(events, n=2):
    """The sums of all events by plain Python."""
    rows = [dict.fromkeys(COUNTED, 0) for _ in range(n)]
    orders, seen = defaultdict(lambda: {"told": [], "back": 0, "refunds": 0, "cancelled": False}), set()
    for customer, event, kind, at, amount, order in events:
        if kind == REFUNDED:
            if (customer, event) in seen:
                continue
            seen.add((customer, event))
        if not order:
            rows[customer]["credit_notes"] += 1
            rows[customer]["credited"] += amount
            continue
        book = orders[customer, order]
        if kind == PLACED:
            book["told"].append((at, amount))
        elif kind == REFUNDED:
            book["back"] += amount
            book["refunds"] += 1
        else:
            book["cancelled"] = True
    for (customer, _), book in orders.items():
        if book["told"]:
            amount = max(book["told"])[1]
            refunded = min(book["back"], amount)
            made = {"placed": 1, "gross": amount, "refunds": book["refunds"], "refunded": refunded}
            if book["cancelled"]:
                made |= {"cancelled": 1, "cancelled_amount": amount - refunded}
            for name, value in made.items():
                rows[customer][name] += value
    return rows


def sums(customers):
    return [{name: int(row[name]) for name in COUNTED} for row in customers.rows]


ordinary = st.sampled_from([0, 1, 9_990, 59_900, 120_000])
any_amount = ordinary | st.sampled_from([LARGE_AMOUNT - 1, LARGE_AMOUNT, 10**15])


def event_lists(amounts):
    """Some events of two customers about four orders, and credit notes."""
    who, at = st.integers(0, 1), st.integers(0, 4)
    kinds = st.sampled_from([PLACED, PLACED, CANCELLED, REFUNDED])
    about_orders = st.tuples(who, st.integers(0, 30), kinds, at, amounts, st.integers(1, 4))
    credit_notes = st.tuples(who, st.integers(31, 40), st.just(REFUNDED), at, amounts, st.just(0))
    return st.lists(about_orders | credit_notes, max_size=14).map(distinct)


def distinct(found):
    """Events with one content each, as event ids are."""
    return list({each[:2]: each for each in found}.values())


def shuffled(data, events):
    """The events with some of them repeated, in any order and in up to five batches."""
    repeated = data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
    sent = data.draw(st.permutations(events + repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=4)))
    return [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]


@given(event_lists(any_amount), st.data())
@examples(200)
def test_any_order_repetition_and_grouping_gives_the_sums_of_plain_python(events, data):
    customers, outcomes = folded(batches := shuffled(data, events))
    assert sums(customers) == expected(events)
    assert len(outcomes) == sum(map(len, batches))


@given(event_lists(ordinary), st.data())
@examples(100)
def test_any_order_repetition_and_grouping_gives_the_same_record_to_the_last_bit(events, data):
    customers, once = folded(shuffled(data, events))[0], folded([events])[0]
    for name in customers.rows.dtype.names:
        assert customers.rows[name].tobytes() == once.rows[name].tobytes(), name


@given(event_lists(any_amount))
@examples(100)
def test_what_was_told_again_changes_nothing_and_is_a_duplicate(given_events):
    customers, _ = folded([given_events])
    before = sums(customers)
    made = EVERYTHING(customers, columns(given_events), ints([each[0] for each in given_events]))
    assert set(made.outcomes.tolist()) <= {DUPLICATE}
    assert not made.active.any()
    assert not made.corrected.any()
    customers.rows = merge(customers.rows, made.rows)
    assert sums(customers) == before


def test_an_order_told_three_times_is_one_order():
    sent = [told(PLACED, 77, at=at, amount=59_900, event=at) for at in range(3)]
    customers, outcomes = folded([[each] for each in sent])
    assert (customers.rows["placed"][0], customers.rows["gross"][0]) == (1, 59_900)
    assert outcomes == [APPLIED] * 3
    assert folded([sent[::-1]])[1] == [APPLIED, DUPLICATE, DUPLICATE]


def test_refunded_and_cancelled_take_back_no_more_than_the_order():
    sent = [told(PLACED, 100, amount=80_000), told(PLACED, 101, amount=20_000)]
    sent += [told(REFUNDED, 100, at=1, amount=80_000), told(CANCELLED, 100, at=2, amount=80_000)]
    row = folded([sent])[0].rows[0]
    assert row["gross"] - row["refunded"] - row["cancelled_amount"] == 20_000
    assert row["placed"] - row["cancelled"] == 1


def test_an_edited_total_is_an_edit_whichever_comes_first():
    first, edited = told(PLACED, 1, at=0, amount=50_000), told(PLACED, 1, at=5, amount=45_000)
    for batches in ([[first], [edited]], [[edited], [first]], [[edited, first]]):
        row = folded(batches)[0].rows[0]
        assert (row["placed"], row["gross"]) == (1, 45_000)
        assert (row["first_order"], row["last_order"]) == (START, START + 5)


def test_what_is_taken_back_before_its_order_waits_for_it():
    back, order = told(CANCELLED, 1, at=3, amount=75_000), told(PLACED, 1, at=0, amount=75_000)
    customers, outcomes = folded([[back]])
    assert outcomes == [UNMATCHED]
    assert sums(customers)[0] == dict.fromkeys(COUNTED, 0)
    customers, outcomes = folded([[back], [order]])
    assert outcomes == [UNMATCHED, APPLIED]
    row = customers.rows[0]
    assert (row["placed"], row["cancelled"], row["gross"], row["cancelled_amount"]) == (1, 1, 75_000, 75_000)


def test_a_cancelled_order_leaves_nothing_in_the_decayed_sums():
    row = folded([[told(PLACED, 1)], [told(CANCELLED, 1, at=9)]])[0].rows[0]
    assert (row["decayed_orders"], row["decayed_amount"]) == (0.0, 0.0)


@pytest.mark.parametrize("split", [1, 7, 100])
def test_an_order_out_of_the_window_is_settled_and_told_again_changes_nothing(split):
    small = Fold(HALF_LIFE_MS, 3, 3, 100)
    sent = [told(PLACED, order, at=order, event=order) for order in range(1, 11)]
    customers, _ = folded([sent[i : i + split] for i in range(0, 10, split)], fold=small)
    assert customers.orders.lengths.tolist() == [3, 0]
    assert customers.rows["placed"][0] == 10
    again = [*sent, told(REFUNDED, 2, at=20, event=50), told(CANCELLED, 9, at=20, event=51)]
    made = small(customers, columns(again), ints([0] * len(again)))
    assert made.outcomes.tolist() == [SETTLED] * 7 + [DUPLICATE] * 3 + [SETTLED, APPLIED]
    assert merge(customers.rows, made.rows)["placed"][0] == 10


@st.composite
def arrivals(draw):
    """Events about more orders than a book keeps, as they arrive, some of them repeated, and cuts into batches.

    Nothing waits for its order: of what waits, the oldest is let go where there is more than a book keeps.
    """
    kinds = st.sampled_from([PLACED, PLACED, PLACED, CANCELLED, REFUNDED])
    drawn = draw(st.lists(st.tuples(kinds, st.integers(1, 6), st.integers(0, 9), ordinary), max_size=24))
    events = [
        told(
            kind if order in {each[1] for each in drawn[:place]} else PLACED,
            order,
            at=at,
            amount=amount,
            event=place,
            customer=order % 2,
        )
        for place, (kind, order, at, amount) in enumerate(drawn)
    ]
    for again in draw(st.lists(st.sampled_from(events), max_size=3)) if events else []:
        events.insert(draw(st.integers(events.index(again) + 1, len(events))), again)
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), max_size=4)))
    return events, [events[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]


def counted(batches, fold):
    """The records after these batches, and how many events have which outcome, those that were matched since too."""
    customers, counts = CustomerBatch.blank(names(2)), np.zeros(4, np.int64)
    for events in batches:
        made = fold(customers, columns(events), ints([each[0] for each in events]))
        customers.rows = merge(customers.rows, made.rows)
        counts += np.bincount(made.outcomes, minlength=4)
        counts[UNMATCHED] -= made.matched.sum()
        counts[APPLIED] += made.matched.sum()
    return customers, counts.tolist()


@given(arrivals())
@examples(300)
def test_what_comes_too_late_for_the_book_does_not_depend_on_the_batches(arrival):
    """The same events in the same order: which orders have left the book, and which events come after that."""
    small, (events, batches) = Fold(HALF_LIFE_MS, 2, 2, 100), arrival
    customers, outcomes = counted([[each] for each in events], small)
    together, found = counted(batches, small)
    assert sums(together) == sums(customers)
    assert found == outcomes
    for name in ("orders", "returns"):
        assert sorted(getattr(together, name).values.tolist()) == sorted(getattr(customers, name).values.tolist())


def test_an_edit_after_its_order_left_the_book_is_settled_in_one_batch_too():
    small = Fold(HALF_LIFE_MS, 3, 3, 100)
    sent = [told(PLACED, order, at=order, event=order) for order in range(1, 6)]
    sent += [
        told(PLACED, 1, at=9, amount=1, event=6),
        told(CANCELLED, 2, at=9, event=7),
        told(CANCELLED, 5, at=9, event=8),
    ]
    customers, outcomes = folded([sent], fold=small)
    assert outcomes == [APPLIED] * 5 + [SETTLED, SETTLED, APPLIED]
    assert (customers.rows["placed"][0], customers.rows["cancelled"][0]) == (5, 1)
    assert customers.rows["gross"][0] == 50_000


@pytest.mark.parametrize("split", [1, 2])
def test_a_refund_of_a_settled_order_that_is_repeated_is_settled_both_times(split):
    small = Fold(HALF_LIFE_MS, 3, 3, 100)
    sent = [[told(PLACED, order, at=order, event=order)] for order in range(1, 6)]
    refunds = [told(REFUNDED, 1, at=20, event=50)] * 2
    _, outcomes = folded([*sent, *(refunds[i : i + split] for i in range(0, 2, split))], fold=small)
    assert outcomes == [APPLIED] * 5 + [SETTLED] * 2


def test_events_of_records_written_before_there_were_books_are_recognised():
    customers = CustomerBatch.blank(names(1))
    customers.recent = customers.recent.appended(ints([0]), columns([told(PLACED, 1, event=5)]).event_hashes)
    made = EVERYTHING(customers, columns([told(PLACED, 1, event=5), told(PLACED, 2, event=6)]), ints([0, 0]))
    assert made.outcomes.tolist() == [DUPLICATE, APPLIED]


def test_no_orders_are_folded_into_nothing():
    rows = EVERYTHING(CustomerBatch.blank(["a"]), columns([]), ints([])).rows
    assert rows.tobytes() == blank_rows(1).tobytes()
