"""Text files of cells: CSV, TSV and their relatives, in any encoding, with any delimiter."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

from cli.formats.file_invalid import FileInvalid
from cli.tables.delimiter import Layout, detect_layout, header_row, looks_like_data
from cli.tables.file_sources import FileSource
from cli.tables.table import Chunk, Fault, Table, distinct_names, in_chunks
from cli.tables.text_encoding import Encoding, detect_encoding

__all__ = ["CsvTable"]

_SAMPLE_LINES: Final = 1_000
_SAMPLE_CHARACTERS: Final = 1 << 20
_TITLE_ROWS: Final = 30
"""Rows among which the header is looked for."""
_MAX_TEXT: Final = 200
_ODD: Final = re.compile("[\udc80-\udcff]")
"""Bytes that are not UTF-8, as Python's handler surrogateescape has them."""


class CsvTable(Table):
    """The rows below a line of names. Raises FileInvalid where its encoding or its header cannot be found."""

    def __init__(
        self, source: FileSource, *, encoding: str | None = None, delimiter: str | None = None, header: bool = True
    ) -> None:
        super().__init__(source.name)
        self._source, self._has_header = source, header
        self._encoding = Encoding(encoding, encoding) if encoding else self._detected()
        lines = self._sample()
        if not any(line.strip() for line in lines):
            raise FileInvalid(self.name, "", "is empty")
        self._layout = Layout(delimiter, repr(delimiter)) if delimiter else detect_layout(lines)
        rows = [row for _, row in zip(range(_TITLE_ROWS), self._rows_of(lines), strict=False)]
        self._inner = _layout_inside(rows)
        rows = [self._unpacked(row) for row in rows]
        place = header_row(rows) if header else 0
        self._before = place + 1 if header else 0
        names = rows[place]
        if header and looks_like_data([name for name in names if name.strip()]):
            raise FileInvalid(
                self.name,
                f"row {place + 1 + self._layout.skipped_lines}",
                f"should name the columns, found {self._layout.delimiter.join(names)[:80]!r}; add a line of names, or "
                "say --no-header and name columns by their places, as in --map amount='column 3'",
            )
        self.columns = distinct_names(names if header else [""] * len(names))
        self.notes = {"encoding": self._encoding.label, "delimiter": self._layout.label}
        if header:
            self.notes["header"] = f"row {place + 1 + self._layout.skipped_lines}"

    def _detected(self) -> Encoding:
        with self._source.open() as stream:
            return detect_encoding(self.name, stream)

    @contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        errors = "surrogateescape" if self._encoding.damaged else "strict"
        with self._source.open() as stream:
            try:
                text = io.TextIOWrapper(stream, self._encoding.codec, errors=errors, newline="")
            except LookupError:
                raise FileInvalid(self.name, "", f"there is no encoding {self._encoding.codec!r}") from None
            try:
                yield text
            finally:
                text.detach()

    def _sample(self) -> list[str]:
        with self._text() as text:
            try:
                lines, size = [], 0
                for line in islice(text, _SAMPLE_LINES):
                    lines.append(line)
                    size += len(line)
                    if size > _SAMPLE_CHARACTERS:
                        break
            except UnicodeError as error:
                raise self._undecodable(error) from error
        return lines

    def _undecodable(self, error: UnicodeError) -> FileInvalid:
        return FileInvalid(self.name, "", f"is not text in {self._encoding.label}: {error}; see --encoding")

    def _unpacked(self, cells: list[str]) -> list[str]:
        """Return the cells of a line that is quoted as a whole."""
        if self._inner is None or len(cells) != 1:
            return cells
        return next(csv.reader(cells, delimiter=self._inner.delimiter), [])

    def _rows_of(self, lines: list[str]) -> Iterator[list[str]]:
        try:
            yield from csv.reader(lines[self._layout.skipped_lines :], delimiter=self._layout.delimiter)
        except csv.Error:
            return

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows; one with another number of cells, or with bytes that do not belong there, is a fault."""
        records = (
            (row, found if isinstance(found, Fault) else [cell or None for cell in found])
            for row, found in self._records()
        )
        for chunk in in_chunks(self.columns, records):
            self.share_read = self._source.share_read
            yield chunk

    def _records(self) -> Iterator[tuple[int, list[str] | Fault]]:
        """Yield each row's number and its cells, or what is wrong with it; blank rows are left out."""
        width, first = len(self.columns), self._layout.skipped_lines
        with self._text() as text:
            lines = _Lines(text, self._encoding.damaged)
            next(islice(lines, first, first), None)
            reader = csv.reader(lines, delimiter=self._layout.delimiter, strict=True)
            row = first
            while True:
                row += 1
                begun = reader.line_num
                try:
                    cells = self._unpacked(next(reader))
                except StopIteration:
                    return
                except UnicodeError as error:
                    raise self._undecodable(error) from error
                except csv.Error as error:
                    yield row, self._fault(row, str(error), reader.line_num - begun)
                    continue
                if row <= first + self._before or not any(cells):
                    continue
                if lines.odd and (odd := _odd(cells)):
                    yield row, Fault(row, odd, self._joined(cells))
                elif len(cells) != width and any(cells[width:] or ["" if len(cells) > width else "short"]):
                    yield row, Fault(row, self._wrong_width(cells, reader.line_num - begun), self._joined(cells))
                else:
                    yield row, cells[:width]

    def _fault(self, row: int, error: str, lines: int) -> Fault:
        if "end of data" in error or "larger than" in error:
            reason = "a quotation mark opens a cell that is never closed"
            if lines > 1:
                raise FileInvalid(self.name, f"row {row}", f"{reason}; nothing after it can be read")
            return Fault(row, reason)
        return Fault(row, f"a quotation mark stands inside a quoted cell and is not doubled ({error})")

    def _wrong_width(self, cells: list[str], lines: int) -> str:
        spread = f" over {lines} lines" if lines > 1 else ""
        return f"has {len(cells)} cells{spread}, the header names {len(self.columns)} columns"

    def _joined(self, cells: list[str]) -> str:
        return self._layout.delimiter.join(cells)[:_MAX_TEXT]


class _Lines:
    """Lines of text; `odd` is whether any so far held a NUL character or a byte that is not text."""

    def __init__(self, lines: io.TextIOWrapper, damaged: bool) -> None:
        self._lines, self._damaged = lines, damaged
        self.odd = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if "\0" in line or (self._damaged and not line.isascii() and _ODD.search(line)):
            self.odd = True
        return line


def _layout_inside(rows: list[list[str]]) -> Layout | None:
    """Return how lines that are quoted as a whole are divided inside; None where they are not quoted so."""
    if len(rows) < 2 or any(len(row) != 1 for row in rows):
        return None
    inside = [row[0] + "\n" for row in rows]
    layout = detect_layout(inside)
    return layout if all(layout.delimiter in line for line in inside) else None


def _odd(cells: list[str]) -> str | None:
    text = "".join(cells)
    if "\0" in text:
        return "holds a NUL character (a zero byte), which no text has; the file may be damaged"
    found = _ODD.search(text)
    return found and f"holds the byte 0x{ord(found[0]) - 0xDC00:02X}, which is not UTF-8"
