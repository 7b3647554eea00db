"""Rows of JSON Lines, CSV and Parquet files, each as the JSON of one event, read a little at a time."""

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
from pydantic import BaseModel

from cli.formats.cell_types import CellConverter, column_kind
from cli.formats.file_invalid import FileInvalid

__all__ = ["CsvRows", "JsonLines", "ParquetRows", "Row", "Rows"]

_BATCH_ROWS = 1000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Row(NamedTuple):
    """One event as JSON, and where it stands; `fault` says why there is none."""

    place: str
    value: bytes
    fault: str = ""


class Rows(ABC):
    """The rows of one file, to be iterated once."""

    done = 0
    """Bytes or rows read so far."""
    size = 0
    """Bytes or rows in all; 0 where that is not known."""

    @abstractmethod
    def __iter__(self) -> Iterator[Row]:
        """Yield the rows. Raises FileInvalid for a file that has none of its format."""

    @property
    def share_read(self) -> float | None:
        """How much of the file has been read, from 0 to 1; None where its size is not known."""
        return min(1.0, self.done / self.size) if self.size else None


class JsonLines(Rows):
    """One JSON object a line; empty lines are skipped."""

    def __init__(self, source: Path | BinaryIO) -> None:
        self._source = source
        self.size = source.stat().st_size if isinstance(source, Path) else 0

    def __iter__(self) -> Iterator[Row]:
        with self._source.open("rb") if isinstance(self._source, Path) else nullcontext(self._source) as stream:
            for number, line in enumerate(stream, 1):
                self.done += len(line)
                value = (line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line).strip()
                if value:
                    yield Row(f"line {number}", value)


class CsvRows(Rows):
    """Comma-separated cells below a line with the fields' names; a row's place is the line in which it begins."""

    def __init__(self, path: Path, model: type[BaseModel]) -> None:
        self._path = path
        self._model = model
        self._convert = CellConverter(model)
        self.size = path.stat().st_size

    def __iter__(self) -> Iterator[Row]:
        with self._path.open("rb") as stream:
            # A map goes on after an exception, a generator would be at its end.
            reader = csv.reader(map(self._decode, stream), strict=True)
            names = self._header(reader)
            while True:
                place = f"line {reader.line_num + 1}"
                try:
                    cells = next(reader)
                    if cells:
                        yield Row(place, _to_json(self._convert(_named(names, cells))))
                except StopIteration:
                    return
                except (csv.Error, ValueError) as error:
                    yield Row(place, b"", _worded(error))

    def _decode(self, line: bytes) -> str:
        self.done += len(line)
        return line.decode()

    def _header(self, reader: Iterator[list[str]]) -> list[str]:
        try:
            names = next(reader, [])
        except (csv.Error, ValueError) as error:
            raise FileInvalid(str(self._path), "line 1", _worded(error)) from error
        names = [name.removeprefix(_BYTE_ORDER_MARK.decode()).strip() for name in names]
        required = [name for name, field in self._model.model_fields.items() if field.is_required()]
        missing = [name for name in required if name not in names]
        if missing:
            raise FileInvalid(str(self._path), "line 1", f"should name the columns; {', '.join(missing)} not found")
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            raise FileInvalid(str(self._path), "line 1", f"names {', '.join(twice)} more than once")
        if unread := _unread(names, self._model):
            raise FileInvalid(str(self._path), "line 1", unread)
        return names


class ParquetRows(Rows):
    """Columns with the fields' names; nested fields are lists and structs, maps, or JSON text."""

    def __init__(self, path: Path, model: type[BaseModel]) -> None:
        self._path = path
        self._model, self._convert = model, CellConverter(model)

    def __iter__(self) -> Iterator[Row]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with ExitStack() as stack:
            try:
                file = stack.enter_context(pq.ParquetFile(self._path))
                self.size = file.metadata.num_rows
                if unread := _unread(file.schema_arrow.names, self._model):
                    raise FileInvalid(str(self._path), "", unread)
                for batch in file.iter_batches(_BATCH_ROWS):
                    yield from self._rows(batch.to_pylist(maps_as_pydicts="lossy"))
            except (pa.ArrowException, OSError) as error:
                raise FileInvalid(str(self._path), "", f"cannot be read as Parquet: {error}") from error

    def _rows(self, rows: Sequence[dict[str, Any]]) -> Iterator[Row]:
        for row in rows:
            self.done += 1
            place = f"row {self.done}"
            try:
                yield Row(place, _to_json(self._convert(row)))
            except (ValueError, TypeError) as error:
                yield Row(place, b"", str(error))


def _unread(names: Sequence[str], model: type[BaseModel]) -> str | None:
    """Say which columns nothing would read; None where there are none."""
    unread = [name or "(a column without a name)" for name in names if column_kind(model, name) is None]
    if not unread:
        return None
    fields = ", ".join(model.model_fields)
    return (
        f"has columns that are no fields of such events: {', '.join(unread[:10])}; rename or remove them. "
        f"The fields are {fields}; those of a nested object have names such as attributes.nps"
    )


def _named(names: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(names):
        raise ValueError(f"has {len(cells)} cells, the first line names {len(names)} columns")
    return dict(zip(names, cells, strict=True))


def _to_json(values: dict[str, Any]) -> bytes:
    return msgspec.json.encode(values, enc_hook=_instant)


def _instant(value: Any) -> str:
    """Write the instants that pyarrow gives as pandas timestamps, which hold nanoseconds."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"holds a value of type {type(value).__name__}, which no event has")


def _worded(error: Exception) -> str:
    return f"not CSV in UTF-8: {error}" if isinstance(error, csv.Error | UnicodeDecodeError) else str(error)
