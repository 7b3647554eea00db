"""Dates and times as people and programs write them, and which of their readings a text allows."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal, NamedTuple

from cli.shop_exports.cell_text.month_names import month_number

__all__ = ["DateOrder", "WrittenDate", "date_order_of", "written_date"]

DateOrder = Literal["dmy", "mdy", "ymd"]
"""In which order day, month and year are written."""

_SECOND: Final = r"(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?"
_TIME: Final = (
    rf"(?:[T ,]+(?:à |at |um |kl\.? )?(?P<hour>\d{{1,2}})(?:[:.h](?P<minute>\d{{2}}){_SECOND})?"
    r"(?: ?(?P<half>[AaPp])\.? ?[Mm]\.?)?(?: Uhr)?)?"
)
_ZONE: Final = r"(?: ?(?P<zone>Z|z|UTC|GMT|WES?T|CES?T|EES?T|MES?Z|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?))?"
_PLAIN_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{3}|\.\d{6})?)?(?:Z|[+-]\d\d:?\d\d)?)?")
"""What most times look like."""
_NAMED_ZONES: Final = {"WET": 0, "WEST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2, "EEST": 3}
"""Hours ahead of UTC of the abbreviations that mean one zone; EST, CST, IST and BST are several."""
_WEEKDAY: Final = r"(?:[^\W\d]+\.?,? )?"
_NAME: Final = r"([^\W\d]+\.?)"
_ISO: Final = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}{_ZONE}")
_NUMBERS: Final = re.compile(rf"(\d{{1,2}})([-/. ])\s?(\d{{1,2}})\2\s?(\d{{4}}|\d{{2}}),?{_TIME}{_ZONE}")
_DAY_FIRST: Final = re.compile(
    rf"{_WEEKDAY}(\d{{1,2}})(?:\.|st|nd|rd|th|er|º)?[ -](?:de )?{_NAME}[ ,-]*(?:de )?(\d{{4}}|\d{{2}}),?{_TIME}{_ZONE}"
)
_MONTH_FIRST: Final = re.compile(rf"{_WEEKDAY}{_NAME} (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}}),?{_TIME}{_ZONE}")
_COMPACT: Final = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?)?(Z)?")
_DIGITS: Final = re.compile(r"(\d+)(?:\.(\d+))?")
_REMARK: Final = re.compile(r" \([A-Za-z ]+\)$")
"""The name of a zone after its offset, as browsers write it."""
_SERIAL_ZERO: Final = datetime(1899, 12, 30)
_EPOCHS: Final[dict[int, int]] = {9: 1, 10: 1, 12: 10**3, 13: 10**3, 15: 10**6, 16: 10**6, 18: 10**9, 19: 10**9}
"""Digits of a time since 1970, and in how many parts of a second it is told."""
_NINETEEN_NINETY: Final = 631_152_000
_PIVOT: Final = 69
"""Two-digit years from this on lie in the last century, as strptime has it."""
_ORDERS: Final[dict[str, tuple[int, int, int]]] = {"dmy": (2, 1, 0), "mdy": (2, 0, 1), "ymd": (0, 1, 2)}


class WrittenDate(NamedTuple):
    """A date as it is written.

    `shape` is the same for all dates of one form. `readings` are what it means by each order of day, month and year
    that it allows; "" stands for a form that allows one reading only. A datetime without a zone is local.
    """

    shape: str
    readings: dict[str, datetime]


def written_date(text: str) -> WrittenDate:
    """Return what a date may mean. Raises ValueError for a text that is no date.

    >>> written_date("2010-12-01 08:26").readings
    {'': datetime.datetime(2010, 12, 1, 8, 26)}
    >>> sorted(written_date("01/12/2010").readings), sorted(written_date("13/12/2010").readings)
    (['dmy', 'mdy'], ['dmy'])
    """
    if _PLAIN_ISO.fullmatch(text):
        with suppress(ValueError):  # 24:00 is left to the forms below
            return WrittenDate("Y-M-D", {"": datetime.fromisoformat(text)})
    plain = _REMARK.sub("", re.sub(r"[\s\u00a0\u202f]+", " ", text).strip())
    for pattern, read in _FORMS:
        found = pattern.fullmatch(plain)
        if found:
            written = read(found)
            if written is not None:
                return written
    raise ValueError("is no date that can be read")


def _iso(found: re.Match[str]) -> WrittenDate:
    return WrittenDate("Y-M-D", {"": _with_time(_day(int(found[1]), int(found[3]), int(found[4])), found)})


def _numbers(found: re.Match[str]) -> WrittenDate:
    parts, short = (found[1], found[3], found[4]), len(found[4]) == 2
    readings: dict[str, datetime] = {}
    for order in ("dmy", "mdy", "ymd") if short else ("dmy", "mdy"):
        year, month, day = (parts[place] for place in _ORDERS[order])
        try:
            readings[order] = _with_time(_day(_full_year(year), int(month), int(day)), found)
        except ValueError:
            continue
    if not readings:
        raise ValueError("is no day of the calendar")
    return WrittenDate(f"N{found[2]}N{found[2]}{'YY' if short else 'YYYY'}", readings)


def _day_first(found: re.Match[str]) -> WrittenDate | None:
    return _named(found[3], found[2], found[1], found)


def _month_first(found: re.Match[str]) -> WrittenDate | None:
    return _named(found[3], found[1], found[2], found)


def _named(year: str, name: str, day: str, found: re.Match[str]) -> WrittenDate | None:
    month = month_number(name)
    if month is None:
        return None
    return WrittenDate("month by name", {"": _with_time(_day(_full_year(year), month, int(day)), found)})


def _compact(found: re.Match[str]) -> WrittenDate | None:
    if found[0].isdigit() and len(found[0]) not in (8, 12, 14):
        return None
    try:
        at = _day(int(found[1]), int(found[2]), int(found[3]))
        at = at.replace(hour=int(found[4] or 0), minute=int(found[5] or 0), second=int(found[6] or 0))
    except ValueError:
        return None
    return WrittenDate("YYYYMMDD", {"": at.replace(tzinfo=UTC) if found[7] else at})


def _digits(found: re.Match[str]) -> WrittenDate | None:
    """Read a time since 1970, or a day of a spreadsheet: days since 1900, here from 1982 to 2064."""
    whole, part = found[1], found[2] or ""
    unit = _EPOCHS.get(len(whole))
    if unit is not None and int(whole) >= _NINETEEN_NINETY * unit:
        seconds, rest = divmod(int(whole), unit)
        microseconds = rest * 10**6 // unit if unit > 1 else int(part[:6].ljust(6, "0") or 0)
        at = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
        return WrittenDate("since 1970", {"": at})
    if len(whole) == 5 and 30_000 <= int(whole) < 60_000:
        seconds = round(int(part or 0) / 10 ** len(part) * 86_400) if part else 0
        return WrittenDate("spreadsheet day", {"": _SERIAL_ZERO + timedelta(days=int(whole), seconds=seconds)})
    return None


_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], WrittenDate | None]], ...]] = (
    (_ISO, _iso),
    (_NUMBERS, _numbers),
    (_DAY_FIRST, _day_first),
    (_MONTH_FIRST, _month_first),
    (_COMPACT, _compact),
    (_DIGITS, _digits),
)


def _full_year(year: str) -> int:
    return int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= _PIVOT else 2000)


def _day(year: int, month: int, day: int) -> datetime:
    try:
        return datetime(year, month, day)
    except ValueError:
        raise ValueError("is no day of the calendar") from None


def _with_time(day: datetime, found: re.Match[str]) -> datetime:
    hour, half = int(found["hour"] or 0), (found["half"] or "").lower()
    if found["hour"] and not found["minute"] and not half:
        raise ValueError("has an hour without minutes")
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("has an hour that is none of AM or PM")
        hour = hour % 12 + (12 if half == "p" else 0)
    microsecond = int((found["part"] or "0")[:6].ljust(6, "0"))
    if hour == 24 and not int(found["minute"] or 0) and not int(found["second"] or 0):
        day, hour = day + timedelta(days=1), 0
    at = day.replace(
        hour=hour, minute=int(found["minute"] or 0), second=int(found["second"] or 0), microsecond=microsecond
    )
    return at if found["zone"] is None else at.replace(tzinfo=_offset(found["zone"]))


def _offset(zone: str) -> timezone:
    if zone in _NAMED_ZONES:
        return timezone(timedelta(hours=_NAMED_ZONES[zone]))
    digits = re.sub(r"[^\d+-]", "", zone)
    if not digits:
        return UTC
    sign = -1 if digits[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5] or 0)))


def date_order_of(given: str) -> DateOrder | None:
    """Return the order of day, month and year that a format says; None where it says more than that.

    >>> date_order_of("%d/%m/%Y %H:%M"), date_order_of("MM/DD/YYYY"), date_order_of("dmy"), date_order_of("%j %Y")
    ('dmy', 'mdy', 'dmy', None)
    """
    if "%" in given:
        codes = re.findall(r"%[-#]?([a-zA-Z])", given)
        if any(code not in "dmyYHIMSpfzZT" for code in codes):
            return None
        order = "".join(code.lower() for code in codes if code in "dmyY")
    else:
        letters = re.sub(r"[^dmy]", "", re.split("h", given.lower())[0])
        order = re.sub(r"(.)\1*", r"\1", letters)
    return next((each for each in ("dmy", "mdy", "ymd") if each == order), None)
