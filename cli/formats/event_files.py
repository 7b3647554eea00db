"""Files of events, validated one by one: JSON Lines, CSV, Parquet, and JSON Lines from stdin."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Generic, Literal, TypeVar, overload

from pydantic import ValidationError

from cli.formats.file_invalid import FileInvalid
from cli.formats.file_rows import CsvRows, JsonLines, ParquetRows, Row, Rows
from consumers.inputs.bounds import EventBounds
from consumers.settings import ConsumerSettings
from events.codec.field_coercion import coerce
from events.codec.refusals import worded
from events.codec.struct_decoder import BatchDecoder
from events.schema.inputs import INPUTS, Event, Order
from events.settings import KafkaSettings

__all__ = ["EventFile", "read_events", "stop_at"]

E = TypeVar("E", bound=Event, covariant=True)
OnInvalid = Callable[[FileInvalid], None]

_STDIN = Path("-")
_MAX_BYTES = int(KafkaSettings.model_fields["max_event_bytes"].default)


def stop_at(error: FileInvalid) -> None:
    """Raise the error: what is done about an invalid line by default."""
    raise error


class EventFile(Generic[E]):
    """The events of one file in its order, to be iterated once; nothing but one batch of it is in memory."""

    def __init__(
        self,
        name: str,
        rows: Rows,
        topic: str,
        model: type[E],
        max_bytes: int,
        on_invalid: OnInvalid,
        bounds: EventBounds,
    ) -> None:
        self._name = name
        self._rows = rows
        self._topic, self._model = topic, model
        self._decoder = BatchDecoder(model, max_bytes)
        self._on_invalid, self._bounds = on_invalid, bounds

    @property
    def share_read(self) -> float | None:
        """How much of the file has been read, from 0 to 1; None where its size is not known."""
        return self._rows.share_read

    def __iter__(self) -> Iterator[E]:
        for row in self._rows:
            try:
                event = self._event(row)
            except ValueError as error:
                self._on_invalid(FileInvalid(self._name, row.place, str(error)))
            else:
                if refused := self._bounds.refusal(event, time.time_ns() // 1_000_000):
                    self._on_invalid(FileInvalid(self._name, row.place, refused))
                else:
                    yield event

    def _event(self, row: Row) -> E:
        if row.fault:
            raise ValueError(row.fault)
        if len(row.value) <= self._decoder.max_bytes:
            try:
                return self._model.model_validate_json(row.value)
            except ValidationError as error:
                refused = error
            # Whoever publishes a file can mend it, so that nothing of it has to be set aside.
            if (coerced := coerce(self._topic, row.value)) and not coerced.set_aside:
                return self._event(row._replace(value=coerced.value))
        # The decoder words a refusal as the dead letters do.
        rejections = self._decoder.decode([row.value]).rejections
        raise ValueError(rejections[0].reason if rejections else worded(refused))


@overload
def read_events(
    topic: Literal["orders"],
    path: Path,
    *,
    max_bytes: int = ...,
    on_invalid: OnInvalid = ...,
    stdin: BinaryIO | None = ...,
) -> EventFile[Order]: ...
@overload
def read_events(
    topic: str, path: Path, *, max_bytes: int = ..., on_invalid: OnInvalid = ..., stdin: BinaryIO | None = ...
) -> EventFile[Event]: ...
def read_events(
    topic: str,
    path: Path,
    *,
    max_bytes: int = _MAX_BYTES,
    on_invalid: OnInvalid = stop_at,
    stdin: BinaryIO | None = None,
    bounds: EventBounds | None = None,
) -> EventFile[Event]:
    """Return the events of a file for a topic, each validated when its turn comes.

    Args:
        topic: an input topic, without prefix; it decides the model.
        path: its suffix tells the format: .jsonl, .ndjson or .json (one object a line), .csv, .parquet; `-` is JSON
            Lines from stdin.
        max_bytes: largest event as JSON.
        on_invalid: called for each line that is not a valid event; the default raises what it is given.
        stdin: what `-` reads; this process's own if None.
        bounds: those that every event has to keep, as with a worker; None: those of the settings.

    Raises:
        FileInvalid: the file is not of a known format; while iterating, also its first line that is not valid.
    """
    model = INPUTS[topic]
    name = "stdin" if path == _STDIN else str(path)
    try:
        rows = _rows(path, model, stdin)
    except OSError as error:
        raise FileInvalid(name, "", f"cannot be read: {error.strerror}") from error
    bounds = EventBounds.from_settings(ConsumerSettings()) if bounds is None else bounds
    return EventFile(name, rows, topic, model, max_bytes, on_invalid, bounds)


def _rows(path: Path, model: type[Event], stdin: BinaryIO | None) -> Rows:
    if path == _STDIN:
        return JsonLines(stdin or sys.stdin.buffer)
    match path.suffix.lower():
        case ".jsonl" | ".ndjson" | ".json":
            return JsonLines(path)
        case ".csv":
            return CsvRows(path, model)
        case ".parquet" | ".pq":
            return ParquetRows(path, model)
    raise FileInvalid(str(path), "", "its name should end in .jsonl, .csv or .parquet, which tells the format")
