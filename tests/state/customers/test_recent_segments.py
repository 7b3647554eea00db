"""The segments that a record remembers, against a list of all moves."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from state.customers.recent_segments import earlier_segments, push_current_segment, segments_held_at
from state.customers.records import EARLIER_SEGMENTS, blank_rows, pack, unpack
from tests.building import batch_of, examples, ints

moves = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 40)), max_size=7)


def moved(rows, place, segment, at_ms):
    """Move one row as `stream.moves.segmentation` does."""
    push_current_segment(rows, ints([place]))
    rows["segment"][place], rows["since"][place] = segment, at_ms
    rows["change_number"][place] += 1


def held(history, at_ms):
    """What a customer with this whole history, oldest first, held at a time; None where that is forgotten."""
    remembered = history[-EARLIER_SEGMENTS - 1 :]
    for since, segment in reversed(remembered):
        if since <= at_ms:
            return f"s{segment}"
    return "none" if len(remembered) == len(history) else "unknown"


@given(st.lists(moves, min_size=1, max_size=5), st.integers(-1, 60))
@examples(200)
def test_the_segment_at_a_time_is_that_of_the_moves_so_far(histories, at_ms):
    rows = blank_rows(len(histories))
    for place, history in enumerate(histories):
        history.sort(key=lambda move: move[0])
        for since, segment in history:
            moved(rows, place, segment, since)
    assert segments_held_at(rows, np.full(len(rows), at_ms)) == [held(history, at_ms) for history in histories]


def test_a_record_that_took_over_a_published_segment_does_not_pretend_to_know_what_was_before():
    rows = blank_rows(1)
    rows["segment"], rows["since"], rows["change_number"] = 3, 100, 5
    assert segments_held_at(rows, ints([99])) == ["unknown"]
    assert segments_held_at(rows, ints([100])) == ["s3"]


def test_earlier_segments_come_back_from_redis_latest_first():
    rows = blank_rows(2)
    for segment, since in ((4, 1_700_000_000_000), (2, 1_700_000_000_500), (65_535, 1_800_000_000_000)):
        moved(rows, 0, segment, since)
    batch = batch_of(["a", "b"], rows)
    read = unpack(["a", "b"], pack(batch)).rows
    assert earlier_segments(read) == [[("s2", 1_700_000_000_500), ("s4", 1_700_000_000_000)], []]


def test_a_time_before_1970_is_kept_as_1970():
    rows = blank_rows(1)
    moved(rows, 0, 1, -5)
    moved(rows, 0, 2, 10)
    assert earlier_segments(rows) == [[("s1", 0)]]
