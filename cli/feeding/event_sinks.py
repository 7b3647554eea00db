"""Where simulated events go: a folder with a JSON Lines file for each topic, or Kafka; and the truth beside them."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from cli.feeding.file_sending import Sender
from events.base_error import ShoalError
from events.settings import KafkaSettings
from simulation.event_merging import TOPICS, TRUTH, Batch

__all__ = ["FileTaken", "FolderSink", "LineFile", "Sink", "TopicSink"]

_SUFFIX: Final = ".jsonl"


class FileTaken(ShoalError):
    """A file that would be written exists already, or cannot be created."""

    def __init__(self, path: Path, reason: str = "is there already; remove it, or choose another place") -> None:
        super().__init__(f"{path} {reason}")
        self.path = path


class LineFile:
    """A new file of lines. Raises FileTaken where there is one already, or where it cannot be made."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = path.open("xb")
        except FileExistsError:
            raise FileTaken(path) from None
        except OSError as error:
            raise FileTaken(path, f"cannot be written: {error.strerror}") from error

    def write(self, lines: Sequence[bytes] | npt.NDArray[np.object_]) -> None:
        """Add lines, and hand them to the operating system, so that others see them."""
        if len(lines):
            self._file.write(b"\n".join(lines) + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close it."""
        self._file.close()


class Sink(Protocol):
    """Takes events; at the end of the `with` block all are written or acknowledged."""

    def write(self, batch: Batch) -> None:
        """Take the events of a batch; lines of the truth are left out."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *details: Any) -> None: ...


class FolderSink:
    """Writes `<topic>.jsonl` of every topic into a folder. Raises FileTaken."""

    def __init__(self, folder: Path) -> None:
        taken = [path for path in (folder / f"{topic}{_SUFFIX}" for topic in TOPICS) if path.exists()]
        if taken:
            raise FileTaken(taken[0])
        self._files = [LineFile(folder / f"{topic}{_SUFFIX}") for topic in TOPICS]

    def write(self, batch: Batch) -> None:
        """Write the events, each to its topic's file."""
        for topic, file in enumerate(self._files):
            file.write(batch.of(topic).values)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()


class TopicSink:
    """Publishes events to their topics, keyed by customer. Raises what `Sender` raises."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._sender = Sender(TOPICS, settings)

    def write(self, batch: Batch) -> None:
        """Publish the events."""
        for topic, key, value in zip(batch.topics.tolist(), batch.keys, batch.values, strict=True):
            if topic != TRUTH:
                self._sender.send(TOPICS[topic], key, value)

    def flush(self) -> None:
        """Wait until Kafka has acknowledged everything."""
        self._sender.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sender.close()
