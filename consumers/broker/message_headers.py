"""Headers of Kafka messages, packed into bytes: few messages' headers are ever looked at."""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["Headers", "pack_headers", "unpack_headers"]

Headers = list[tuple[str, bytes | None]]
"""Names, of which one may come several times, and values."""

Given = Sequence[tuple[str, str | bytes | None]] | Mapping[str, str | bytes | None]
"""What confluent-kafka says that it may give; it gives lists, and bytes."""

_LENGTH: Final = struct.Struct("=i")


def pack_headers(headers: Given | None) -> bytes:
    r"""Return headers as bytes: of each the name, a zero byte, the value's length (-1: none) and the value.

    >>> unpack_headers(pack_headers([("trace", b"\x00a"), ("empty", b""), ("none", None)]))
    [('trace', b'\x00a'), ('empty', b''), ('none', None)]
    """
    packed = []
    for name, content in headers.items() if isinstance(headers, Mapping) else headers or ():
        value = content.encode() if isinstance(content, str) else content
        packed.append(name.encode() + b"\0" + _LENGTH.pack(-1 if value is None else len(value)) + (value or b""))
    return b"".join(packed)


def unpack_headers(packed: bytes) -> Headers:
    """Return headers that were packed."""
    headers: Headers = []
    while packed:
        name, _, rest = packed.partition(b"\0")
        (length,) = _LENGTH.unpack_from(rest)
        end = _LENGTH.size + max(length, 0)
        headers.append((name.decode(errors="replace"), None if length < 0 else rest[_LENGTH.size : end]))
        packed = rest[end:]
    return headers
