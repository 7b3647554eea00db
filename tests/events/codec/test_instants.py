"""Instants read as columns of digits mean what the datetime parser says they mean."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.codec.instants import instants_ms, milliseconds
from tests.building import examples

ANY = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)
PRECISION = st.sampled_from(["seconds", "milliseconds", "microseconds"])
ZONE = st.sampled_from(["Z", "+00:00"])


def parsed(text):
    try:
        return milliseconds([msgspec.convert(text, datetime)])[0]
    except (msgspec.ValidationError, ValueError):
        return None


@given(st.lists(st.tuples(ANY, PRECISION, ZONE), max_size=8))
@examples(200)
def test_common_forms_are_read_as_the_datetime_parser_reads_them(drawn):
    texts = [at.isoformat(timespec=precision).removesuffix("+00:00") + zone for at, precision, zone in drawn]
    times, unread = instants_ms(texts)
    assert unread == []
    assert times.tolist() == milliseconds([datetime.fromisoformat(text) for text in texts]).tolist()


def test_half_of_a_surrogate_pair_is_no_instant():
    assert instants_ms(["2026-01-31T12:00:00\ud800", "2026-01-31T12:00:00Z"])[1] == [0]


@given(ANY, PRECISION, ZONE, st.integers(0, 40), st.characters(exclude_categories=["Cs"]))
@examples(300)
def test_one_wrong_character_is_judged_as_the_datetime_parser_judges_it(at, precision, zone, place, character):
    text = at.isoformat(timespec=precision).removesuffix("+00:00") + zone
    changed = text[:place] + character + text[place + 1 :]
    times, unread = instants_ms([text, changed, text])
    strict = [msgspec.json.decode(msgspec.json.encode(each), strict=True) for each in [changed]]
    try:
        read = msgspec.convert(strict[0], datetime)
        aware = read.tzinfo is not None  # without a zone: a fraction whose "Z" became a digit
    except msgspec.ValidationError:
        aware = False
    assert unread == ([] if aware else [1])
    assert times[1] == (milliseconds([read])[0] if aware else 0)
    assert times[0] == times[2] == milliseconds([at])[0] or precision != "microseconds"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("2026-01-01T01:00:00+01:00", 1_767_225_600_000),
        ("2026-01-01t00:00:00.123456789z", 1_767_225_600_123),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_instants_of_other_forms_are_read_too(text, ms):
    assert instants_ms([text])[0].tolist() == [ms]


@pytest.mark.parametrize(
    "text",
    [
        *("2023-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z"),
        *("2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "0000-01-01T00:00:00Z"),
        *("2026-01-01T00:00:00", "2026-01-01", "", "now", "2026-01-01T00:00:00+00:0Z", "2026-01-01T00:00:0٣Z"),
    ],
)
def test_what_is_no_instant_is_named_by_its_position(text):
    good = "2026-01-01T00:00:00Z"
    times, unread = instants_ms([good, text, good])
    assert unread == [1]
    assert times.tolist() == [1_767_225_600_000, 0, 1_767_225_600_000]


def test_microseconds_go_to_the_nearest_millisecond():
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=1_600)
    assert instants_ms([at.isoformat()])[0].tolist() == [1_767_225_600_002]
