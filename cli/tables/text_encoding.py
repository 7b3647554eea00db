"""The encoding of a text file, from all of its bytes: byte order mark, UTF-16, UTF-8, or an older one."""

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO, Final

from cli.formats.file_invalid import FileInvalid

__all__ = ["Encoding", "detect_encoding"]

_BLOCK: Final = 1 << 20
_SAMPLE: Final = 1 << 16
_BEFORE: Final = 40
"""Bytes of context that are kept before a byte that is not ASCII."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_SEQUENCE: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH: Final = re.compile(rb"[\x80-\xff]")
_WESTERN: Final = {"cp1252", "latin_1", "iso8859_1", "iso8859_15", "cp1254", "iso8859_9", "ascii", "utf_8"}
_ENOUGH_LETTERS: Final = 8
"""Letters beyond ASCII below which a detector's word for another alphabet is chance."""


@dataclass(frozen=True)
class Encoding:
    """A codec of Python's, what it is called for people, and whether some rows hold bytes that do not fit it."""

    codec: str
    label: str
    damaged: bool = False


def detect_encoding(name: str, stream: BinaryIO) -> Encoding:
    """Return the encoding of a file's text; it is read whole, a block at a time.

    Bytes that are not UTF-8 are Windows-1252, the encoding of older spreadsheets in western Europe, unless they read
    as another alphabet. Raises FileInvalid where both are possible, with what to choose from.
    """
    head = stream.read(_BLOCK)
    for mark, codec, label in _MARKS:
        if head.startswith(mark):
            return Encoding(codec, label)
    if wide := _without_mark(head[:_SAMPLE]):
        return wide
    return _of_all_bytes(name, head, stream)


def _without_mark(head: bytes) -> Encoding | None:
    """Recognise UTF-16 by the zero bytes of its ASCII characters."""
    if len(head) < 4:
        return None
    even, odd = head[0::2].count(0) / len(head[0::2]), head[1::2].count(0) / len(head[1::2])
    if odd > 0.5 > 0.1 > even:
        return Encoding("utf-16-le", "UTF-16 without a byte order mark")
    if even > 0.5 > 0.1 > odd:
        return Encoding("utf-16-be", "UTF-16 without a byte order mark")
    return None


def _of_all_bytes(name: str, block: bytes, stream: BinaryIO) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, sequences, stray, sample = True, 0, 0, bytearray()
    while block:
        if not block.isascii():
            inside = len(_SEQUENCE.findall(block))
            outside = len(_HIGH.findall(_SEQUENCE.sub(b"", block)))
            sequences, stray = sequences + inside, stray + outside
            _keep(sample, block)
        if valid:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                valid = False
        block = stream.read(_BLOCK)
    if valid and not decoder.getstate()[0]:
        return Encoding("utf-8", "UTF-8")
    if sequences > stray:
        return Encoding("utf-8", "UTF-8, damaged in places", damaged=True)
    return _legacy(name, bytes(sample))


def _keep(sample: bytearray, block: bytes) -> None:
    """Add what is around the block's bytes that are not ASCII."""
    for found in _HIGH.finditer(block):
        if len(sample) >= _SAMPLE:
            return
        sample += block[max(0, found.start() - _BEFORE) : found.end() + _BEFORE] + b"\n"


def _legacy(name: str, sample: bytes) -> Encoding:
    from charset_normalizer import from_bytes

    letters = len(_HIGH.findall(sample))
    best = from_bytes(sample).best() if letters >= _ENOUGH_LETTERS else None
    western = _decoded(sample, "cp1252")
    if western is not None and (best is None or best.encoding in _WESTERN or best.could_be_from_charset[0] in _WESTERN):
        return Encoding("cp1252", "Windows-1252 (its bytes are not UTF-8)")
    if best is None:
        raise FileInvalid(name, "", "its bytes are neither UTF-8 nor Windows-1252; name the encoding by --encoding")
    read = [(best.encoding, str(best))] + ([("cp1252", western)] if western is not None else [])
    shown = "; ".join(f"--encoding {codec} reads {_line(text)!r}" for codec, text in read)
    raise FileInvalid(name, "", f"its bytes are not UTF-8 and can be read in several ways: {shown}")


def _decoded(sample: bytes, codec: str) -> str | None:
    try:
        return sample.decode(codec)
    except UnicodeDecodeError:
        return None


def _line(text: str) -> str:
    """Return a piece of text around its first letter that is not ASCII."""
    place = next((i for i, each in enumerate(text) if not each.isascii()), 0)
    return text[max(0, place - 15) : place + 15].splitlines()[0]
