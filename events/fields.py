"""The field types that events share: identifiers, money, instants. What they accept is what the wire accepts."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints

MAX_AMOUNT: Final = 1e12
AMOUNT_PATTERN: Final = r"^[0-9]{1,12}(\.[0-9]{1,6})?$"
CURRENCY_PATTERN: Final = r"^[A-Z]{3}$"

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


def _plain_amount(value: Any) -> Decimal:
    """Accept a finite JSON number or a plain decimal string, nothing else (no "1e3", no "+1", no true)."""
    if isinstance(value, str):
        if not re.fullmatch(AMOUNT_PATTERN[1:-1], value, re.ASCII):
            raise ValueError(f"should be a plain decimal amount such as 12.34, found {value[:40]!r}")
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"should be a number or a decimal string, found {type(value).__name__}")  # noqa: TRY004 - pydantic reports ValueError
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or not 0 <= number <= int(MAX_AMOUNT):
        raise ValueError(f"should be from 0 to {MAX_AMOUNT:.0f}, found {value}")
    return number


def _rfc3339(value: Any) -> datetime:
    """Read an RFC 3339 instant with the parser that the batch decoder uses, so that both accept the same text."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"should have a time zone, found {value.isoformat()}")
        return value
    if not isinstance(value, str):
        raise ValueError(f"should be an RFC 3339 date-time string, found {type(value).__name__}")  # noqa: TRY004
    try:
        return msgspec.convert(value, _Instant)
    except msgspec.ValidationError:
        raise ValueError(
            f"should be an RFC 3339 date-time with a zone, such as 2026-01-31T12:00:00Z, found {value[:40]!r}"
        ) from None


Identifier = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Label = Annotated[str, StringConstraints(max_length=256)]
Currency = Annotated[
    str, StringConstraints(pattern=CURRENCY_PATTERN), Field(description="ISO 4217 code, three capital letters")
]
Amount = Annotated[
    Decimal,
    BeforeValidator(_plain_amount, json_schema_input_type=float | str),
    PlainSerializer(str, return_type=str, when_used="json"),
    Field(description="decimal amount of money, a JSON number or string, from 0 to 10^12"),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_rfc3339, json_schema_input_type=str),
    Field(description="RFC 3339 date-time with a zone"),
]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
