"""Decode a whole batch of JSON events at once, by decoders derived from the pydantic models.

The pydantic models are the one schema. msgspec reads a batch four to eight times faster, so each model is
translated, field by field, into a msgspec struct with the same constraints; a property test holds both to the same
verdict on the same bytes. Only when a value is refused is the batch read one by one; then pydantic words the reason.

The two parsers differ where no field of ours is concerned. pydantic takes NaN and Infinity in an ignored field, and a
field that is repeated where only the last is valid; neither is accepted here (but the latter is where the field is one
that is checked for the whole batch). pydantic refuses integers of more than
4,300 digits and more than 200 nested brackets in an ignored field; here they are, within Python's recursion limit.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
from pydantic import BaseModel

from events.arrays import Ints
from events.codec.instants import instants_ms
from events.codec.refusals import refusal
from events.schema.derived_structs import bounds, constraints, struct_of

__all__ = ["BatchDecoder", "DecodedStructs", "Rejection"]

_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_PIECE = 1_000


class Rejection(NamedTuple):
    """One value of a batch that was refused."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs
    reason: str


@dataclass(frozen=True)
class DecodedStructs:
    """The events of a batch that are valid, where in the batch they stood, and the refusals.

    `indices` is None where nothing was refused: then event i was value i. `instants` are, by field, the times (n,) of
    the valid events in ms since 1970 UTC.
    """

    events: list[Any]
    indices: list[int] | None
    rejections: list[Rejection]
    instants: dict[str, Ints] = field(default_factory=dict)

    @property
    def positions(self) -> Ints:
        """The position in the batch of each valid event."""
        return np.arange(len(self.events)) if self.indices is None else np.array(self.indices, np.int64)


class BatchDecoder:
    """Decodes values of one topic; `max_bytes` bounds a single value.

    >>> from events.schema.inputs import Exposure
    >>> decoder = BatchDecoder(Exposure)
    >>> good = (b'{"event_id": "1", "customer_id": "c", "occurred_at": "2026-01-01T00:00:00Z", '
    ...         b'"experiment": "e", "variant": "A"}')
    >>> decoded = decoder.decode([good, b"hello"])
    >>> decoded.events[0].variant, decoded.indices, decoded.rejections[0].reason
    ('A', [0], 'not JSON: expected value at line 1 column 1')

    Two things are quicker once for a batch than for each value, and so are left out of the decoder of a whole batch:
    patterns are held against the distinct values of a field, and the fields named in `instants` stay text, which is
    read in `DecodedStructs.instants`. With `unset`, fields that may be null are `msgspec.UNSET` where they are absent.
    """

    def __init__(
        self, model: type[BaseModel], max_bytes: int = 1 << 20, instants: Sequence[str] = (), *, unset: bool = False
    ) -> None:
        self.model = model
        self.max_bytes = max_bytes
        self._instants = tuple(instants)
        self._patterns = _patterns(model)
        self._read = msgspec.json.Decoder(struct_of(model, (*self._instants, *self._patterns), unset=unset)).decode

    def decode(self, values: Sequence[bytes | None]) -> DecodedStructs:
        """Decode all the values; where one is refused, each by itself to find out which and why.

        They are not joined into one JSON document, which is no faster: `{"a": 1` and `"b": 2}` would make one event.
        """
        values = values if isinstance(values, list) else list(values)
        indices, rejections = None, list[Rejection]()
        try:
            self._require_size(max(map(len, values), default=0))
            if not all(map(bytes.isascii, values)):
                _require_utf8(b"\n".join(values))  # type: ignore[arg-type]
            events = _map_in_pieces(self._read, values)
        except (*_REFUSALS, ValueError, TypeError):  # a TypeError is a value that is None
            events, indices, rejections = self._one_by_one(values)
        times, unfit = self._times(events)
        unfit |= self._misfits(events)
        if not unfit:
            return DecodedStructs(events, indices, rejections, times)
        places = range(len(values)) if indices is None else indices
        rejections += [Rejection(places[i], refusal(self.model, values[places[i]] or b"")) for i in unfit]
        kept = [i for i in range(len(events)) if i not in unfit]
        times = {name: column[kept] for name, column in times.items()}
        return DecodedStructs([events[i] for i in kept], [places[i] for i in kept], sorted(rejections), times)

    def _misfits(self, events: list[Any]) -> set[int]:
        """Return the events of which a field does not match its pattern."""
        misfits: set[int] = set()
        for name, pattern in self._patterns.items():
            column = list(map(attrgetter(name), events))
            wrong = {value for value in set(column) if not pattern.search(value)}
            if wrong:
                misfits.update(i for i, value in enumerate(column) if value in wrong)
        return misfits

    def _times(self, events: list[Any]) -> tuple[dict[str, Ints], set[int]]:
        """Read the fields that were left as text; return also the events of which one is no instant."""
        times, unread = {}, set[int]()
        for name in self._instants:
            times[name], wrong = instants_ms(list(map(attrgetter(name), events)))
            unread.update(wrong)
        return times, unread

    def _one_by_one(self, values: Sequence[bytes | None]) -> tuple[list[Any], list[int] | None, list[Rejection]]:
        events, indices, rejections = [], [], []
        for index, value in enumerate(values):
            try:
                events.append(self._decode_one(value))
                indices.append(index)
            except ValueError as error:
                rejections.append(Rejection(index, str(error)))
        return events, indices if rejections else None, rejections

    def _decode_one(self, value: bytes | None) -> Any:
        if value is None:
            raise ValueError("the message has no value; an event is a JSON object")
        self._require_size(len(value))
        try:
            _require_utf8(value)
            return self._read(value)
        except _REFUSALS as error:
            raise ValueError(refusal(self.model, value, error)) from error

    def _require_size(self, size: int) -> None:
        if size > self.max_bytes:
            raise ValueError(f"the value has {size:,} bytes, more than the {self.max_bytes:,} allowed")


def _map_in_pieces(read: Callable[[bytes], Any], values: Sequence[Any]) -> list[Any]:
    """Decode in pieces of a millisecond, so that other threads are not kept from the interpreter for longer."""
    events: list[Any] = []
    for start in range(0, len(values), _PIECE):
        events.extend(map(read, values[start : start + _PIECE]))
    return events


def _patterns(model: type[BaseModel]) -> dict[str, re.Pattern[str]]:
    """Return the patterns of a model's required text fields that have no other constraint."""
    found = {}
    for name, declared in model.model_fields.items():
        if declared.is_required() and declared.annotation is str:
            meta = bounds(constraints(declared))
            if meta is not None and meta.pattern and meta.min_length is None and meta.max_length is None:
                found[name] = re.compile(meta.pattern)
    return found


def _require_utf8(value: bytes) -> None:
    """Raise UnicodeDecodeError for bytes that are not UTF-8, which msgspec does not notice in ignored fields."""
    if not value.isascii():
        value.decode()
