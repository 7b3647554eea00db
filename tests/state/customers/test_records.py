"""Customer records: packing and unpacking, taking, older versions, and values that are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.customers import record_packing
from state.customers.record_packing import LIST_WIDTHS
from state.customers.records import (
    LAYOUTS,
    RECORD,
    VERSION,
    CustomerBatch,
    RecordUnreadable,
    blank_rows,
    pack,
    unpack,
)
from tests.building import batch_of, both_ways, examples, ints, names, rows_with, same

words = st.integers(0, 2**64 - 1)
hashes = st.lists(words, max_size=6)
items = st.tuples(*(st.lists(st.tuples(*[words] * width), max_size=3) for width in LIST_WIDTHS[:-1]))
known_customers = st.tuples(st.binary(min_size=RECORD.itemsize, max_size=RECORD.itemsize), hashes, items)
batches = st.lists(st.none() | known_customers, max_size=12)


way = both_ways(record_packing, autouse=True)


def built(customers):
    """A batch of customers given as None (unknown) or (bytes of the row, recent hashes, items of the other lists)."""
    known = [customer is not None for customer in customers]
    recent = [[] if customer is None else customer[1] for customer in customers]
    batch = batch_of(names(len(customers)), recent=recent, known=known)
    for i, customer in enumerate(customers):
        if customer is not None:
            batch.rows[i] = np.frombuffer(customer[0], RECORD)[0]
            for name, rows in zip(("orders", "returns", "sessions"), customer[2] if customer[2:] else (), strict=False):
                width = getattr(batch, name).values.shape[1]
                owners = ints([i] * len(rows))
                appended = getattr(batch, name).appended(owners, np.array(rows, np.uint64).reshape(-1, width))
                setattr(batch, name, appended)
    return batch


def stored(batch):
    """What Redis would return for the batch: None for the unknown."""
    return [value if known else None for value, known in zip(pack(batch), batch.known.tolist(), strict=True)]


def assert_same_batch(left, right):
    assert left.ids == right.ids
    assert same(left.rows, right.rows)
    assert same(left.known, right.known)
    for one, other in zip(left.lists, right.lists, strict=True):
        assert same(one.values, other.values)
        assert same(one.starts, other.starts)


def record_of_version_1(row_bytes, recent=()):
    return b"\x01" + row_bytes + np.array(recent, "<u8").tobytes()


@given(batches)
@examples(100)
def test_any_records_come_back_as_they_were_packed(customers):
    batch = built(customers)
    assert_same_batch(unpack(batch.ids, stored(batch)), batch)


@given(batches.filter(bool), st.data())
@examples(100)
def test_take_returns_the_customers_at_the_positions_in_their_order(customers, data):
    positions = data.draw(st.lists(st.integers(0, len(customers) - 1), max_size=15))
    taken = built(customers).take(ints(positions))
    expected = built([customers[i] for i in positions])
    expected.ids = [f"c{i}" for i in positions]
    assert_same_batch(taken, expected)


def test_an_unknown_customer_is_a_blank_record_between_known_ones():
    batch = built([(b"\x07" * RECORD.itemsize, [1, 2]), None, (b"\x09" * RECORD.itemsize, [3])])
    read = unpack(batch.ids, stored(batch))
    assert read.known.tolist() == [True, False, True]
    assert same(read.rows[1:2], blank_rows(1))
    assert read.recent.values[read.recent.starts[2] : read.recent.starts[3]].tolist() == [3]


def test_nobody_is_read_as_an_empty_batch():
    assert len(unpack([], [])) == 0
    assert pack(CustomerBatch.blank([])) == []


def test_a_blank_row_says_that_nothing_has_happened():
    row = blank_rows(1)[0]
    assert (row["cluster"], row["segment"], row["placed"], row["change_number"]) == (-1, 0, 0, 0)
    assert row["first_order"] == row["first_session"] == row["signed_up"] == 2**63 - 1
    assert row["last_order"] == row["last_session"] == row["profile_at"] == -(2**63)
    assert np.isnan(row["profile_numbers"]).all()


@given(st.lists(st.tuples(st.binary(min_size=136, max_size=136), hashes), min_size=1, max_size=6))
@examples(50)
def test_a_record_of_version_1_keeps_its_fields_and_the_new_ones_are_blank(customers):
    read = unpack(names(len(customers)), [record_of_version_1(*customer) for customer in customers])
    blank = blank_rows(len(customers))
    old = np.frombuffer(b"".join(customer[0] for customer in customers), LAYOUTS[1])
    for name in RECORD.names:
        wanted = (old if name in LAYOUTS[1].names else blank)[name].astype(RECORD[name].base, copy=True)
        assert same(read.rows[name].copy(), wanted), name
    assert read.recent.values.tolist() == [each for customer in customers for each in customer[1]]


def test_a_record_of_version_1_is_saved_as_version_4():
    read = unpack(["a"], [record_of_version_1(b"\x05" * 136, [4, 5])])
    (value,) = pack(read)
    assert value[0] == VERSION == 4
    assert_same_batch(unpack(["a"], [value]), read)


def test_records_of_both_versions_are_read_in_one_batch():
    new = built([(b"\x06" * RECORD.itemsize, [6])])
    old = record_of_version_1(b"\x05" * 136, [4, 5])
    read = unpack(["a", "b", "c"], [old, pack(new)[0], old])
    assert same(read.rows[1:2], new.rows)
    assert same(read.rows[0:1], read.rows[2:3])
    assert read.rows["placed"][0] == 0x05050505
    assert read.recent.values.tolist() == [4, 5, 6, 4, 5]
    assert read.recent.starts.tolist() == [0, 2, 3, 5]


def test_the_rows_that_releases_have_written_do_not_change():
    """Redis holds these bytes: a layout may be added, none altered."""
    assert {version: layout.itemsize for version, layout in LAYOUTS.items()} == {1: 136, 2: 192}
    offsets = {version: {name: layout.fields[name][1] for name in layout.names} for version, layout in LAYOUTS.items()}
    assert [offsets[1][name] for name in ("segment", "learned_at", "placed", "gross", "decayed_sessions")] == [
        *(2, 12, 44, 56, 128)
    ]
    assert [offsets[2][name] for name in ("segment", "sessions", "pages", "duration_s", "cart_adds")] == [
        *(2, 96, 100, 108, 116)
    ]
    assert [offsets[2][name] for name in ("signed_up", "profile_at", "profile_event", "profile_numbers")] == [
        *(144, 152, 160, 168)
    ]
    assert (RECORD.itemsize, RECORD.fields["earlier"][1], RECORD.fields["credited"][1]) == (232, 192, 216)


def test_times_and_money_are_little_endian_whole_numbers():
    rows = rows_with(first_order=1_000, gross=-3)
    value = pack(batch_of(["a"], rows, [[258]]))[0]
    assert value[28:36] == (1_000).to_bytes(8, "little")
    assert value[48:56] == (-3).to_bytes(8, "little", signed=True)
    assert value[-8:] == (258).to_bytes(8, "little")


@pytest.mark.parametrize("version", [0, 5, 255])
def test_an_unknown_version_is_refused_by_its_number(version):
    good = pack(CustomerBatch.blank(["a"]))[0]
    with pytest.raises(RecordUnreadable, match=rf"version {version}.*reads \[1, 2, 3, 4\].*newer"):
        unpack(["a", "b"], [good, bytes([version]) + good[1:]])


@pytest.mark.parametrize("extra", [1, 7, 9])
def test_a_record_with_part_of_a_hash_is_refused_by_its_customer(extra):
    good = pack(CustomerBatch.blank(["a"]))[0]
    with pytest.raises(RecordUnreadable, match=r"'odd one'.*odd length"):
        unpack(["a", "odd one", "b"], [good, good + b"\0" * extra, None])


@pytest.mark.parametrize("version", sorted(LAYOUTS))
def test_a_record_cut_short_is_refused_even_beside_a_longer_one(version):
    whole = bytes([version]) + b"\0" * LAYOUTS[version].itemsize
    with pytest.raises(RecordUnreadable, match=f"version {version} is shorter than {len(whole)} bytes"):
        unpack(["a", "b"], [whole + b"\0" * 80, whole[:-8]])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, 9),
        ({"placed": 7, "gross": 10**15, "decayed_orders": 1.5, "change_number": 3, "baseline": 65_535}, 9),
        ({"refunds": 1}, 12),
        ({"cancelled_amount": 1}, 12),
        ({"sessions": 1, "pages": 9}, 15),
        ({"profile_at": 5}, 15),
        ({"cancelled": 1, "last_session": 5, "signed_up": 5}, 24),
        ({"earlier": (7 << 16 | 2, 0, 0)}, 12),
        ({"earlier": (7 << 16 | 2, 0, 0), "cancelled": 1, "last_session": 5, "signed_up": 5}, 27),
        ({"credited": 1, "credit_notes": 1}, 11),
        ({"baseline": 65_536}, 30),
    ],
)
def test_what_has_not_happened_takes_no_room(changed, words):
    rows = rows_with(2, **changed)
    batch = batch_of(["a", "b"], rows, [[1, 2], [3]])
    assert [len(value) for value in pack(batch)] == [8 * (words + 1 + 2), 8 * (words + 1 + 1)]
    assert_same_batch(unpack(batch.ids, pack(batch)), batch)


def test_a_record_of_this_version_cut_short_is_refused_by_its_customer():
    whole = pack(batch_of(["a"], rows_with(1, sessions=1)))[0]
    with pytest.raises(RecordUnreadable, match=r"'b' of version 4 is shorter than 128 bytes"):
        unpack(["a", "b"], [whole, whole[:-8]])


def test_a_record_whose_counts_are_wrong_is_refused_by_its_customer():
    whole = pack(batch_of(["a"], recent=[[1]]))[0]
    with pytest.raises(RecordUnreadable, match=r"'b' has 96 bytes where its counts say 88"):
        unpack(["a", "b"], [whole, whole + b"\0" * 8])


@pytest.mark.parametrize("sections", [9, 24, 33, 129, 255])
def test_a_record_with_sections_of_a_later_release_is_refused(sections):
    good = pack(CustomerBatch.blank(["a"]))[0]
    with pytest.raises(RecordUnreadable, match=rf"'b' has the sections {sections:#x}"):
        unpack(["a", "b"], [good, good[:1] + bytes([sections]) + good[2:]])


@pytest.mark.parametrize(("kind", "width"), [(8, 24), (32, 27)])
def test_a_row_stored_whole_by_an_earlier_release_is_read(kind, width):
    rows = rows_with(2, baseline=65_536, placed=3)
    words = rows.view("<u8").reshape(2, 29)
    value = np.concatenate([[np.uint64(3 | kind << 8)], words[1, :width], [np.uint64(77)]]).astype("<u8").tobytes()
    batch = batch_of(["a", "b"], rows, [[5], [77]])
    assert_same_batch(unpack(["a", "b"], [pack(batch)[0], value]), batch)


def test_a_record_of_version_3_is_its_row_and_its_hashes():
    batch = batch_of(["a", "b"], rows_with(2, placed=3, sessions=2), [[5, 6], []])
    values = [b"\x03" + value[1:120] + value[128:] for value in pack(batch)]
    assert_same_batch(unpack(["a", "b"], values), batch)
    assert_same_batch(unpack(["a", "b"], [pack(batch)[0], values[1]]), batch)


def test_an_empty_record_is_refused():
    with pytest.raises(RecordUnreadable, match="empty"):
        unpack(["a", "b"], [b"", pack(CustomerBatch.blank(["b"]))[0]])


@given(st.lists(batches, min_size=1, max_size=4))
@examples(50)
def test_joined_batches_are_their_parts_again(lists):
    whole = [built(customers) for customers in lists]
    joined = CustomerBatch.joined(whole)
    ends = np.cumsum([len(each) for each in whole]).tolist()
    for each, end in zip(whole, ends, strict=True):
        assert_same_batch(joined.part(end - len(each), end), each)
