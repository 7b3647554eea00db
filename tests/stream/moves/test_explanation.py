"""The sentence says what a person would want to know, and never fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.segment_changes import make_change, make_moved_feature
from stream.moves.explanation import explain_change
from tests.building import examples

figures = st.none() | st.floats(-1e9, 1e9)
features = st.sampled_from(["recency", "frequency", "monetary", "tenure", "engagement", "age", "loyalty_points"])


def change(cause, *moved, gap=None, previous="s1"):
    return make_change(
        change_id="anna:4", customer_id="anna", change_number=4, changed_at="2026-01-01T00:00:00Z", cause=cause,
        segment_id="s5", segment="At-Risk", previous=previous, previous_segment=None, baseline=1, model_version=3,
        usual_gap_days=gap, moved=[make_moved_feature(*each) for each in moved],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (
            change("time", ("recency", 60.9, 61.0), ("frequency", 3.2, 3.1), gap=18.2),
            "no order for 61 days; usually every 18",
        ),
        (change("time", ("recency", 1.2, 1.3)), "no order for 1 day"),
        (
            change("activity", ("recency", 40.0, 0.0), ("frequency", 3.1, 4.1), gap=1.2),
            "ordered again after 40 days, usually every day; recent orders up from 3.1 to 4.1",
        ),
        (
            change("activity", ("recency", None, 0.2), ("monetary", None, 1230.0), previous=None),
            "ordered today; recent spend 1,230",
        ),
        (change("activity", ("recency", None, None), ("engagement", 1.0, 6.5)), "no order yet; recent visits up from 1.0 to 6.5"),  # noqa: E501
        (change("correction", ("monetary", 500.0, 80.0)), "an order was cancelled or refunded; recent spend down from 500 to 80.0"),  # noqa: E501
        (change("model", ("recency", 20.0, 20.0)), "the segment's centre has moved with its members; no order for 20 days"),  # noqa: E501
        (change("baseline", ("tenure", 99.0, 99.0)), "the segments were defined anew; known for 99 days"),
        (change("activity", ("loyalty_points", 10.0, None)), "loyalty points no longer known"),
        (change("activity"), "nothing is known of what moved"),
    ],
)  # fmt: skip
def test_it_reads_like_this(told, says):
    assert explain_change(told) == says


@given(
    st.sampled_from(["activity", "time", "model", "baseline", "correction"]),
    st.lists(st.tuples(features, figures, figures), max_size=2),
    st.none() | st.floats(0, 1e6),
)
@examples(200)
def test_every_change_has_a_sentence(cause, moved, gap):
    said = explain_change(change(cause, *moved, gap=gap))
    assert said
    assert not {"None", "nan"} & set(said.split())
