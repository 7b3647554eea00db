"""The `customers` topic: CRM profiles in columns, and as the JSON of what each tells."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from consumers.inputs.bounds import EventBounds
from consumers.inputs.columns import Columns, Decoding, column, milliseconds, names_column
from events.codec.field_coercion import coerce_refused
from events.codec.id_hashes import event_hashes
from events.codec.struct_decoder import BatchDecoder
from events.schema.field_types import TOO_DEEP, is_too_deep
from events.schema.inputs import CustomerProfile
from state.customers.attribute_columns import AttributeColumns

__all__ = ["ProfileColumns", "ProfileInput"]


@dataclass(frozen=True)
class ProfileColumns(Columns):
    """`documents` (n) hold the fields that each event told, those told to be null as null."""

    documents: list[bytes]


class ProfileInput:
    """Decodes profiles; `attributes` gives the numbers among their attributes columns in the records."""

    topic = "customers"

    def __init__(
        self,
        max_bytes: int,
        attributes: AttributeColumns | None = None,
        bounds: EventBounds = EventBounds(),  # noqa: B008 - immutable
    ) -> None:
        self._decoder = BatchDecoder(CustomerProfile, max_bytes, unset=True)
        self._attributes, self._bounds = attributes, bounds

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice of profiles."""
        decoded, set_aside = self._decoder.decode(values), dict[int, list[str]]()
        if decoded.rejections and (coerced := coerce_refused(self.topic, values, decoded.rejections)):
            values, set_aside = coerced
            decoded = self._decoder.decode(values)
        events = decoded.events
        signed_up = [event.signed_up_at or None for event in events]
        known = np.array([instant is not None for instant in signed_up], np.bool_)
        signed = np.zeros(len(events), np.int64)
        signed[known] = milliseconds([instant for instant in signed_up if instant is not None])
        for event in events:
            if type(event.age) is float:  # 42.0 is 42
                event.age = int(event.age)
        attributes = [event.attributes or {} for event in events]
        if self._attributes is not None:
            for each in filter(None, attributes):
                self._attributes.register(each)
        columns = ProfileColumns(
            names_column(events, "customer_id"),
            event_hashes(column(events, "event_id"), self.topic),
            milliseconds(column(events, "occurred_at")),
            [msgspec.json.encode(event) for event in events],
        )
        rejections = self._bounds.check(columns, latest_ms)
        rejections.times(np.where(known, signed, latest_ms), self._bounds.earliest_ms, latest_ms, "signed_up_at")
        rejections.where(np.array([is_too_deep(each) for each in attributes], np.bool_), lambda _: TOO_DEEP)
        split = rejections.split(columns, decoded.positions, decoded.rejections)
        kept = set_aside.keys() & set(split.positions.tolist()) if set_aside else set_aside
        return split._replace(set_aside={i: set_aside[i] for i in kept})
