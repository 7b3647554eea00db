"""The field types that events share: identifiers, money, instants. What they accept is what the wire accepts."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints

MAX_AMOUNT: Final = 1e12
AMOUNT_PATTERN: Final = r"^([0-9]{1,12}(\.[0-9]{1,6})?|1000000000000(\.0{1,6})?)$"
CURRENCY_PATTERN: Final = r"^[A-Z]{3}$"
_AMOUNT_PLACES: Final = 6
_MAX_DEPTH: Final = 32
TOO_DEEP: Final = f"attributes: nested more than {_MAX_DEPTH} levels deep; send what is inside as text"

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


def _plain_amount(value: Any) -> Decimal:
    """Accept a finite JSON number or a plain decimal string, nothing else (no "1e3", no "+1", no true)."""
    if isinstance(value, str):
        if not re.fullmatch(AMOUNT_PATTERN[1:-1], value, re.ASCII):
            raise ValueError(f"should be a plain decimal amount such as 12.34, found {value[:40]!r}")
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"should be a number or a decimal string, found {value!r:.40}")  # noqa: TRY004
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or not 0 <= number <= int(MAX_AMOUNT):
        raise ValueError(f"should be from 0 to {MAX_AMOUNT:.0f}, found {value}")
    return number.copy_abs()  # -0.0 is no amount of its own


def _amount_text(amount: Decimal) -> str:
    """Write an amount as `_plain_amount` reads it: no exponent, at most six decimals."""
    exponent = amount.as_tuple().exponent
    return format(round(amount, _AMOUNT_PLACES) if exponent < -_AMOUNT_PLACES else amount, "f")  # type: ignore[operator]


def _rfc3339(value: Any) -> datetime:
    """Read an RFC 3339 instant with the parser that the batch decoder uses, so that both accept the same text."""
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(f"should have a time zone, found {value.isoformat()}")
        try:
            return value.astimezone(UTC)  # a zone's offset may have seconds, RFC 3339 has no place for them
        except OverflowError:
            raise ValueError(f"should lie in the years 1 to 9999 of UTC, found {value.isoformat()}") from None
    if not isinstance(value, str):
        raise ValueError(f"should be an RFC 3339 date-time string, found {value!r:.40}")  # noqa: TRY004
    try:
        return msgspec.convert(value, _Instant)
    except msgspec.ValidationError:
        raise ValueError(
            f"should be an RFC 3339 date-time with a zone, such as 2026-01-31T12:00:00Z, found {value[:40]!r}"
        ) from None


def _whole(value: Any) -> Any:
    """Refuse true and 1.0, which Python takes for 1."""
    if isinstance(value, bool | float):
        raise ValueError(f"should be a whole number, found {str(value).lower()}")  # noqa: TRY004
    return value


def _integral(value: Any) -> Any:
    """Take 42.0 for 42: JSON has one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_too_deep(value: Any, levels: int = _MAX_DEPTH) -> bool:
    """Return whether a JSON value is nested in more levels of objects and lists than its readers are sure to read."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(is_too_deep(each, levels - 1) for each in inner)


def _readable(attributes: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is no JSON, or too deep."""
    if is_too_deep(attributes):
        raise ValueError(TOO_DEEP.removeprefix("attributes: "))
    try:
        msgspec.json.decode(json.dumps(attributes, allow_nan=False))
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"should hold JSON values: {error}") from None
    return attributes


Version = Annotated[Literal[1], BeforeValidator(_whole)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Label = Annotated[str, StringConstraints(max_length=256)]
Currency = Annotated[
    str, StringConstraints(pattern=CURRENCY_PATTERN), Field(description="ISO 4217 code, three capital letters")
]
Amount = Annotated[
    Decimal,
    BeforeValidator(
        _plain_amount,
        json_schema_input_type=Annotated[float, Field(ge=0, le=MAX_AMOUNT)]
        | Annotated[str, StringConstraints(pattern=AMOUNT_PATTERN)],
    ),
    PlainSerializer(_amount_text, return_type=str, when_used="json"),
    Field(description="decimal amount of money, a JSON number or string, from 0 to 10^12"),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_rfc3339, json_schema_input_type=Annotated[str, Field(json_schema_extra={"format": "date-time"})]),
    Field(description="RFC 3339 date-time with a zone"),
]
INTEGRAL: Final = BeforeValidator(_integral)
"""Marks an int that may be written with a fraction of zero."""
Attributes = Annotated[
    dict[str, Any],
    AfterValidator(_readable),
    Field(description="of any names and JSON values; each is merged by itself, and null clears it"),
]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
