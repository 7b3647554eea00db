"""Decode a whole batch of JSON events into columns: scanned where that is certain, else by way of structs.

`events.codec.json_scan` is compiled when Shoal is installed. Where there was no C compiler it is missing;
then all events go by way of structs, with the same columns, at a third of the speed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from events.arrays import Ints
from events.codec.amount_columns import Amounts, currency_number
from events.codec.byte_columns import BinaryColumn
from events.codec.id_hashes import optional_hashes
from events.codec.scan_plan import ABSENT, Kind, scan_plan_of
from events.codec.struct_decoder import BatchDecoder, DecodedStructs, Rejection

try:
    from events.codec import json_scan
except ImportError:
    json_scan = None  # type: ignore[assignment]

__all__ = ["ABSENT", "ColumnDecoder", "DecodedColumns", "is_compiled"]

Column = Any  # an array (n,) or Amounts


def is_compiled() -> bool:
    """Return whether the scanner is there."""
    return json_scan is not None


@dataclass(frozen=True)
class DecodedColumns:
    """The n valid events of a batch in columns, where in the batch they stood, and what was refused.

    By a field's kind, its column is an array (n,) of text (None where there is none) or of its hashes, of integers
    (counts, ms since 1970 UTC, places in `choices`, `currency_number`; ABSENT where there is none), of doubles (NaN),
    or Amounts.
    """

    columns: Mapping[str, Column]
    positions: Ints
    rejections: list[Rejection]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]


class ColumnDecoder:
    """Decodes values of one model into the columns that are named; `max_bytes` bounds a single value.

    Of texts that are named in `hashed`, each with a seed, the column has the hashes (`events.codec.id_hashes`).
    With `compiled` false nothing is scanned, as on a machine without the scanner.

    >>> from events.schema.inputs import Exposure
    >>> decoder = ColumnDecoder(Exposure, ("customer_id", "occurred_at"))
    >>> read = decoder.decode([b"hello", b'{"event_id": "1", "customer_id": "c", "occurred_at": "1970-01-01T00:00:01Z",'
    ...                        b' "experiment": "e", "variant": "A"}'])
    >>> read["customer_id"].tolist(), read["occurred_at"].tolist(), read.positions.tolist(), len(read.rejections)
    (['c'], [1000], [1], 1)
    """

    def __init__(
        self,
        model: type[BaseModel],
        columns: Sequence[str],
        max_bytes: int = 1 << 20,
        *,
        hashed: Mapping[str, int] | None = None,
        compiled: bool = True,
    ) -> None:
        self._seeds = hashed or {}
        layout = scan_plan_of(model, (*columns, *self._seeds))
        self.choices = layout.choices
        self._kinds = layout.kinds
        self._defaults = {
            name: choices.index(model.model_fields[name].default)
            for name, choices in layout.choices.items()
            if model.model_fields[name].default is not None and not model.model_fields[name].is_required()
        }
        instants = tuple(name for name, kind in layout.kinds.items() if kind is Kind.INSTANT)
        self._decoder = BatchDecoder(model, max_bytes, instants)
        self._max_bytes = max_bytes
        self._scanner = None
        if compiled and json_scan is not None:
            self._scanner = json_scan.Scanner(layout.nodes, layout.names, layout.root, layout.columns)

    def decode(self, values: Sequence[bytes | None]) -> DecodedColumns:
        """Decode all the values."""
        if self._scanner is None:
            return self._structs(values)
        values = BinaryColumn.of(values)
        scanned = self._scanner.scan(values, self._max_bytes)
        accepted = np.flatnonzero(scanned.accepted)
        read = DecodedColumns({name: self._scanned(scanned, name) for name in self._kinds}, accepted, [])
        if len(accepted) == len(values):
            return read
        others = np.flatnonzero(~scanned.accepted)
        return _merged(read, self._structs(values.take(others).tolist()), others)

    def _scanned(self, scanned: "json_scan.Scan", name: str) -> Column:
        kind = self._kinds[name]
        if name in self._seeds:
            hashes = scanned.hashes(name, self._seeds[name])
            return optional_hashes(scanned.texts(name).tolist(), self._seeds[name]) if hashes is None else hashes
        if kind is Kind.TEXT:
            return scanned.texts(name)
        if kind is Kind.NUMBER:
            return scanned.numbers(name)
        integers = scanned.integers(name)
        if kind is Kind.AMOUNT:
            return Amounts(np.where(integers == ABSENT, 0, integers))
        return np.where(integers == ABSENT, self._defaults[name], integers) if name in self._defaults else integers

    def _structs(self, values: Sequence[bytes | None]) -> DecodedColumns:
        decoded = self._decoder.decode(values)
        return DecodedColumns(
            {name: self._attribute(decoded, name) for name in self._kinds}, decoded.positions, decoded.rejections
        )

    def _attribute(self, decoded: DecodedStructs, name: str) -> Column:
        kind = self._kinds[name]
        if kind is Kind.INSTANT:
            return decoded.instants[name]
        values = [getattr(event, name) for event in decoded.events]
        if name in self._seeds:
            return optional_hashes(values, self._seeds[name])
        if kind is Kind.TEXT:
            return np.array(values, dtype=object)
        if kind is Kind.AMOUNT:
            return Amounts.of(values)
        if kind is Kind.NUMBER:
            return np.array([np.nan if value is None else value for value in values], np.float64)
        numbered: dict[Any, int] = {value: int(self._numbered(name, value)) for value in set(values)}
        return np.fromiter(map(numbered.__getitem__, values), np.int64, len(values))

    def _numbered(self, name: str, value: Any) -> int:
        if value is None:
            return ABSENT
        if name in self.choices:
            return self.choices[name].index(value)
        return currency_number(value) if self._kinds[name] is Kind.CODE else int(value)


def _merged(first: DecodedColumns, second: DecodedColumns, places: Ints) -> DecodedColumns:
    """Put together two parts of a batch; those of the second stood at `places`."""
    positions = np.concatenate([first.positions, places[second.positions]])
    order = np.argsort(positions, kind="stable")
    columns = {name: _joined(column, second[name], order) for name, column in first.columns.items()}
    return DecodedColumns(
        columns, positions[order], [Rejection(int(places[i]), reason) for i, reason in second.rejections]
    )


def _joined(first: Column, second: Column, order: Ints) -> Column:
    if isinstance(first, Amounts):
        shifted = {len(first.thousandths) + i: other for i, other in second.others.items()}
        return Amounts(np.concatenate([first.thousandths, second.thousandths]), shifted).take(order)
    return np.concatenate([first, second])[order]
