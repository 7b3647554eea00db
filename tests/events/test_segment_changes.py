"""A batch of changes is the changes one by one, byte for byte."""

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from events.codec.rounded_numbers import number_codes
from events.schema.outputs import SegmentChange
from events.segment_changes import ChangeBatch, decode_change, make_change, make_moved_feature
from tests.building import examples

ids = st.text(min_size=1, max_size=12) | st.sampled_from(['"', "\\", "a\nb", "\x7f", "ä€😀", "</script>", "a:1"])
kinds = st.builds(
    make_change,
    change_id=st.just(""),
    customer_id=st.just(""),
    change_number=st.just(0),
    changed_at=st.just("2026-01-01T00:00:00.000Z"),
    cause=st.sampled_from(["activity", "time", "model", "baseline", "correction"]),
    segment_id=st.sampled_from(["s1", "s22"]),
    segment=ids,
    previous=st.none() | st.just("s3"),
    previous_segment=st.none() | ids,
    baseline=st.integers(0, 99),
    model_version=st.integers(0, 10**6),
)


def with_features(kind, *names):
    return msgspec.structs.replace(kind, moved=[make_moved_feature(name) for name in names])


@st.composite
def batches(draw):
    shown = draw(st.none() | st.integers(0, 2))
    prototypes = [with_features(kind, *draw(st.lists(ids, min_size=shown or 0, max_size=shown or 0)))
                  for kind in draw(st.lists(kinds, min_size=1, max_size=4))]  # fmt: skip
    members = draw(st.lists(st.tuples(ids, st.integers(1, 10**9), st.integers(0, len(prototypes) - 1)), max_size=8))
    columns = [list(column) for column in zip(*members, strict=True)] or [[], [], []]
    if shown is None:
        return ChangeBatch(columns[0], columns[1], columns[2], prototypes)
    numbers = st.floats(0, 1e6) | st.just(float("nan"))
    rows = [draw(st.lists(numbers, min_size=3 + 2 * shown, max_size=3 + 2 * shown)) for _ in members]
    evidence_codes = number_codes(np.array(rows, np.float64).reshape(len(members), 3 + 2 * shown))
    return ChangeBatch(columns[0], columns[1], columns[2], prototypes, evidence_codes)


@given(batches())
@examples(200)
def test_what_is_written_is_each_change_by_itself(batch):
    if batch.evidence_codes is None:
        assert batch.encode() == [msgspec.json.encode(change) for change in batch]
    assert [decode_change(value) for value in batch.encode()] == batch


@given(batches())
@examples(50)
def test_every_change_is_one_that_the_model_accepts(batch):
    for value, customer_id, number in zip(batch.encode(), batch.customer_ids, batch.numbers, strict=True):
        change = SegmentChange.model_validate_json(value)
        assert (change.customer_id, change.change_id) == (customer_id, f"{customer_id}:{number}")


@given(batches())
@examples(50)
def test_changes_given_one_by_one_make_the_same_batch(batch):
    again = ChangeBatch.of(list(batch))
    assert again == batch
    if batch.evidence_codes is None:
        assert again.encode() == batch.encode()
    assert ChangeBatch.of(batch) is batch


def test_a_change_of_an_earlier_release_is_read():
    old = (
        b'{"change_id":"a:1","customer_id":"a","change_number":1,"changed_at":"2026-01-01T00:00:00Z","cause":"time",'
        b'"segment_id":"s1","segment":"S","previous":null,"previous_segment":null,"baseline":1,"model_version":2}'
    )
    change = decode_change(old)
    assert (change.distance, change.usual_gap_days, change.moved) == (None, None, [])
