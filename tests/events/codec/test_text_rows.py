"""Rows of text from columns: the same with the compiled loop and without."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.codec import text_rows
from events.codec.text_rows import Table, build_rows
from tests.building import examples


def plainly(n, *parts):
    return [
        b"".join(row) for row in zip(*[text_rows._column(n, text_rows._plain(part)) for part in parts], strict=True)
    ]


@st.composite
def columns(draw):
    """A number of rows, and parts of every kind."""
    n = draw(st.integers(0, 6))
    table = draw(st.lists(st.binary(max_size=9), min_size=1, max_size=4))
    of_each_row = {"min_size": n, "max_size": n}
    part = st.one_of(
        st.binary(max_size=9),
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), **of_each_row),
        st.lists(st.integers(0, 2**63 - 1), **of_each_row).map(lambda found: np.array(found, np.int64)),
        st.lists(st.integers(-len(table), len(table) - 1), **of_each_row).map(
            lambda found: (np.array(found, np.int64), Table(table))
        ),
    )
    return n, draw(st.lists(part, min_size=1, max_size=6))


@given(columns())
@examples(300)
def test_rows_are_their_parts_one_after_the_other(given_columns):
    n, parts = given_columns
    assert build_rows(n, *parts) == plainly(n, *parts)


def test_a_column_may_be_every_other_number_of_an_array():
    assert build_rows(2, np.array([1, 2, 3, 4])[::2]) == [b"1", b"3"]


@pytest.mark.parametrize("place", [2, -3])
def test_a_place_that_the_table_does_not_have_is_refused(place):
    with pytest.raises(IndexError):
        build_rows(1, (np.array([place]), Table([b"a", b"b"])))


@pytest.mark.parametrize("part", [["a"], np.array([1])])
def test_a_column_of_another_length_is_refused(part):
    with pytest.raises(ValueError, match=r"2 rows|shorter|longer"):
        build_rows(2, b"x", part)
