"""The `customers` topic: CRM profiles in columns, and as the JSON that is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from consumers.inputs.bounds import EventBounds
from consumers.inputs.columns import Columns, Decoding, column, milliseconds, names_column
from events.arrays import Ints
from events.codec.id_hashes import event_hashes
from events.codec.struct_decoder import BatchDecoder
from events.schema.inputs import CustomerProfile
from state.customers.records import NEVER_FIRST, PROFILE_NUMBERS
from state.customers.stored_attributes import AttributeColumns

__all__ = ["ProfileColumns", "ProfileInput"]

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class ProfileColumns(Columns):
    """`numbers` (n, PROFILE_NUMBERS) are age, income and the declared attributes, NaN where absent."""

    signed_up: Ints
    numbers: npt.NDArray[np.float32]
    documents: list[bytes]


class ProfileInput:
    """Decodes profiles; `attributes` names those kept as numbers beside age and income, or gives them columns."""

    topic = "customers"

    def __init__(
        self,
        max_bytes: int,
        attributes: "Sequence[str] | AttributeColumns" = (),
        bounds: EventBounds = EventBounds(),  # noqa: B008 - immutable
    ) -> None:
        self._bounds = bounds
        self._decoder = BatchDecoder(CustomerProfile, max_bytes)
        self._columns = attributes if isinstance(attributes, AttributeColumns) else None
        self._declared = () if isinstance(attributes, AttributeColumns) else tuple(attributes)[: PROFILE_NUMBERS - 2]

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice of profiles."""
        decoded = self._decoder.decode(values)
        events = decoded.events
        signed_up = [event.signed_up_at for event in events]
        known = np.array([instant is not None for instant in signed_up], np.bool_)
        signed = np.full(len(events), NEVER_FIRST, np.int64)
        signed[known] = milliseconds([instant for instant in signed_up if instant is not None])
        numbers = np.full((len(events), PROFILE_NUMBERS), np.nan, np.float32)
        if self._columns is not None:
            for event in events:
                if event.attributes:
                    self._columns.register(event.attributes)
        names = self._declared if self._columns is None else self._columns.names
        for i, event in enumerate(events):
            numbers[i, : 2 + len(names)] = _numbers(event, names)
        columns = ProfileColumns(
            names_column(events, "customer_id"),
            event_hashes(column(events, "event_id"), self.topic),
            milliseconds(column(events, "occurred_at")),
            signed,
            numbers,
            [msgspec.json.encode(event) for event in events],
        )
        rejections = self._bounds.check(columns, latest_ms)
        rejections.times(np.where(known, signed, latest_ms), self._bounds.earliest_ms, NEVER_FIRST, "signed_up_at")
        return rejections.split(columns, decoded.positions, decoded.rejections)


def _numbers(event: Any, names: Sequence[str]) -> list[float]:
    attributes = event.attributes or {}
    declared = [attributes.get(name) for name in names]
    return [
        float(value) if isinstance(value, int | float) and abs(value) <= _LARGEST else float("nan")
        for value in (event.age, event.income, *declared)
    ]
