"""RFC 3339 instants as milliseconds, a whole batch at a time, and back.

Almost every instant on the wire is written in one of six ways (seconds, milliseconds or microseconds; `Z` or `+00:00`).
Those are read as columns of digits; any other text is read by itself, by msgspec's parser, which says what is valid.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Final

import msgspec
import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints

__all__ = ["instants_ms", "milliseconds", "rfc3339"]

Octets = npt.NDArray[np.uint8]

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECONDS_END: Final = 19
_DIGITS: Final = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_SHAPE: Final = "....-..-..T..:..:.."
_SHAPES: Final = {
    len(_SHAPE + fraction + zone): _SHAPE + fraction + zone
    for fraction in ("", "....", ".......")
    for zone in ("Z", "+00:00")
}


def milliseconds(instants: Sequence[datetime]) -> Ints:
    """Return instants as ms since 1970 UTC, rounded to the nearest."""
    micros = np.fromiter(((instant - _EPOCH) // _MICROSECOND for instant in instants), np.int64, len(instants))
    return _rounded(micros // 1_000_000, micros % 1_000_000)


def instants_ms(texts: Sequence[str]) -> tuple[Ints, list[int]]:
    """Return RFC 3339 texts as ms since 1970 UTC (n,), and the positions of those that are no instants (they are 0).

    >>> instants_ms(["1970-01-01T00:00:01Z", "1970-01-01T01:00:00.5+01:00", "1970-02-30T00:00:00Z"])
    (array([1000,  500,    0]), [2])
    """
    times = np.zeros(len(texts), np.int64)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    odd = np.ones(len(texts), np.bool_)
    for length, shape in _SHAPES.items():
        members = np.flatnonzero(lengths == length)
        if len(members):
            whole = len(members) == len(texts)
            joined = "".join(texts if whole else [texts[i] for i in members.tolist()])
            if joined.isascii():
                times[members], good = _read(np.frombuffer(joined.encode(), np.uint8).reshape(-1, length), shape)
                odd[members] = ~good
    unread = []
    for i in np.flatnonzero(odd).tolist():
        try:
            times[i] = milliseconds([msgspec.convert(texts[i], _Instant)])[0]
        except (msgspec.ValidationError, UnicodeEncodeError):  # the latter for half of a surrogate pair
            times[i] = 0
            unread.append(i)
    return times, unread


def _read(octets: Octets, shape: str) -> tuple[Ints, Flags]:
    """Read n texts of one shape, given as (n, length) characters: the ms, and which texts are what they seem."""
    characters = np.ascontiguousarray(octets.T)
    fraction = list(range(_SECONDS_END + 1, len(shape.removesuffix("Z").removesuffix("+00:00"))))
    digits = characters[[*_DIGITS, *fraction]] - np.uint8(ord("0"))  # below "0" wraps around to more than 9
    good = np.asarray((digits <= 9).all(axis=0))
    for at, character in enumerate(shape):
        if character != "." or (fraction and at == _SECONDS_END):
            good &= characters[at] == ord(character)
    values = digits.astype(np.int64)
    year = values[0] * 1000 + values[1] * 100 + values[2] * 10 + values[3]
    month, day, hour, minute, second = (values[i] * 10 + values[i + 1] for i in range(4, 14, 2))
    good &= (year >= 1) & (month >= 1) & (month <= 12) & (hour <= 23) & (minute <= 59) & (second <= 59)
    firsts = _month_firsts()
    month_number = np.where(good, year * 12 + month - 1, 12)
    good &= (day >= 1) & (day <= firsts[month_number + 1] - firsts[month_number])
    seconds = (firsts[month_number] + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second
    return np.where(good, _with_fraction(seconds, values[len(_DIGITS) :]), 0), good


def _with_fraction(seconds: Ints, digits: Ints) -> Ints:
    """Return whole seconds and the digits (f, n) of their fraction, f being 0, 3 or 6, in ms."""
    fraction = np.zeros_like(seconds)
    for digit in digits:
        fraction = fraction * 10 + digit
    return _rounded(seconds, fraction) if len(digits) == 6 else seconds * 1_000 + fraction


def _rounded(seconds: Ints, micros: Ints) -> Ints:
    return seconds * 1_000 + np.rint(micros / 1_000).astype(np.int64)


@cache
def _month_firsts() -> Ints:
    """Return the first day, since 1970, of each month from January of the year 0 to January of the year 10000."""
    months = np.arange(-1970 * 12, (10_000 - 1970) * 12 + 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64)


def rfc3339(ms: int) -> str:
    """Return a time in ms since 1970 as RFC 3339 text in UTC.

    >>> rfc3339(0)
    '1970-01-01T00:00:00.000Z'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
