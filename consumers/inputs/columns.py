"""Events in columns: what the decoder's structs become before anything is computed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Ints
from events.codec.instants import milliseconds
from events.codec.struct_decoder import Rejection

__all__ = ["Columns", "Decoding", "Names", "Rejections", "column", "milliseconds", "names_column", "time_refusal"]

Names = Sequence[str] | npt.NDArray[np.object_]


@dataclass(frozen=True)
class Columns:
    """What every input has: whose, which and when. Arrays are (n,), times in ms since 1970 UTC."""

    customer_ids: Names
    event_hashes: npt.NDArray[np.uint64]
    times: Ints

    def __len__(self) -> int:
        return len(self.customer_ids)

    @classmethod
    def joined(cls, columns: Sequence[Self]) -> Self:
        """Return the events of all columns, one after the other."""
        if len(columns) == 1:
            return columns[0]
        together: dict[str, Any] = {}
        for field in fields(cls):
            pieces = [getattr(each, field.name) for each in columns]
            lists = isinstance(pieces[0], list)
            together[field.name] = [value for piece in pieces for value in piece] if lists else np.concatenate(pieces)
        return replace(columns[0], **together)

    def of_merged_ids(self) -> Self:
        """Return the same events as those that were published under ids which were merged into others."""
        return self

    def take(self, positions: Ints) -> Self:
        """Return the events at these positions."""
        chosen = positions.tolist()
        picked: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            picked[field.name] = [column[i] for i in chosen] if isinstance(column, list) else column[positions]
        return replace(self, **picked)


class Decoding(NamedTuple):
    """The valid events of a topic slice in columns, their positions in the slice, and what was rejected.

    `set_aside` has by position the fields of a valid event that could not be read and were left out.
    """

    columns: Columns
    positions: Ints
    rejections: list[Rejection]
    set_aside: Mapping[int, Sequence[str]] = {}


class Rejections:
    """Collects, over the checks of one slice, which events are out and why (the first reason counts)."""

    def __init__(self, n: int) -> None:
        self._reasons: dict[int, str] = {}
        self._n = n

    def where(self, bad: Flags, reason: Callable[[int], str]) -> None:
        """Reject the events where `bad` is true."""
        if bad.any():
            self.at(np.flatnonzero(bad).tolist(), reason)

    def at(self, places: Iterable[int], reason: Callable[[int], str]) -> None:
        """Reject the events at these places."""
        for i in places:
            self._reasons.setdefault(i, reason(i))

    def times(self, times: Ints, earliest_ms: int, latest_ms: int, name: str = "occurred_at") -> None:
        """Reject events outside `earliest_ms` to `latest_ms`."""
        outside = (times < earliest_ms) | (times > latest_ms)
        self.where(outside, lambda i: time_refusal(name, int(times[i]), earliest_ms, latest_ms) or "")

    def split(self, columns: Columns, positions: Ints, before: list[Rejection]) -> Decoding:
        """Return the columns without the rejected events, and all the rejections in order."""
        if not self._reasons:
            return Decoding(columns, positions, before)
        kept = np.setdiff1d(np.arange(self._n), np.fromiter(self._reasons, np.int64))
        mine = [Rejection(int(positions[i]), reason) for i, reason in self._reasons.items()]
        return Decoding(columns.take(kept), positions[kept], sorted(before + mine))


def column(events: Sequence[Any], name: str) -> list[Any]:
    """Return one attribute of every event."""
    return list(map(attrgetter(name), events))


def names_column(events: Sequence[Any], name: str) -> npt.NDArray[np.object_]:
    """Return one text attribute of every event, as an array."""
    return np.array(column(events, name), dtype=object)


def time_refusal(name: str, at_ms: int, earliest_ms: int, latest_ms: int) -> str | None:
    """Say why a time is refused; None where it lies from `earliest_ms` to `latest_ms`."""
    if at_ms < earliest_ms:
        return f"{name}: lies before {_iso(earliest_ms)[:10]}, found {_iso(at_ms)}"
    if at_ms > latest_ms:
        return f"{name}: lies too far in the future, found {_iso(at_ms)}, allowed until {_iso(latest_ms)}"
    return None


def _iso(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return f"{ms} ms"
