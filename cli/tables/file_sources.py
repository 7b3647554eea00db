"""Where files come from: a path, a folder, stdin or a URL; plain, compressed, or inside a zip archive."""

import bz2
import gzip
import lzma
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from cli.formats.file_invalid import FileInvalid

__all__ = ["FileSource", "Spool", "find_sources"]

_STDIN: Final = "-"
_GZIP, _ZIP, _BZIP2, _XZ = b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\x00"
_OLD_EXCEL, _PARQUET = b"\xd0\xcf\x11\xe0", b"PAR1"
_OPENERS: Final[dict[bytes, Callable[[IO[bytes]], IO[bytes]]]] = {
    _GZIP: lambda raw: cast("IO[bytes]", gzip.GzipFile(fileobj=raw)),
    _BZIP2: lambda raw: cast("IO[bytes]", bz2.BZ2File(raw)),
    _XZ: lambda raw: cast("IO[bytes]", lzma.LZMAFile(raw)),  # noqa: SIM115 - closed by `open`
}
_HIDDEN: Final = (".", "_", "__MACOSX")


class Spool:
    """Temporary files for what can be read only once; they are gone with the `with` block."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def keep(self, stream: IO[bytes]) -> Path:
        """Copy what is left of a stream to disk."""
        path = self.new_file()
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        return path

    def new_file(self) -> Path:
        """Return the path of an empty file."""
        file = self._stack.enter_context(tempfile.NamedTemporaryFile(prefix="shoal-import-"))  # noqa: SIM115
        return Path(file.name)


@dataclass
class FileSource:
    """A file that can be opened again and again; `member` is its name inside a zip archive.

    `begin` are its first bytes after decompression, by which its format is recognised.
    """

    name: str
    path: Path
    member: str = ""
    begin: bytes = b""
    _raw: IO[bytes] | None = field(default=None, repr=False)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open it for reading, decompressed. Raises FileInvalid where it cannot be read or is damaged."""
        with ExitStack() as stack:
            try:
                raw: IO[bytes] = stack.enter_context(self.path.open("rb"))
                self._raw = raw
                if self.member:
                    archive = stack.enter_context(zipfile.ZipFile(raw))
                    raw = stack.enter_context(archive.open(self.member))
                opener = _OPENERS.get(_magic(raw)) if raw.seekable() else None
                stream = stack.enter_context(opener(raw)) if opener else raw
                yield cast("BinaryIO", stream)
            except (OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError, RuntimeError) as error:
                if isinstance(error, RuntimeError) and "password" not in str(error):
                    raise
                raise FileInvalid(
                    self.name, "", f"cannot be read: {getattr(error, 'strerror', None) or error}"
                ) from error
            finally:
                self._raw = None

    @property
    def share_read(self) -> float | None:
        """How much of the file has been read, from 0 to 1; None where it is not open."""
        if self._raw is None or self._raw.closed:
            return None
        return min(1.0, self._raw.tell() / max(1, self.path.stat().st_size))

    @property
    def suffix(self) -> str:
        """The ending of its name, without that of a compression."""
        name = (self.member or self.name).lower().split("?")[0]
        for ending in (".gz", ".bz2", ".xz", ".zip"):
            name = name.removesuffix(ending)
        return Path(name).suffix

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file."""
        return self.begin.startswith(_PARQUET)

    @property
    def is_excel(self) -> bool:
        """Whether it is a workbook of Excel (xlsx)."""
        return self.begin.startswith(_ZIP)

    @property
    def is_old_excel(self) -> bool:
        """Whether it is a workbook of Excel before 2007 (xls)."""
        return self.begin.startswith(_OLD_EXCEL)


def find_sources(names: Sequence[str], spool: Spool, stdin: BinaryIO | None = None) -> list[FileSource]:
    """Return the files that arguments name: paths, folders (their files by name), `-`, or URLs that fsspec can open.

    Raises FileInvalid where there is no such file, or nothing in it.
    """
    found: list[FileSource] = []
    for name in names:
        for label, path in _paths(name, spool, stdin):
            found += _members(label, path, spool)
    return found


def _paths(name: str, spool: Spool, stdin: BinaryIO | None) -> Iterator[tuple[str, Path]]:
    if name == _STDIN:
        yield "stdin", spool.keep(stdin or sys.stdin.buffer)
    elif "://" in name:
        yield _without_query(name), _fetched(name, spool)
    elif (path := Path(name)).is_dir():
        inside = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith(_HIDDEN))
        if not inside:
            raise FileInvalid(name, "", "is a folder without files")
        yield from ((str(each), each) for each in inside)
    elif path.is_file():
        yield name, path
    elif path.exists():
        yield name, spool.keep(path.open("rb"))  # a pipe, as `<(zcat …)` is
    else:
        raise FileInvalid(name, "", "there is no such file")


def _without_query(url: str) -> str:
    """Leave out what may be a signature, and a password."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def _fetched(url: str, spool: Spool) -> Path:
    import fsspec

    try:
        with fsspec.open(url, "rb") as stream:
            return spool.keep(stream)
    except ImportError as error:
        raise FileInvalid(_without_query(url), "", f"needs a package that is not installed: {error}") from error
    except Exception as error:  # the file systems have errors of their own
        reason = str(error).replace(url, _without_query(url)) or type(error).__name__
        raise FileInvalid(_without_query(url), "", f"cannot be fetched: {reason}") from error


def _members(name: str, path: Path, spool: Spool) -> list[FileSource]:
    """Return the files of a zip archive that is no workbook, or the file itself."""
    with path.open("rb") as stream:
        is_zip = stream.read(4) == _ZIP
    sources = [FileSource(name, path)]
    if is_zip:
        inside = _listed(name, path)
        if "[Content_Types].xml" not in inside:
            names = [each for each in inside if not each.endswith("/") and not _is_hidden(each)]
            sources = [FileSource(f"{name}/{each}", path, each) for each in names]
    for source in sources:
        with source.open() as stream:
            source.begin = stream.read(8)
        if source.is_old_excel:
            raise FileInvalid(source.name, "", "is a workbook of Excel before 2007; save it as .xlsx or as CSV")
    return [_seekable(source, spool) for source in sources]


def _listed(name: str, path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(archive.namelist())
    except (zipfile.BadZipFile, OSError) as error:
        raise FileInvalid(name, "", f"is a damaged zip archive: {error}") from error


def _is_hidden(member: str) -> bool:
    return any(part.startswith(_HIDDEN) for part in member.split("/"))


def _seekable(source: FileSource, spool: Spool) -> FileSource:
    """Unpack a compressed workbook or Parquet file: their readers jump to and fro."""
    with source.path.open("rb") as stream:
        packed = bool(source.member) or _magic(stream) in _OPENERS
    if packed and (source.is_parquet or source.is_excel):
        with source.open() as stream:
            return FileSource(source.name, spool.keep(stream), begin=source.begin)
    return source


def _magic(stream: IO[bytes]) -> bytes:
    """Return the beginning of a compressed stream by which it is recognised; empty of another."""
    begin = stream.read(8)
    stream.seek(0)
    return next((each for each in _OPENERS if begin.startswith(each)), b"")
