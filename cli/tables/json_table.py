"""JSON Lines, or one JSON list of objects; nested objects become columns with dotted names."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from cli.formats.file_invalid import FileInvalid
from cli.tables.file_sources import FileSource
from cli.tables.table import Chunk, Fault, Table, in_chunks
from cli.tables.text_encoding import detect_encoding

__all__ = ["JsonTable", "flattened"]

_MAX_LIST_BYTES: Final = 1 << 28
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_VALUES: Final = ("string_value", "int_value", "double_value", "float_value")
_MAX_TEXT: Final = 200


class JsonTable(Table):
    """One object a line. A list of objects is read as a whole, and may have 256 MB at most."""

    def __init__(self, source: FileSource) -> None:
        super().__init__(source.name)
        self._source = source
        with source.open() as stream:
            encoding = detect_encoding(source.name, stream)
        if not encoding.codec.startswith("utf-8"):
            raise FileInvalid(self.name, "", f"is JSON in {encoding.label}; JSON is UTF-8")
        names: dict[str, None] = {}
        for _, row in self._objects():
            if isinstance(row, dict):
                names.update(dict.fromkeys(row))
        if not names:
            raise FileInvalid(self.name, "", "holds no JSON objects")
        self.columns = list(names)
        self.notes = {"format": "JSON"}

    def chunks(self) -> Iterator[Chunk]:
        """Yield the objects; a line that is none is a fault."""
        records = ((row, found if isinstance(found, Fault) else self._cells(found)) for row, found in self._objects())
        for chunk in in_chunks(self.columns, records):
            self.share_read = self._source.share_read
            yield chunk

    def _cells(self, found: dict[str, Any]) -> list[Any]:
        return [None if found.get(name) == "" else found.get(name) for name in self.columns]

    def _objects(self) -> Iterator[tuple[int, dict[str, Any] | Fault]]:
        decode = msgspec.json.Decoder().decode
        with self._source.open() as stream:
            if self._source.begin.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"["):
                yield from self._list(stream.read(_MAX_LIST_BYTES + 1))
                return
            for row, line in enumerate(stream, 1):
                value = (line.removeprefix(_BYTE_ORDER_MARK) if row == 1 else line).strip()
                if value:
                    yield row, _read(row, value, decode)

    def _list(self, value: bytes) -> Iterator[tuple[int, dict[str, Any] | Fault]]:
        if len(value) > _MAX_LIST_BYTES:
            raise FileInvalid(self.name, "", "is a JSON list of more than 256 MB; write one object a line (JSON Lines)")
        try:
            objects = msgspec.json.decode(value.removeprefix(_BYTE_ORDER_MARK))
        except (msgspec.DecodeError, RecursionError) as error:
            raise FileInvalid(self.name, "", f"is not JSON: {error}") from error
        for row, each in enumerate(objects, 1):
            yield (
                row,
                flattened(each) if isinstance(each, dict) else Fault(row, "is no JSON object", str(each)[:_MAX_TEXT]),
            )


def _read(row: int, value: bytes, decode: Any) -> dict[str, Any] | Fault:
    try:
        found = decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Fault(row, f"is not JSON: {error}", value[:_MAX_TEXT].decode(errors="replace"))
    if not isinstance(found, dict):
        return Fault(row, "is no JSON object", value[:_MAX_TEXT].decode(errors="replace"))
    return flattened(found)


def flattened(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested objects as cells with dotted names; a list of keys with values, as Google Analytics has, too.

    >>> flattened({"id": 7, "customer": {"email": "a@example.com"}, "tags": ["x"]})
    {'id': 7, 'customer.email': 'a@example.com', 'tags': ['x']}
    >>> flattened({"event_params": [{"key": "ga_session_id", "value": {"string_value": None, "int_value": 12}}]})
    {'event_params.ga_session_id': 12}
    """
    cells: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            cells |= flattened(inner, f"{prefix}{name}.")
        elif _is_pairs(inner):
            cells |= {f"{prefix}{name}.{pair['key']}": _plain(pair["value"]) for pair in inner}
        else:
            cells[prefix + name] = None if inner == {} else inner
    return cells


def _is_pairs(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(x, dict) and x.keys() == {"key", "value"} for x in value)
    )


def _plain(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return next((value[name] for name in _VALUES if value.get(name) is not None), None)
