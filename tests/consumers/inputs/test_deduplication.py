"""A producer's duplicates are recognised as plain per-customer lists with a window would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.deduplication import first_occurrences
from tests.building import batch_of, examples, ints, names

N = 3
one_event = st.tuples(st.integers(0, N - 1), st.integers(1, 8))
micro_batches = st.lists(st.lists(one_event, max_size=15), max_size=6)


def hashes(values):
    return np.array(values, np.uint64)


def batch_with(recent):
    """Customers with these recent hashes."""
    return batch_of(names(len(recent)), recent=recent)


def recent_of(batch):
    lists = batch.recent
    return [lists.values[a:b].tolist() for a, b in zip(lists.starts[:-1], lists.starts[1:], strict=True)]


def take_in(batch, events, window):
    """One micro-batch as the handler takes it in; return which events are new."""
    slots, event_hashes = ints([slot for slot, _ in events]), hashes([event for _, event in events])
    fresh = first_occurrences(batch.recent, slots, event_hashes)
    batch.recent = batch.recent.appended(slots[fresh], event_hashes[fresh]).newest(window)
    return fresh.tolist()


@given(micro_batches, st.integers(0, 6))
@examples(100)
def test_it_does_as_plain_lists_would(batches, window):
    customers, lists = batch_with([[]] * N), [[] for _ in range(N)]
    for events in batches:
        seen, expected = [list(each) for each in lists], []
        for slot, event in events:
            expected.append(event not in seen[slot])
            if expected[-1]:
                seen[slot].append(event)
        lists = [each[max(0, len(each) - window) :] for each in seen]
        assert take_in(customers, events, window) == expected
        assert recent_of(customers) == lists


def test_the_same_event_again_is_new_only_once():
    customers = batch_with([[]])
    assert take_in(customers, [(0, 7)], 4) == [True]
    assert take_in(customers, [(0, 7)], 4) == [False]


def test_of_repeats_in_one_batch_the_first_counts():
    assert take_in(batch_with([[]]), [(0, 7), (0, 8), (0, 7), (0, 7)], 4) == [True, True, False, False]


def test_another_customers_event_is_no_repeat():
    assert take_in(batch_with([[7], []]), [(1, 7), (0, 7)], 4) == [True, False]


def test_a_repeat_older_than_the_window_is_taken_for_new():
    customers = batch_with([[1, 2, 3]])
    take_in(customers, [(0, 4)], 3)
    assert recent_of(customers) == [[2, 3, 4]]
    assert take_in(customers, [(0, 1), (0, 2)], 3) == [True, False]


def test_without_a_window_only_repeats_within_a_batch_are_found():
    customers = batch_with([[]])
    assert take_in(customers, [(0, 7), (0, 7)], 0) == [True, False]
    assert take_in(customers, [(0, 7)], 0) == [True]


def test_a_smaller_window_shortens_what_was_remembered_under_a_larger_one():
    customers = batch_with([[1, 2, 3, 4], [5]])
    take_in(customers, [], 2)
    assert recent_of(customers) == [[3, 4], [5]]


@pytest.mark.parametrize("events", [[], [(0, 2**64 - 1), (1, 2**64 - 1)]])
def test_hashes_of_any_size_and_batches_without_events(events):
    customers = batch_with([[], [2**64 - 1]])
    assert take_in(customers, events, 4) == [True, False][: len(events)]
