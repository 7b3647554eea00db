"""Rows that become no event: the reason for people, and a file of them to mend."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, NamedTuple, Self

from cli.formats.file_invalid import FileInvalid

__all__ = ["CellRefused", "Refusal", "Refusals"]

_SHOWN: Final = 5
_MAX_VALUE: Final = 60


class CellRefused(ValueError):
    """A cell that cannot be used: its column, its value, and why."""

    def __init__(self, column: str, value: Any, reason: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason = column, value, reason


class Refusal(NamedTuple):
    """A refused row of a file, and the cell that is to blame."""

    file: str
    row: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        cell = f", column {self.column}" if self.column else ""
        found = f", found {self.value!r}" if self.value else ""
        return f"{self.file} row {self.row}{cell}: {self.reason}{found}"


class Refusals:
    """Counts refused rows by reason, keeps the first few, and writes all of them to a file if one is named.

    The file is CSV: where each row stood, the column, the value and the reason, and then the cells of the row. Raises
    FileInvalid where it is there already.
    """

    def __init__(self, path: Path | None = None, columns: Sequence[str] = ()) -> None:
        self.counts: Counter[str] = Counter()
        self.rows = 0
        self.first: list[Refusal] = []
        self._path, self._columns = path, list(columns)
        self._file: IO[str] | None = None
        if path is not None and path.exists():
            raise FileInvalid(
                str(path), "", "is there already; remove it, or choose another place for the refused rows"
            )

    def add(self, refusal: Refusal, cells: dict[str, Any] | None = None) -> None:
        """Count a refused row."""
        self.rows += 1
        self.counts[f"{refusal.column}: {refusal.reason}" if refusal.column else refusal.reason] += 1
        if len(self.first) < _SHOWN:
            self.first.append(refusal)
        if self._path is not None:
            self._writer.writerow([*refusal, *(_text((cells or {}).get(name)) for name in self._columns)])

    @property
    def _writer(self) -> Any:
        if self._file is None and self._path is not None:
            try:
                self._file = self._path.open("x", encoding="utf-8", newline="")
            except OSError as error:
                raise FileInvalid(str(self._path), "", f"cannot be written: {error.strerror}") from error
            self._csv = csv.writer(self._file)
            self._csv.writerow(
                ["refused_file", "refused_row", "refused_column", "refused_value", "refused_reason", *self._columns]
            )
        return self._csv

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).encode("utf-8", "replace").decode()
