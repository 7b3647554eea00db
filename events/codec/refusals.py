"""Why a value is no event, in a sentence for the person who sends it: what is wrong, what was found, what to do."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

__all__ = ["refusal", "worded"]

_MAX_REPORTED, _MAX_COUNTED = 5, 1_000
"""Faults of one event that its reason names, and how many it may have for that."""
_UNFIT: Final = "a field does not have the form that it should have"
_BEGINNINGS: Final = (
    (b"", "not JSON: the value is empty; an event is a JSON object"),
    (
        b"\0",
        "not JSON: begins with a zero byte, as framing for a Schema Registry does; publish JSON without a schema id",
    ),
    (b"\xef\xbb\xbf", "not JSON: begins with a byte order mark (BOM); publish UTF-8 without one"),
    (b"\xff\xfe", "not JSON: begins with the byte order mark (BOM) of UTF-16; publish UTF-8 without one"),
    (b"\xfe\xff", "not JSON: begins with the byte order mark (BOM) of UTF-16; publish UTF-8 without one"),
    (b"\x1f\x8b", "not JSON: is compressed by gzip; publish plain JSON and leave compression to the Kafka producer"),
)
_ENVELOPES: Final = (
    (
        {"before", "after"},
        "looks like a Debezium change event; publish the fields of `after` alone (transform ExtractNewRecordState)",
    ),
    ({"specversion"}, "looks like a CloudEvent; publish its `data` as the value (the binary content mode does)"),
    (
        {"schema", "payload"},
        "looks like Kafka Connect's JSON with its schema; publish the payload alone (schemas.enable=false)",
    ),
)
_SENTENCES: Final[dict[str, str]] = {
    "missing": "missing",
    "string_type": "should be text",
    "string_too_short": "should not be empty",
    "string_too_long": "should have at most {max_length} characters",
    "string_pattern_mismatch": "does not have the form that it should have",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_parsing_size": "should be a smaller whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "finite_number": "should be a finite number",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "list_type": "should be a list",
    "dict_type": "should be an object",
    "model_type": "should be an object",
    "model_attributes_type": "should be an object",
    "literal_error": "should be {expected}",
    "greater_than_equal": "should be at least {ge}",
    "less_than_equal": "should be at most {le}",
}
_REFUND_WITHOUT_AMOUNT: Final = (
    "missing; a refund says how much was paid back, and only a cancellation, which takes back all that is left, needs "
    "no amount"
)
_CURRENCY: Final = "should be three capital letters, such as EUR"


def refusal(model: type[BaseModel], value: bytes, error: Exception | None = None) -> str:
    """Say why a value is no event of a model; `error` is what another decoder said of it."""
    beginning = next((text for begin, text in _BEGINNINGS if (value.startswith(begin) if begin else not value)), None)
    if beginning:
        return beginning
    try:
        model.model_validate_json(value)
    except ValidationError as refused:
        if envelope := _envelope(value):
            return envelope
        if refused.error_count() <= _MAX_COUNTED:  # the details of 500,000 take two seconds
            return worded(refused)
    return _of_decoder(str(error)) if error is not None else _UNFIT


def worded(error: ValidationError) -> str:
    """Return the first faults that pydantic found, each with where it is and what was found there."""
    return "; ".join(_sentence(dict(detail)) for detail in error.errors(include_url=False)[:_MAX_REPORTED])


def _envelope(value: bytes) -> str | None:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return next((text for names, text in _ENVELOPES if names <= found.keys()), None)


def _sentence(detail: Mapping[str, Any]) -> str:
    context, kind = detail.get("ctx", {}), detail["type"]
    if kind == "json_invalid":
        return f"not JSON: {context['error']}"
    place = ".".join(map(str, detail["loc"]))
    if kind in ("value_error", "assertion_error"):
        message = re.sub(r"(?<=, found )(None|True|False)$", _as_json, str(detail["msg"]).partition(", ")[2])
        if not place:
            return message
    elif kind == "string_pattern_mismatch" and place.endswith("currency"):
        message = _CURRENCY
    else:
        message = _SENTENCES.get(kind, "does not have the form that it should have").format(**context)
    if kind == "missing" and place == "amount" and detail["input"].get("type") == "refunded":
        message = _REFUND_WITHOUT_AMOUNT
    found = "" if kind == "missing" or ", found " in message else f", found {_shown(detail['input'])}"
    return f"{place or 'the event'}: {message}{found}"


def _shown(found: Any) -> str:
    """Write a short value as JSON has it; of a long or nested one, only what it is."""
    by_kind: dict[type, Callable[[Any], str]] = {
        dict: lambda each: "an object" if each else "an empty object",
        list: lambda each: "a list" if each else "an empty list",
        str: lambda each: repr(each)[:60],
    }
    return by_kind.get(type(found), lambda each: json.dumps(each, default=str)[:60])(found)


def _as_json(written: re.Match[str]) -> str:
    return {"None": "null", "True": "true", "False": "false"}[written[0]]


def _of_decoder(message: str) -> str:
    """Word what msgspec says, which names types of its own."""
    missing = re.search(r"missing required field `([^`]*)`", message)
    if not missing and not message.startswith("Expected"):
        return f"not JSON: {message.removeprefix('JSON is malformed: ')}"
    found = re.search(r" - at `\$\.?([^`]*)`", message)
    place = re.sub(r"\[(\d+)\]", r".\1", found[1]) if found else ""
    if missing:
        return f"{'.'.join(filter(None, (place, missing[1])))}: missing"
    return f"{place or 'the event'}: does not have the type that it should have"
