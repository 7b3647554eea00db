"""Fields that do not have their type, and whose meaning is plain all the same: a second reading of what was refused.

Forms and CRMs send an age as text and a consent as yes or no, and shops tell a cancellation without its amount. Of a
profile, a field whose meaning is not plain is set aside, and the others are kept. A consent that says nothing of
marketing says nothing. What lies outside a bound is refused as ever, and so is a consent that is neither a yes nor a
no: nobody is written to for a value that was not read.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from events.codec.struct_decoder import Rejection

__all__ = ["Coerced", "coerce", "coerce_refused"]

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
_NUMBERS: Final = ("age", "income", "latitude", "longitude")
_LABELS: Final = ("gender", "country", "city", "acquisition_source")
_YES: Final = ("true", "yes", "y", "1")
_NO: Final = ("false", "no", "n", "0")
_ZONED: Final = Annotated[datetime, msgspec.Meta(tz=True)]
_NO_CURRENCY: Final = "XXX"
"""ISO 4217's code for no currency."""
_NOT_PLAIN, _UNSAID = object(), object()
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)


class Coerced(NamedTuple):
    """An event as it was meant, and the fields of it that were set aside."""

    value: bytes
    set_aside: list[str]


def coerce(topic: str, value: bytes | None) -> Coerced | None:
    """Return an event of a topic as it was meant; None where there is nothing to mend.

    >>> coerce("customers", b'{"age": "42", "income": "about 50,000", "consent": {"email": false}}')
    Coerced(value=b'{"age":42.0}', set_aside=['income'])
    >>> coerce("orders", b'{"type": "cancelled", "order_id": "7"}')
    Coerced(value=b'{"type":"cancelled","order_id":"7","amount":0,"currency":"XXX"}', set_aside=[])
    """
    if (mend := _MENDED.get(topic)) is None:
        return None
    try:
        event = msgspec.json.decode(value or b"")
    except _UNREADABLE:
        return None
    changed = mend(event) if isinstance(event, dict) else {}
    if not changed:
        return None
    meant = {name: field for name, field in (event | changed).items() if field not in (_UNSAID, _NOT_PLAIN)}
    try:
        return Coerced(msgspec.json.encode(meant), [name for name, field in changed.items() if field is _NOT_PLAIN])
    except _UNREADABLE:
        return None


def coerce_refused(
    topic: str, values: Sequence[bytes | None], refused: Sequence[Rejection]
) -> tuple[Sequence[bytes | None], dict[int, list[str]]] | None:
    """Return the values of a batch with those as they were meant that were refused, to be decoded again.

    And by their positions, the fields that were set aside. None where there is nothing to mend.
    """
    found = {each.index: made for each in refused if (made := coerce(topic, values[each.index])) is not None}
    if not found:
        return None
    mended = [found[i].value if i in found else value for i, value in enumerate(values)]
    return mended, {i: made.set_aside for i, made in found.items() if made.set_aside}


def _mend_order(event: Mapping[str, Any]) -> dict[str, Any]:
    """A cancellation takes back what is left, whatever its amount."""
    if event.get("type") != "cancelled":
        return {}
    wanted = {"amount": 0, "currency": _NO_CURRENCY}
    return {name: default for name, default in wanted.items() if event.get(name) is None}


def _mend_profile(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are meant otherwise than they are written; null clears a field of any type."""
    read = {name: _FIELDS[name](field) for name, field in event.items() if name in _FIELDS and field is not None}
    return {name: meant for name, meant in read.items() if meant is not event[name]}


def _number(field: Any) -> Any:
    if isinstance(field, str) and _NUMBER.fullmatch(field.strip()):
        return float(field)
    return field if isinstance(field, int | float) and not isinstance(field, bool) else _NOT_PLAIN


def _label(field: Any) -> Any:
    """A number is a code, such as that of a gender or a postal town."""
    if isinstance(field, int | float) and not isinstance(field, bool) and math.isfinite(field):
        return str(field)
    return field if isinstance(field, str) else _NOT_PLAIN


def _instant(field: Any) -> Any:
    """A day without a time, or a time without a zone, is no instant."""
    try:
        msgspec.convert(field, _ZONED)
    except msgspec.ValidationError:
        return _NOT_PLAIN
    return field


def _consent(field: Any) -> Any:
    """One that is neither a yes nor a no stays as it is, and is refused."""
    said = field.get("marketing", _UNSAID) if isinstance(field, dict) else field
    if said is _UNSAID or said == []:  # PHP writes an empty object as []
        return _UNSAID
    if said is None or (isinstance(said, bool) and isinstance(field, dict)):
        return field
    word = str(said).strip().lower()
    known = isinstance(said, bool | int | str) and word in _YES + _NO
    return {"marketing": word in _YES} if known else field


_FIELDS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(_NUMBERS, _number),
    **dict.fromkeys(_LABELS, _label),
    "signed_up_at": _instant,
    "consent": _consent,
}
_MENDED: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "orders": _mend_order,
    "customers": _mend_profile,
}
