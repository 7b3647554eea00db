"""Logs and exposed customers come back as they were written, and what is not theirs is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.customers.variable_length_values import ValueUnreadable
from state.experiments.exposed_customers import NEVER, ExposedCustomers
from state.experiments.purchase_logs import ENTRY, PurchaseLogs
from tests.building import examples, names

words = st.integers(0, 2**63 - 1)
entry = st.tuples(st.integers(0, 2**50), words, st.integers(-(2**60), 2**60), words)
logs = st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 2**45), st.lists(entry, max_size=4))), max_size=5)


def log_of(reach, entries):
    rows = np.array(entries, ENTRY)
    return PurchaseLogs(["c"], np.ones(1, bool), np.array([reach]), rows, np.array([0, len(rows)])).pack()[0]


@given(made=logs)
@examples(100)
def test_logs_come_back(made):
    values = [None if each is None else log_of(*each) for each in made]
    read = PurchaseLogs.unpack(names(len(made)), values)
    assert read.known.tolist() == [each is not None for each in made]
    assert read.reach.tolist() == [0 if each is None else each[0] for each in made]
    for i, each in enumerate(made):
        assert read.entries[read.starts[i] : read.starts[i + 1]].tolist() == ([] if each is None else each[1])
    present = np.flatnonzero(read.known)
    assert read.take(present).pack() == [value for value in values if value is not None]


def test_added_entries_stand_with_their_customers():
    read = PurchaseLogs.unpack(["a", "b"], [log_of(0, [(1, 1, 1, 1)]), None])
    more = read.with_entries(np.array([1, 0, 1]), np.array([(2, 2, 2, 2), (3, 3, 3, 3), (4, 4, 4, 4)], ENTRY))
    assert more.owners.tolist() == [0, 0, 1, 1]
    assert more.entries["stamp"].tolist() == [1, 3, 2, 4]
    assert more.only(more.entries["stamp"] > 2, read.reach).entries["stamp"].tolist() == [3, 4]


def test_exposed_customers_come_back():
    read = ExposedCustomers.unpack([None, None])
    assert read.rows["first_at"].tolist() == [NEVER, NEVER]
    assert not read.exposed.any()
    read.rows["exposures"], read.rows["revenue"] = [0, 7], [0, -5]
    read.recent, read.starts = np.array([8, 9], np.uint64), np.array([0, 0, 2])
    again = ExposedCustomers.unpack([None, *read.pack(np.array([1]))])
    assert again.rows.tobytes() == read.rows.tobytes()
    assert again.known.tolist() == [False, True]
    assert again.recent.tolist() == [8, 9]


@pytest.mark.parametrize("value", [b"", b"\x01" * 7, bytes(16), bytes(80)])
def test_other_values_are_refused(value):
    with pytest.raises(ValueUnreadable):
        PurchaseLogs.unpack(["c"], [value])
    with pytest.raises(ValueUnreadable):
        ExposedCustomers.unpack([value])
