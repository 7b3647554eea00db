"""Segment changes as structs: made, encoded and read many at a time."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol, get_args, overload

import msgspec
import numpy as np

from events.arrays import Ints
from events.codec.rounded_numbers import Codes, number_table, number_values
from events.codec.text_rows import Part, Table, build_rows
from events.schema.derived_structs import struct_of
from events.schema.outputs import Cause, SegmentChange

__all__ = [
    "Change",
    "ChangeBatch",
    "MovedFeature",
    "change_time_ms",
    "decode_change",
    "make_change",
    "make_moved_feature",
    "segment_number",
]


class MovedFeature(Protocol):
    """A feature that made the difference."""

    feature: str
    before: float | None
    after: float | None


class Change(Protocol):
    """The fields of a segment change; `changed_at` is RFC 3339 text."""

    change_id: str
    customer_id: str
    change_number: int
    changed_at: str
    cause: Cause
    segment_id: str | None
    segment: str | None
    previous: str | None
    previous_segment: str | None
    baseline: int
    model_version: int
    merged_into: str | None
    distance: float | None
    previous_distance: float | None
    usual_gap_days: float | None
    moved: list[MovedFeature]


_ChangeStruct: Any = struct_of(SegmentChange, as_text=("changed_at",))
_MovedStruct: Any = get_args(_ChangeStruct.__annotations__["moved"])[0]
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_ChangeStruct)


def make_change(**values: Any) -> Change:
    """Return a change with these fields."""
    change: Change = _ChangeStruct(**values)
    return change


def make_moved_feature(feature: str, before: float | None = None, after: float | None = None) -> MovedFeature:
    """Return a feature that made the difference."""
    moved: MovedFeature = _MovedStruct(feature=feature, before=before, after=after)
    return moved


def decode_change(value: bytes) -> Change:
    """Read a change. Raises msgspec.ValidationError."""
    change: Change = _decoder.decode(value)
    return change


class ChangeBatch(Sequence[Change]):
    """The segment changes of many customers, which are few kinds of change: from here to there, for this cause.

    Change i is of kind `kinds[i]`, with a customer and a change number of its own. Its evidence are the numbers whose
    codes are `evidence_codes[i]` (`events.codec.rounded_numbers`): distance, previous distance, usual gap, then before
    and after of each moved feature. So only what differs is written for each. Without `evidence_codes` a change has the
    evidence of its kind, and the bytes are those that the encoder writes for the change by itself.

    >>> kind = make_change(change_id="", customer_id="", change_number=0, changed_at="2026-01-01T00:00:00Z",
    ...     cause="time", segment_id="s2", segment="At-Risk", previous=None, previous_segment=None, baseline=1,
    ...     model_version=3)
    >>> batch = ChangeBatch(["anna", "bob"], [4, 1], [0, 0], [kind])
    >>> batch[0].change_id, decode_change(batch.encode()[1]).customer_id
    ('anna:4', 'bob')
    """

    def __init__(
        self,
        customer_ids: list[str],
        numbers: list[int],
        kinds: Sequence[int],
        prototypes: Sequence[Change],
        evidence_codes: Codes | None = None,
    ) -> None:
        self.customer_ids, self.numbers, self.kinds, self.prototypes = customer_ids, numbers, kinds, prototypes
        self.evidence_codes = evidence_codes
        self._whole: tuple[ChangeBatch, int, int] | None = None
        self._rows: dict[Rows, list[bytes]] = {}

    @classmethod
    def of(cls, changes: Sequence[Change]) -> "ChangeBatch":
        """Return any changes as a batch."""
        if isinstance(changes, ChangeBatch):
            return changes
        ids, numbers = [each.customer_id for each in changes], [each.change_number for each in changes]
        return cls(ids, numbers, range(len(changes)), changes)

    def part(self, start: int, end: int) -> "ChangeBatch":
        """Return the changes from position `start` to before `end`, with only the kinds that they are of."""
        if start == 0 and end == len(self):
            return self
        used = {kind: position for position, kind in enumerate(dict.fromkeys(self.kinds[start:end]))}
        part = ChangeBatch(
            self.customer_ids[start:end],
            self.numbers[start:end],
            [used[kind] for kind in self.kinds[start:end]],
            [self.prototypes[kind] for kind in used],
            None if self.evidence_codes is None else self.evidence_codes[start:end],
        )
        part._whole = self, start, end
        return part

    def rows(self, make: "Rows") -> list[bytes]:
        """Return what `make` makes of each change; for all the parts of a batch it is called once."""
        if self._whole is not None:
            whole, start, end = self._whole
            return whole.rows(make)[start:end]
        if make not in self._rows:
            self._rows[make] = make(self)
        return self._rows[make]

    def __len__(self) -> int:
        return len(self.customer_ids)

    @overload
    def __getitem__(self, position: int) -> Change: ...

    @overload
    def __getitem__(self, position: slice) -> list[Change]: ...

    def __getitem__(self, position: int | slice) -> Change | list[Change]:
        if isinstance(position, slice):
            return [self[i] for i in range(*position.indices(len(self)))]
        customer_id, number = self.customer_ids[position], self.numbers[position]
        prototype: Any = self.prototypes[self.kinds[position]]
        own = {"change_id": f"{customer_id}:{number}", "customer_id": customer_id, "change_number": number}
        change: Change = msgspec.structs.replace(prototype, **own, **self._evidence_of(position, prototype))
        return change

    def _evidence_of(self, position: int, prototype: Change) -> dict[str, Any]:
        if self.evidence_codes is None:
            return {}
        distance, previous_distance, gap, *pairs = number_values(self.evidence_codes[position].tolist())
        moved = [
            make_moved_feature(each.feature, before, after)
            for each, before, after in zip(prototype.moved, pairs[::2], pairs[1::2], strict=True)
        ]
        return {"distance": distance, "previous_distance": previous_distance, "usual_gap_days": gap, "moved": moved}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    @cached_property
    def escaped_ids(self) -> list[str]:
        """The customer ids as they stand between the quotes of JSON text."""
        joined = "".join(self.customer_ids)
        if joined.isprintable() and '"' not in joined and "\\" not in joined:
            return self.customer_ids
        return [line[1:-1].decode() for line in _encoder.encode_lines(self.customer_ids).split(b"\n")[:-1]]

    @cached_property
    def kind_column(self) -> Ints:
        """The kind of each change (n,)."""
        return np.array(self.kinds, np.int64)

    @cached_property
    def number_column(self) -> Ints:
        """The number of each change (n,)."""
        return np.array(self.numbers, np.int64)

    def encode(self) -> list[bytes]:
        """Return the JSON of each change."""
        return self.rows(ChangeBatch._encoded)

    def _encoded(self) -> list[bytes]:
        names, numbers, kinds = self.escaped_ids, self.number_column, self.kind_column
        tails = [_tail(prototype) for prototype in self.prototypes]
        if self.evidence_codes is not None:
            tails = [tail.rpartition(b'"distance":null,')[0] for tail in tails]
        head: list[Part] = [b'{"change_id":"', names, b":", numbers, b'","customer_id":"', names]
        head += [b'","change_number":', numbers, b",", (kinds, Table(tails))]
        return build_rows(len(self), *head, *self._evidence())

    def _evidence(self) -> list[Part]:
        """Return the end of each change's JSON, from its distance on."""
        if self.evidence_codes is None:
            return []
        distance, previous, gap, *pairs = ((codes, number_table()) for codes in self.evidence_codes.T)
        parts: list[Part] = [b'"distance":', distance, b',"previous_distance":', previous, b',"usual_gap_days":', gap]
        parts.append(b',"moved":[')
        for i, (before, after) in enumerate(zip(pairs[::2], pairs[1::2], strict=True)):
            openings = [b'{"feature":' + _encoder.encode(each.moved[i].feature) for each in self.prototypes]
            parts += [b"," if i else b"", (self.kind_column, Table(openings)), b',"before":', before]
            parts += [b',"after":', after, b"}"]
        return [*parts, b"]}"]


Rows = Callable[[ChangeBatch], list[bytes]]
"""Makes one row of bytes for each change."""


def _tail(prototype: Any) -> bytes:
    """Return the JSON of what all changes of a kind share; the three fields that differ come first."""
    shared = msgspec.structs.replace(prototype, change_id="", customer_id="", change_number=0)
    return _encoder.encode(shared).removeprefix(b'{"change_id":"","customer_id":"","change_number":0,')


def segment_number(segment_id: str) -> int:
    """Return the number that records hold for a segment id. Raises ValueError.

    >>> segment_number("s3")
    3
    """
    return int(segment_id.removeprefix("s"))


def change_time_ms(change: Change) -> int:
    """Return when a change happened, in ms since 1970 UTC."""
    return round(datetime.fromisoformat(change.changed_at).timestamp() * 1000)
