"""Amounts, instants and versions: what is accepted, and that what is written is accepted again."""

import json
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from events.schema.field_types import Amount, Currency, Identifier, Instant, Version

AMOUNT, CURRENCY, IDENTIFIER, INSTANT, VERSION = map(TypeAdapter, (Amount, Currency, Identifier, Instant, Version))

finite_amounts = st.one_of(
    st.floats(0, 1e12),
    st.integers(0, 10**12),
    st.decimals(0, 10**12, allow_nan=False),
    st.decimals(0, 10**12, places=6).map("{:f}".format),
)
zones = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)).map(timezone)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12, "12"),
        (0.1, "0.1"),
        (-0.0, "0"),
        (1e12, "1000000000000"),
        ("12.34", "12.34"),
        ("007", "7"),
        ("1000000000000.00", "1000000000000"),
        (Decimal("1E+2"), "100"),
    ],
)
def test_amount_is_exact(value, expected):
    amount = AMOUNT.validate_python(value)
    assert amount == Decimal(expected)
    assert not amount.is_signed()


@pytest.mark.parametrize(
    "value",
    [
        *(-1, -0.01, 1e13, 10**400, float("nan"), float("inf"), Decimal("NaN"), Decimal(-1), True, None, [], b"1", 1j),
        *("", " 1", "1 ", "1\n", "+1", "-1", "1e3", ".5", "5.", "1,5", "1_0", "0x1", "NaN", "\u0661", "0.1234567"),
        *("1000000000000.01", "1000000000001"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_value(value):
    with pytest.raises(ValidationError, match=r"(?s)should be .*, found "):
        AMOUNT.validate_python(value)


@given(finite_amounts)
def test_amount_as_written_is_read_as_the_same_to_six_decimals(value):
    amount = AMOUNT.validate_python(value)
    written = AMOUNT.dump_json(amount)
    assert AMOUNT.validate_json(written) == round(amount, 6)
    assert AMOUNT.dump_json(AMOUNT.validate_json(written)) == written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31t12:00:00z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31 12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00.25+05:30", datetime(2026, 1, 31, 6, 30, 0, 250_000, tzinfo=UTC)),
        ("2026-01-31T12:00:00.1234567Z", datetime(2026, 1, 31, 12, 0, 0, 123_457, tzinfo=UTC)),
    ],
)
def test_instant_is_a_moment_in_time(text, expected):
    assert INSTANT.validate_python(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("2026-01-31T12:00:00", "2026-01-31", "2026-01-31T24:00:00Z", "2026-01-31T23:59:60Z", "2026-02-30T00:00:00Z"),
        *("2026-01-31T12:00:00Z\n", "now", "", 0, 1773480413.5, None, True, datetime(2026, 1, 31)),
    ],
)
def test_what_is_no_instant_is_refused_with_the_value(value):
    with pytest.raises(ValidationError, match=r"(?s)should .*, found "):
        INSTANT.validate_python(value)


def test_instant_outside_the_calendar_of_utc_is_refused():
    with pytest.raises(ValidationError, match="years 1 to 9999"):
        INSTANT.validate_python(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))))


def test_zone_that_does_not_know_its_offset_is_none():
    class Undecided(tzinfo):
        def utcoffset(self, _):
            return None

    with pytest.raises(ValidationError, match="should have a time zone"):
        INSTANT.validate_python(datetime(2026, 1, 31, tzinfo=Undecided()))


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones))
def test_instant_as_written_is_read_as_the_same(at):
    assert INSTANT.validate_json(INSTANT.dump_json(INSTANT.validate_python(at))) == at


@pytest.mark.parametrize("value", ["1.0", "true", "2", "0", '"1"', "null", "1e0"])
def test_version_is_the_whole_number_one(value):
    assert VERSION.validate_json("1") == 1
    with pytest.raises(ValidationError):
        VERSION.validate_json(value)


@pytest.mark.parametrize("value", ["usd", "US", "USDT", "USD\n", "\nUSD", "ÄÖÜ", ""])
def test_currency_is_three_capital_letters(value):
    assert CURRENCY.validate_json('"USD"') == "USD"
    with pytest.raises(ValidationError):
        CURRENCY.validate_json(json.dumps(value))


@pytest.mark.parametrize("character", ["x", "é", "\U0001f600"])
def test_identifier_has_up_to_128_characters(character):
    assert IDENTIFIER.validate_python(character * 128)
    with pytest.raises(ValidationError, match="at most 128 characters"):
        IDENTIFIER.validate_python(character * 129)
