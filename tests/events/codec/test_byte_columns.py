"""Columns of bytes hold what lists of bytes do, with a zero byte after each value."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from events.codec.byte_columns import BinaryColumn

several_values = st.lists(st.none() | st.binary(max_size=20), max_size=20)


@given(several_values)
def test_a_column_holds_what_it_is_made_of(values):
    column = BinaryColumn.of(values)
    assert len(column) == len(values)
    assert list(column) == column.tolist() == [column[i] for i in range(len(values))] == values
    assert BinaryColumn.of(column) is column


@given(several_values)
def test_a_zero_byte_follows_each_value(values):
    column = BinaryColumn.of(values)
    ends = column.starts + column.lengths
    assert not column.data[ends[column.lengths >= 0]].any()


@given(several_values, st.data())
def test_values_are_taken_by_position_by_mask_and_by_slice(values, data):
    column, n = BinaryColumn.of(values), len(values)
    places = data.draw(st.lists(st.integers(0, n - 1), max_size=9)) if n else []
    mask = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    cut = data.draw(st.slices(n))
    assert column.take(np.array(places, np.int64)) == BinaryColumn.of([values[i] for i in places])
    assert column.take(np.array(mask, np.bool_)).tolist() == [values[i] for i in range(n) if mask[i]]
    assert column[cut].tolist() == values[cut]


def test_columns_differ_from_lists_and_from_other_columns():
    assert BinaryColumn.of([b""]) != BinaryColumn.of([None])
    assert BinaryColumn.of([b"a"]) != [b"a"]
