"""Tables whose cells have types: Parquet files, and the rows of an SQL query."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.formats.file_invalid import FileInvalid
from cli.tables.file_sources import FileSource, Spool
from cli.tables.json_table import flattened
from cli.tables.table import CHUNK_ROWS, Chunk, Table, distinct_names, make_chunk

__all__ = ["ParquetTable", "SqlTable"]


class ParquetTable(Table):
    """The rows of a Parquet file; nested columns become columns with dotted names."""

    def __init__(self, source: FileSource) -> None:
        super().__init__(source.name, notes={"format": "Parquet"})
        self._path = source.path
        names: dict[str, None] = {}
        for rows in self._batches():
            for row in rows:
                names.update(dict.fromkeys(row))
            if not self._nested:
                break
        self.columns = list(names) or self._schema_names

    def _batches(self) -> Iterator[list[dict[str, Any]]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self._path) as file:
                schema = file.schema_arrow
                self._schema_names = list(schema.names)
                self._nested = any(pa.types.is_nested(field.type) for field in schema)
                done = 0
                for batch in file.iter_batches(CHUNK_ROWS):
                    rows = batch.to_pylist(maps_as_pydicts="lossy")
                    done += len(rows)
                    self.share_read = done / max(1, file.metadata.num_rows)
                    yield [flattened(row) for row in rows] if self._nested else rows
        except (pa.ArrowException, OSError) as error:
            raise FileInvalid(self.name, "", f"cannot be read as Parquet: {error}") from error

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows."""
        done = 0
        for rows in self._batches():
            cells = [[None if row.get(name) == "" else row.get(name) for name in self.columns] for row in rows]
            yield make_chunk(self.columns, cells, range(done + 1, done + len(rows) + 1))
            done += len(rows)


class SqlTable(Table):
    """The rows of a query, which runs once; they are kept on disk, to be read again."""

    def __init__(self, url: str, query: str, spool: Spool) -> None:
        super().__init__("the query", notes={"format": "SQL"})
        self._path: Path = spool.new_file()
        self.columns = distinct_names(self._fetch(url, query))

    def _fetch(self, url: str, query: str) -> list[str]:
        import sqlalchemy
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

        try:
            engine = sqlalchemy.create_engine(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            reason = str(error).replace(url, "the URL")
            raise FileInvalid(
                "--sql", "", f"should be an SQLAlchemy URL whose driver is installed: {reason}"
            ) from error
        try:
            with engine.connect().execution_options(stream_results=True) as connection, self._path.open("wb") as file:
                result = connection.execute(sqlalchemy.text(query))
                if not result.returns_rows:
                    raise FileInvalid("the query", "", "returns no rows; it should be a SELECT")
                for rows in result.partitions(CHUNK_ROWS):
                    pickle.dump([tuple(row) for row in rows], file)
                return list(result.keys())
        except SQLAlchemyError as error:
            raise FileInvalid("the query", "", f"failed: {getattr(error, 'orig', None) or error}") from error
        finally:
            engine.dispose()

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows."""
        done = 0
        with self._path.open("rb") as file:
            while file.peek(1):
                rows = pickle.load(file)  # noqa: S301 - written by this process, in a file that only it can read
                cells = [[None if cell == "" else cell for cell in row] for row in rows]
                yield make_chunk(self.columns, cells, range(done + 1, done + len(rows) + 1))
                done += len(rows)
