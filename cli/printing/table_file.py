"""Write rows as CSV or Parquet with columns that stay the same, and beside the file a dictionary of those columns."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import typer

from cli.printing.spreadsheet_formulas import guard_table
from events.base_error import ShoalError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Column", "ExportFailed", "check_suffix", "write_table", "write_whole"]

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


def write_table(
    path: Path, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], *, guard: bool = True
) -> dict[str, Any]:
    """Write rows, which have every column's name as a key, and return what was written.

    The dictionary is `<file>.columns.json`. Raises ExportFailed.
    """
    import pyarrow as pa

    schema, beside = _schema(columns), path.with_name(path.name + ".columns.json")
    parts = (pa.Table.from_pylist(chunk, schema=schema) for chunk in _chunks(rows))
    count = write_whole(path, schema, parts, guard=guard)
    try:
        beside.write_text(json.dumps([column._asdict() for column in columns], indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ExportFailed(f"{beside} cannot be written: {error}") from error
    return {"file": os.fspath(path), "rows": count, "columns_file": os.fspath(beside)}


def write_whole(path: Path, schema: "pyarrow.Schema", parts: "Iterable[pyarrow.Table]", *, guard: bool = True) -> int:
    """Write tables into one file, by its suffix as CSV or Parquet, and return the number of rows.

    The file appears whole or not at all. In CSV, text that a spreadsheet would run is guarded. Raises ExportFailed.
    """
    from pyarrow import csv, parquet

    unfinished, count = path.with_name(f".{path.name}.{os.getpid()}"), 0
    is_csv = path.suffix.lower() == ".csv"
    make = csv.CSVWriter if is_csv else parquet.ParquetWriter
    try:
        with make(str(unfinished), schema) as writer:
            for part in parts:
                writer.write_table(guard_table(part) if is_csv and guard else part)
                count += part.num_rows
        unfinished.replace(path)
    except OSError as error:
        raise ExportFailed(f"{path} cannot be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
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
