"""Events in columns: times, hashes, choosing some, and collecting rejections."""

import json
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.columns import Columns, Rejections, milliseconds
from consumers.inputs.orders import OrderColumns
from events.codec.id_hashes import event_hashes
from events.codec.struct_decoder import Rejection
from tests.building import examples, hashes_of, ints, names, order_columns, profile_columns, same

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def columns_at(times):
    return Columns(names(len(times)), hashes_of(len(times)), ints(times))


@given(st.integers(-(10**13), 250 * 10**12), zones)
@examples(100)
def test_a_whole_millisecond_of_any_year_and_zone_is_exact(ms, zone):
    instant = (EPOCH + timedelta(milliseconds=ms)).astimezone(zone)
    assert milliseconds([instant]).tolist() == [ms]


@given(st.integers(0, 4 * 10**15))
@examples(100)
def test_microseconds_go_to_the_nearest_millisecond(us):
    (ms,) = milliseconds([EPOCH + timedelta(microseconds=us)]).tolist()
    assert abs(ms * 1_000 - us) <= 500


def test_no_instants_are_no_milliseconds():
    assert same(milliseconds([]), ints([]))


def test_hashes_are_those_of_earlier_releases():
    """Redis holds hashes of recent events: with others, a producer's duplicate would count again after an update."""
    assert event_hashes(["order-1", "ä"], "orders").tolist() == [1798779624734779952, 7174297116145907494]


def test_an_event_id_means_another_event_in_another_topic():
    topics = ["orders", "web-sessions", "customers", "exposures", "conversions"]
    assert len({int(event_hashes(["1"], topic)[0]) for topic in topics}) == len(topics)


@given(st.lists(st.text(max_size=8), unique=True, max_size=30))
@examples(50)
def test_hashes_of_different_events_differ(event_ids):
    assert len(set(event_hashes(event_ids, "orders").tolist())) == len(event_ids)


def test_take_chooses_from_lists_and_arrays_alike():
    columns = profile_columns([(10, 1, 20.0), (20, 2, 30.0), (30, 3, 40.0)])
    taken = columns.take(ints([2, 0]))
    assert list(taken.customer_ids) == ["c2", "c0"]
    assert taken.times.tolist() == [30, 10]
    assert [json.loads(document)["age"] for document in taken.documents] == [40.0, 20.0]
    assert len(taken.documents) == len(taken) == 2


def test_take_of_nothing_is_empty():
    taken = order_columns([(0, 1, 2)]).take(ints([]))
    assert len(taken) == 0
    assert taken.amounts.dtype == np.int64


def test_without_refusals_everything_is_kept_as_it_is():
    columns, positions = columns_at([1, 2]), ints([0, 3])
    before = [Rejection(1, "bad")]
    decoding = Rejections(2).split(columns, positions, before)
    assert decoding.columns is columns
    assert decoding.positions is positions
    assert decoding.rejections == before


def test_refused_events_are_left_out_and_listed_by_their_place_in_the_slice():
    rejections = Rejections(4)
    rejections.where(np.array([False, True, False, True]), lambda i: f"event {i} is odd")
    decoding = rejections.split(
        columns_at([10, 11, 12, 13]), ints([0, 2, 5, 6]), [Rejection(1, "early"), Rejection(3, "late")]
    )
    assert decoding.columns.times.tolist() == [10, 12]
    assert decoding.positions.tolist() == [0, 5]
    assert decoding.rejections == [
        Rejection(1, "early"),
        Rejection(2, "event 1 is odd"),
        Rejection(3, "late"),
        Rejection(6, "event 3 is odd"),
    ]


def test_the_first_reason_counts():
    rejections = Rejections(1)
    rejections.where(np.array([True]), lambda _: "first")
    rejections.where(np.array([True]), lambda _: "second")
    assert [each.reason for each in rejections.split(columns_at([1]), ints([0]), []).rejections] == ["first"]


@pytest.mark.parametrize(
    ("ms", "reason"),
    [
        (0, None),
        (2_000, None),
        (-1, "occurred_at: lies before 1970-01-01, found 1969-12-31T23:59:59Z"),
        (
            2_001,
            "occurred_at: lies too far in the future, found 1970-01-01T00:00:02Z, allowed until 1970-01-01T00:00:02Z",
        ),
    ],
)
def test_times_are_allowed_from_the_earliest_to_the_latest_inclusive(ms, reason):
    rejections = Rejections(1)
    rejections.times(ints([ms]), earliest_ms=0, latest_ms=2_000)
    rejections = rejections.split(columns_at([ms]), ints([0]), []).rejections
    assert [each.reason for each in rejections] == ([] if reason is None else [reason])


def test_a_time_that_no_calendar_holds_is_still_named():
    rejections = Rejections(1)
    rejections.times(ints([2**62]), earliest_ms=0, latest_ms=2_000, name="started_at")
    (rejection,) = rejections.split(columns_at([0]), ints([0]), []).rejections
    assert rejection.reason.startswith(f"started_at: lies too far in the future, found {2**62} ms")


def test_columns_joined_are_those_events_in_a_row():
    one, two = order_columns([(0, 1, 5), (1, 2, 6)]), order_columns([(2, 3, 7)], hashes=[99])
    joined = OrderColumns.joined([one, two])
    assert list(joined.customer_ids) == ["c0", "c1", "c0"]
    assert (joined.kinds.tolist(), joined.times.tolist(), joined.amounts.tolist()) == ([0, 1, 2], [1, 2, 3], [5, 6, 7])
    assert joined.event_hashes.tolist() == [1, 2, 99]
    assert OrderColumns.joined([two]) is two
