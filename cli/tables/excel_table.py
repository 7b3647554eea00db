"""Workbooks of Excel: every sheet that has a header and rows."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from cli.formats.file_invalid import FileInvalid
from cli.tables.delimiter import header_row, looks_like_data
from cli.tables.file_sources import FileSource
from cli.tables.table import Chunk, Table, distinct_names, in_chunks

__all__ = ["ExcelTable", "excel_tables"]

_TITLE_ROWS: Final = 30


class ExcelTable(Table):
    """The rows of one sheet. Numbers, dates and truth values stay what they are."""

    def __init__(self, source: FileSource, sheet: str) -> None:
        super().__init__(f"{source.name}[{sheet}]", notes={"format": "Excel", "sheet": sheet})
        self._source, self._sheet = source, sheet
        first = list(islice(self._rows(), _TITLE_ROWS))
        self._before = header_row([cells for _, cells in first]) + 1 if first else 0
        names = ["" if cell is None else str(cell) for cell in first[self._before - 1][1]] if first else []
        while names and not names[-1].strip():
            names.pop()
        self.columns = distinct_names(names)
        self.notes["header"] = f"row {self._before}"
        if names and looks_like_data([name for name in names if name.strip()]):
            raise FileInvalid(self.name, f"row {self._before}", f"should name the columns, found {names[:8]}")

    def _rows(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        import openpyxl

        with self._source.path.open("rb") as stream:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            sheet = book[self._sheet]
            sheet.reset_dimensions()  # some programs write a wrong size
            yield from enumerate(sheet.iter_rows(values_only=True), 1)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows that are not blank."""
        yield from in_chunks(self.columns, self._filled_rows())

    def _filled_rows(self) -> Iterator[tuple[int, list[Any]]]:
        width = len(self.columns)
        for row, found in islice(self._rows(), self._before, None):
            if all(cell in (None, "") for cell in found):
                continue
            kept = [None if cell == "" else cell for cell in found[:width]]
            yield row, kept + [None] * (width - len(kept))


def excel_tables(source: FileSource, sheet: str | None = None) -> list[ExcelTable]:
    """Return the sheets of a workbook that have rows, or the one that is named. Raises FileInvalid."""
    import openpyxl

    try:
        with source.path.open("rb") as stream:
            book = openpyxl.load_workbook(stream, read_only=True)
            names = [each.title for each in book.worksheets if each.sheet_state == "visible"]
    except Exception as error:  # openpyxl lets many errors of zip and XML through
        raise FileInvalid(source.name, "", f"cannot be read as a workbook of Excel: {error}") from error
    if sheet is not None and sheet not in names:
        raise FileInvalid(source.name, "", f"has no sheet {sheet!r}; it has {', '.join(names)}")
    tables = [ExcelTable(source, name) for name in ([sheet] if sheet is not None else names)]
    found = [table for table in tables if len(table.columns) > 1 or sheet is not None]
    if not found:
        raise FileInvalid(source.name, "", "has no sheet with a header and rows")
    return found
