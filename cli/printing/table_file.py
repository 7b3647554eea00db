"""Write rows as CSV or Parquet with columns that stay the same, and beside the file a dictionary of those columns."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import typer

from events.base_error import ShoalError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Column", "ExportFailed", "check_suffix", "write_table"]

_CHUNK: Final = 50_000
_SUFFIXES: Final = (".csv", ".parquet")


class ExportFailed(ShoalError):
    """The file cannot be written."""


class Column(NamedTuple):
    """A column: its name, its type, and what it means, with its unit."""

    name: str
    type: Literal["text", "integer", "number", "flag", "time"]
    meaning: str


def check_suffix(path: Path) -> None:
    """Raise typer.BadParameter unless the file's name says CSV or Parquet."""
    if path.suffix.lower() not in _SUFFIXES:
        raise typer.BadParameter(f"{path}: the name ends with neither .csv nor .parquet", param_hint="--to")


def write_table(path: Path, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Write rows, which have every column's name as a key, and return what was written.

    The file appears whole or not at all. The dictionary is `<file>.columns.json`. Raises ExportFailed.
    """
    beside, partial = path.with_name(path.name + ".columns.json"), path.with_name(path.name + ".partial")
    try:
        count = _write(partial, path.suffix.lower(), columns, rows)
        partial.replace(path)
        beside.write_text(json.dumps([column._asdict() for column in columns], indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ExportFailed(f"{path} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return {"file": os.fspath(path), "rows": count, "columns_file": os.fspath(beside)}


def _write(path: Path, suffix: str, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> int:
    import pyarrow as pa
    from pyarrow import csv, parquet

    schema, count = _schema(columns), 0
    writer = csv.CSVWriter(path, schema) if suffix == ".csv" else parquet.ParquetWriter(path, schema)
    with writer:
        for chunk in _chunks(rows):
            writer.write_table(pa.Table.from_pylist(chunk, schema=schema))
            count += len(chunk)
    return count


def _schema(columns: Sequence[Column]) -> "pyarrow.Schema":
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "flag": pa.bool_(),
        "time": pa.timestamp("ms", tz="UTC"),
    }
    return pa.schema([pa.field(each.name, types[each.type], metadata={"meaning": each.meaning}) for each in columns])


def _chunks(rows: Iterable[Mapping[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(dict(row))
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
