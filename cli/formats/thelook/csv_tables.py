"""The tables as they were exported: every cell is text until it is looked at; rows of no use are counted."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from cli.formats.file_invalid import FileInvalid
from events.arrays import Ints

__all__ = ["NEVER", "Faults", "ids", "instant", "milliseconds", "numbers", "read_chunks", "read_table", "sift", "texts"]

NEVER: Final = int(np.iinfo(np.int64).min)
"""The instant of a cell that holds none: before all others."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_ID: Final = 40
_MAX_TEXT: Final = 256

Faults = Mapping[str, Callable[[pd.DataFrame], pd.Series]]
"""What makes a row of no use, by reason: each says of a frame's rows which have that fault."""


def read_table(path: Path, required: Collection[str], optional: Collection[str] = ()) -> pd.DataFrame:
    """Return these columns of a CSV file, as text; an optional one that the file lacks is empty.

    Raises:
        FileInvalid: it cannot be read, or a required column is missing.
    """
    chunks = list(read_chunks(path, required, optional))
    return pd.concat(chunks, ignore_index=True)


def read_chunks(
    path: Path, required: Collection[str], optional: Collection[str] = (), rows: int = 200_000
) -> Iterator[pd.DataFrame]:
    """Yield what `read_table` returns in pieces of at most `rows` rows: at least one, which may be empty.

    Raises:
        FileInvalid: it cannot be read, or a required column is missing.
    """
    used = [*required, *optional]
    try:
        with pd.read_csv(
            path,
            dtype="str",
            encoding_errors="replace",
            usecols=lambda name: name in used,
            index_col=False,  # else a comma at the end of each row moves every cell one column on
            chunksize=rows,
        ) as chunks:
            for chunk in chunks:
                missing = [name for name in required if name not in chunk.columns]
                if missing:
                    raise FileInvalid(str(path), "line 1", f"should name the columns; {', '.join(missing)} not found")
                yield chunk.reindex(columns=used).astype("str")
    except (ValueError, OSError) as error:
        raise FileInvalid(str(path), "", f"cannot be read as CSV: {error}") from error


def ids(column: pd.Series) -> pd.Series:
    """Return numbers that name something as text, "" where there is none; 12.0, as pandas may write it, is 12.

    >>> ids(pd.Series(["12", "12.0", " a7 ", None], dtype="str")).tolist()
    ['12', '12', 'a7', '']
    """
    return texts(column, _MAX_ID).str.removesuffix(".0")


def texts(column: pd.Series, most: int = _MAX_TEXT) -> pd.Series:
    """Return a column's texts, "" for those that are empty or have more than `most` characters."""
    stripped = column.fillna("").str.strip()
    return stripped.where(stripped.str.len() <= most, "")


def numbers(column: pd.Series, least: float, most: float) -> pd.Series:
    """Return a column's numbers, NaN for what is none from `least` to `most`."""
    found = pd.to_numeric(column, errors="coerce").astype("float64")
    return found.where(found.between(least, most))


def milliseconds(column: pd.Series) -> Ints:
    """Return instants (n,) in ms since 1970 UTC, NEVER where there is none; earlier ones count as none.

    They may end in UTC as BigQuery writes it, in Z, in an offset, or in nothing, which is UTC.

    >>> milliseconds(pd.Series(["1970-01-01 00:00:01.5 UTC", "1970-01-01 00:00:02+00:00", "soon"], dtype="str"))[:2]
    array([1500, 2000])
    """
    written = column.str.strip().str.removesuffix("UTC").str.rstrip()
    instants = pd.to_datetime(written, errors="coerce", utc=True, format="ISO8601")
    found: Ints = instants.to_numpy("datetime64[ms]").astype(np.int64)
    return np.where(found < 0, NEVER, found)


def instant(ms: int) -> datetime:
    """Return the instant of ms since 1970 UTC."""
    return _EPOCH + timedelta(milliseconds=ms)


def sift(frame: pd.DataFrame, faults: Faults) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows without a fault, and how many had each one, the first of a row's faults in this order."""
    skipped = {}
    for reason, has in faults.items():
        bad = has(frame).to_numpy(np.bool_)
        skipped[reason] = int(bad.sum())
        frame = frame[~bad]
    return frame.reset_index(drop=True), skipped
