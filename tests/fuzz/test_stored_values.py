"""Whatever bytes stand in Redis: a value is read or refused by an error of ours, and what is read is written back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.base_error import ShoalError
from state.customers.records import pack, unpack
from state.experiments.enrolments import Enrolments
from state.experiments.exposed_customers import EXPOSED, ExposedCustomers
from state.experiments.purchase_logs import PurchaseLogs
from tests.building import batch_of, rows_with
from tests.fuzz.fuzzing import fuzzed

GENUINE = pack(batch_of(["a", "b"], rows_with(2, placed=3, sessions=2, segment=2), [[5, 6], []]))


@st.composite
def damaged(draw, genuine):
    """A value that was cut, lengthened, or has some bytes changed."""
    value = bytearray(draw(st.sampled_from(genuine)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(value)))
        match draw(st.sampled_from(["change", "change", "cut", "insert", "double"])):
            case "change" if at < len(value):
                value[at] = draw(st.integers(0, 255))
            case "cut":
                del value[at : at + draw(st.integers(1, 16))]
            case "insert":
                value[at:at] = draw(st.binary(min_size=1, max_size=16))
            case _:
                value += value[at:]
    return bytes(value)


stored_records = st.one_of(
    damaged(GENUINE),
    st.binary(max_size=400),
    st.builds(bytes.__add__, st.sampled_from([b"\x01", b"\x02", b"\x03", b"\x04"]), st.binary(max_size=400)),
)


@fuzzed(3.0)
@given(st.lists(stored_records | st.none() | st.sampled_from(GENUINE), min_size=1, max_size=4))
def test_customer_records(values):
    ids = [f"c{i}" for i in range(len(values))]
    try:
        read = unpack(ids, values)
    except ShoalError:
        return
    again = unpack(ids, pack(read))
    assert again.rows.tobytes() == read.rows.tobytes()
    for one, other in zip(read.lists, again.lists, strict=True):
        assert np.array_equal(one.values, other.values)
        assert np.array_equal(one.starts, other.starts)
    for value in GENUINE:  # a neighbour that is whole is read as it is
        if value in values:
            alone = unpack(["x"], [value])
            assert read.rows[values.index(value)].tobytes() == alone.rows[0].tobytes()


def _words(size):
    return st.integers(0, size).flatmap(lambda n: st.binary(min_size=8 * n, max_size=8 * n))


exposed = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda head, rest: b"\x01\x00\x00\x00" + head + rest,
              st.binary(min_size=EXPOSED.itemsize - 4, max_size=EXPOSED.itemsize - 4), _words(4)),
)  # fmt: skip


@fuzzed()
@given(st.lists(exposed | st.none(), min_size=1, max_size=4))
def test_exposed_customers(values):
    try:
        read = ExposedCustomers.unpack(values)
    except ShoalError:
        return
    known = np.flatnonzero(read.known)
    assert read.pack(known) == [value for value in values if value is not None]


@fuzzed()
@given(
    st.lists(
        st.binary(max_size=200) | _words(12).map(lambda rest: b"\x01" + b"\x00" * 7 + rest), min_size=1, max_size=4
    )
)
def test_purchase_logs(values):
    ids = [f"c{i}" for i in range(len(values))]
    try:
        read = PurchaseLogs.unpack(ids, values)
    except ShoalError:
        return
    assert read.pack() == values


@fuzzed()
@given(st.lists(st.binary(max_size=80) | _words(8), min_size=1, max_size=4))
def test_enrolments(values):
    if any(len(value) % 8 for value in values):
        with pytest.raises(ShoalError):
            Enrolments.unpack(values)
        return
    assert Enrolments.unpack(values).lists.values.tobytes() == b"".join(values)
