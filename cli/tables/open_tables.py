"""From the arguments of a command to the tables that they name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from cli.formats.file_invalid import FileInvalid
from cli.tables.csv_table import CsvTable
from cli.tables.excel_table import excel_tables
from cli.tables.file_sources import FileSource, Spool, find_sources
from cli.tables.json_table import JsonTable
from cli.tables.table import Table
from cli.tables.typed_tables import ParquetTable, SqlTable

__all__ = ["ReadingOptions", "open_tables"]


@dataclass(frozen=True)
class ReadingOptions:
    """What a person says about the form of the files; None or true: it is found out."""

    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    sheet: str | None = None
    sql: str | None = None
    query: str | None = None


def open_tables(
    names: Sequence[str],
    spool: Spool,
    options: ReadingOptions = ReadingOptions(),
    stdin: BinaryIO | None = None,
) -> list[Table]:
    """Return the tables of paths, folders, URLs and `-`, or of a query.

    Raises:
        FileInvalid: there is no such file, it is of no known format, or it is damaged.
    """
    if options.sql is not None:
        return [SqlTable(options.sql, options.query or "", spool)]
    found = [table for source in find_sources(names, spool, stdin) for table in _tables_of(source, options)]
    if not found:
        raise FileInvalid(", ".join(names), "", "holds no file")
    return found


def _tables_of(source: FileSource, options: ReadingOptions) -> Sequence[Table]:
    if source.is_parquet:
        return [ParquetTable(source)]
    if source.is_excel:
        return excel_tables(source, options.sheet)
    if source.suffix in (".jsonl", ".ndjson", ".json") or source.begin.lstrip(b"\xef\xbb\xbf \r\n").startswith(
        (b"{", b"[")
    ):
        return [JsonTable(source)]
    return [CsvTable(source, encoding=options.encoding, delimiter=options.delimiter, header=options.header)]
