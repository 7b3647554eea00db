"""Finds whom the bytes of a refused event may be about, however the id is spelled in them."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

__all__ = ["NamedTexts", "holds_id", "is_json", "named_texts"]

_LONGEST: Final = 128
"""Characters of the longest customer id."""
_MOST_READ: Final = 64 << 10
"""Bytes of what is no JSON that are taken apart: a worker does so for each refused event."""
_ID_FIELDS: Final = frozenset({"customer_id", "previous_id", "customerid", "customer", "user_id", "userid", "id"})
"""A number is an id only under such a name: 42 may be an amount."""
_WIDE: Final = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_QUOTED: Final = tuple(re.compile(rf"{mark}((?:[^{mark}\\]|\\.)*)(?:{mark}|\\?\Z)", re.DOTALL) for mark in "\"'")
_SEPARATORS: Final = (re.compile(r"[\"']"), re.compile(r"[&;?=\r\n,\t|<>]"), re.compile(r"[\s\"'=&:;,{}\[\]()<>|]+"))
_NUMBER: Final = re.compile(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?")
_NAMED_NUMBER: Final = re.compile(rf"(?i)\b(?:{'|'.join(sorted(_ID_FIELDS))})\b[\s\"'\\]*[:=>]+[\s\"'\\]*([-+\d.eE]+)")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_PLAIN: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class NamedTexts(NamedTuple):
    """The texts that bytes hold, among them the ids of customers.

    `complete` says that the bytes are JSON and these are all texts in it; else an id may be there that is not among
    them.
    """

    texts: set[str]
    complete: bool


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def named_texts(content: bytes) -> NamedTexts:
    """Return the texts in bytes that may be ids of customers: as JSON, whatever its encoding, or as what is no JSON.

    Read are JSON with escapes, JSON within JSON strings, form-encoded pairs, single quotes, XML, lists with separators,
    each in UTF-8, UTF-16 and UTF-32; of what is no JSON the first 64 KiB. Padding around a text is dropped.
    """
    with suppress(ValueError, RecursionError):
        return NamedTexts(set(_padded(_in_json(_read(content.decode(json.detect_encoding(content)))))), complete=True)
    found: set[str] = set()
    for text in dict.fromkeys(_decoded(content[:_MOST_READ])):
        found.update(_padded(_in_text(text)))
    return NamedTexts(found, complete=False)


def _decoded(content: bytes) -> Iterator[str]:
    yield content.decode("utf-8-sig", "replace")
    yield content.decode("latin-1")
    if b"\0" in content or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        for encoding in _WIDE:
            for start in (0, 1):  # a stray byte before it
                yield content[start:].decode(encoding, "replace").lstrip("\ufeff")


def is_json(content: bytes) -> bool:
    """Return whether bytes are JSON, so that `named_texts` would miss nothing in them."""
    try:
        json.loads(content.decode(json.detect_encoding(content)), strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _read(text: str) -> Any:
    """Read JSON as pairs, so that a name that comes twice keeps both values; numbers as they are written."""
    return json.loads(text, object_pairs_hook=_Pairs, parse_int=_Number, parse_float=_Number, strict=False)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as its pairs."""


def _in_json(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, _Number):
        if name.casefold() in _ID_FIELDS:
            yield from _number(value)
    elif isinstance(value, str):
        yield value
        if value.lstrip()[:1] in {"{", "[", '"'} and value.strip():
            with suppress(ValueError):
                yield from _in_json(_read(value))
    elif isinstance(value, _Pairs):
        for key, each in value:
            yield key
            yield from _in_json(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _in_json(each, name)


def _in_text(text: str) -> Iterator[str]:
    """Yield what may be an id in a text that is no JSON: both what is quoted and what is between separators."""
    for variant in dict.fromkeys((text, _unescaped(text), unquote_plus(text), html.unescape(text))):
        yield variant
        for quoted in _QUOTED:
            for match in quoted.finditer(variant):
                yield match[1]
                yield _unescaped(match[1])
        for separator in _SEPARATORS:
            yield from (each for each in separator.split(variant) if not _NUMBER.fullmatch(each.strip()))
        for match in _NAMED_NUMBER.finditer(variant):
            yield from _number(match[1])


def _unescaped(text: str) -> str:
    """Return a text with the escapes of JSON and of JavaScript resolved, pairs of surrogates joined."""
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _PLAIN.get(m[3], m[3]), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(written: str) -> Iterator[str]:
    yield str(written)
    with suppress(InvalidOperation, ValueError, OverflowError):
        number = Decimal(written)
        if abs(number.adjusted()) < _LONGEST and number == number.to_integral_value():
            yield str(int(number))


def _padded(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        if len(text) <= _LONGEST:
            yield text
        stripped = text.strip().strip("\0\ufeff\u200b").strip()
        if 0 < len(stripped) <= _LONGEST:
            yield stripped


def holds_id(content: bytes, customer_id: str) -> bool:
    """Return whether bytes hold a customer id. In what is no JSON it may also stand between other characters."""
    read = named_texts(content)
    if customer_id in read.texts:
        return True
    if read.complete or _NUMBER.fullmatch(customer_id):
        return False
    between = re.compile(rf"(?<![\w.-]){re.escape(customer_id)}(?![\w.-])")
    return any(
        between.search(variant)
        for text in dict.fromkeys(_decoded(content))
        for variant in (text, _unescaped(text), unquote_plus(text), html.unescape(text))
    )
